"""Makes views, networks, gateways and attribute definitions ready, and remembers that they are."""
