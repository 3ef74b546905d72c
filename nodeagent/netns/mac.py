"""Decides whether an interface has a MAC of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ZERO: Final = "00:00:00:00:00:00"


@dataclass(frozen=True)
class InterfaceMacs:
    """What was read: the interface's MAC, the one of the master outside; None where there is none."""

    interface: str | None
    master: str | None


def own_mac(read: InterfaceMacs, *, shares_mac: bool) -> str | None:
    """The MAC that identifies the interface in its network, None where it has none or shares its master's."""
    if shares_mac or read.interface in (None, _ZERO, read.master):
        return None
    return read.interface
