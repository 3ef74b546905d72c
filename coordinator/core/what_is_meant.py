"""Tells what a person's word names: an address, an allocation's id, or something else."""

from __future__ import annotations

from ipaddress import IPv4Address

from protocol.wire.allocation_id import AllocationId


def is_address(text: str) -> bool:
    """Whether it is an IPv4 address."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def is_id(text: str) -> bool:
    """Whether it is the id of an allocation."""
    try:
        AllocationId.parse(text)
    except ValueError:
        return False
    return True
