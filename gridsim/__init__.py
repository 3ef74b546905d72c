"""A simulated Infoblox grid that speaks the WAPI over HTTPS."""
