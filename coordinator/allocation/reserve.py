"""Which asks for the reserve are granted: it must never be the reserve that exhausts a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESERVE_SHARE_MAX: Final = 0.05
"""Of a network's usable addresses, all agents together hold no more ready."""

FULL_SHARE: Final = 0.9
"""Where our objects fill so much of a network, nothing is granted."""


@dataclass(frozen=True)
class NetworkUse:
    """How a network is used. `usable`: addresses that the grid may give; `ours`: objects of this cluster in it."""

    usable: int
    ours: int
    ready: int
    ready_of_agent: int
    agents_asking_without: int
    """Agents that have asked for one lately and have none."""


def is_granted(use: NetworkUse, reserve: int) -> bool:
    """Whether an agent gets one more ready allocation of this network.

    At least one may be ready in any network. No agent gets a second one before every agent that asks has one.
    """
    if use.ready_of_agent >= reserve or use.ours >= FULL_SHARE * use.usable:
        return False
    if use.ready >= max(1, int(RESERVE_SHARE_MAX * use.usable)):
        return False
    return use.ready_of_agent == 0 or use.agents_asking_without == 0


def usable_addresses(prefix_length: int) -> int:
    """How many addresses of an IPv4 network of this prefix length are no network or broadcast address."""
    size = 1 << (32 - prefix_length)
    return size if prefix_length >= 31 else size - 2
