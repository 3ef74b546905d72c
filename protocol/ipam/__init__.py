"""The ipam section of a network configuration: its fields, the ranges and the addresses that it asks for."""
