"""What can be wrong with the ranges of a network, with what is excluded from them, and with a named address."""

from __future__ import annotations

from coordinator.core.errors import Refused
from protocol.errors import INVALID_NETWORK_CONFIG


class FamilyNotServed(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} is {family}, of which no addresses are given for now"
    remedy = "Name a subnet of IPv4."


class NamedAddressNotServed(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "the address {address} is asked for, and no pod gets one that it names for now"
    remedy = "Name none: the grid chooses."


class ExcludeTooLarge(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.exclude names more than {limit} addresses of {subnet}"
    remedy = "Make a range of them in the grid (DHCP range, reserved range): it offers nothing of ranges."


class FamiliesMixed(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.ranges has both families in one set: {subnets}"
    remedy = "Write a set for each family."
