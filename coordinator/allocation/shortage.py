"""What is tried before an ADD is told that its network is exhausted.

First a connected node is asked for a ready allocation for each ADD, for at most a second; then addresses that rest
after their pods' end are freed before their time, the longest resting first. Now and then grid and journals are
compared as well, which serves the ADD after this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.grants import Grants
from coordinator.allocation.index import NetworkPlace
from coordinator.allocation.parts import Parts
from coordinator.core.errors import NetworkExhausted
from coordinator.core.networks import Network
from protocol.errors import Problem

ASKED_BACK_S: Final = 1.0
"""How long an ADD waits for ready allocations of other nodes."""

COMPARE_EVERY_S: Final = 60.0
"""No more often are grid and journals compared because a network has no address left."""


@dataclass
class _Shortage:
    until_s: float
    waiting: list[Callable[[float], None]] = field(default_factory=list)


class Shortages:
    """The networks that have no address left, while something is tried about it."""

    def __init__(
        self, parts: Parts, deletions: Deletions, grants: Grants, compare: Callable[[float], None]
    ) -> None:
        self._parts = parts
        self._deletions = deletions
        self._grants = grants
        self._short: dict[NetworkPlace, _Shortage] = {}
        self._compare = compare
        self._compared_s: float | None = None

    def wait(self, network: Network, retry: Callable[[float], None], now_s: float) -> bool:
        """Call `retry` when there may be an address again; False where nothing can be done about it."""
        self._compare_now_and_then(now_s)
        place = network.view, network.subnet
        is_asked = self._grants.ask_back(network, now_s)
        if shortage := self._short.get(place):
            shortage.waiting.append(retry)
            return True
        if is_asked:
            self._short[place] = _Shortage(now_s + ASKED_BACK_S, [retry])
            return True
        if self._deletions.expedite(network.view, network.subnet, 1, now_s):
            retry(now_s)
            return True
        return False

    def freed(self, view: str, subnet: str, now_s: float) -> None:
        """An address of the network is free again: it serves who has waited longest."""
        shortage = self._short.get((view, subnet))
        if shortage is None:
            return
        retry = shortage.waiting.pop(0)
        if not shortage.waiting:
            del self._short[view, subnet]
        retry(now_s)

    def expire(self, now_s: float) -> None:
        """The second is over: free what rests, one address for each who waits, and let all try."""
        for (view, subnet), shortage in list(self._short.items()):
            if now_s >= shortage.until_s:
                del self._short[view, subnet]
                self._deletions.expedite(view, subnet, len(shortage.waiting), now_s)
                for retry in shortage.waiting:
                    retry(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((shortage.until_s for shortage in self._short.values()), default=None)

    def problem(self, network: Network, now_s: float) -> Problem:
        """What to say of a network without an address."""
        place = network.view, network.subnet
        return NetworkExhausted(
            subnet=network.subnet,
            view=network.view,
            used=self._parts.index.count(*place),
            delayed=self._deletions.count_resting(*place),
            absent=self._grants.held_by_absent(network, now_s),
        )

    def _compare_now_and_then(self, now_s: float) -> None:
        """What nobody owns, or no live boot, is freed for the next ADD."""
        if self._compared_s is None or now_s - self._compared_s >= COMPARE_EVERY_S:
            self._compared_s = now_s
            self._compare(now_s)
