"""What is tried before an ADD is told that its network is exhausted.

First connected nodes are asked for ready allocations, for at most a second; then addresses that rest after their
pods' end are freed before their time, the longest resting first.
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

ASK_BACK_EVERY_S: Final = 10.0
"""A network's ready allocations are asked back no more often."""


@dataclass
class _Shortage:
    until_s: float
    waiting: list[Callable[[float], None]] = field(default_factory=list)


class Shortages:
    """The networks that have no address left, while something is tried about it."""

    def __init__(self, parts: Parts, deletions: Deletions, grants: Grants) -> None:
        self._parts = parts
        self._deletions = deletions
        self._grants = grants
        self._short: dict[NetworkPlace, _Shortage] = {}
        self._asked_back_s: dict[NetworkPlace, float] = {}

    def wait(self, network: Network, retry: Callable[[float], None], now_s: float) -> bool:
        """Call `retry` when there may be an address again; False where nothing can be done about it."""
        place = network.view, network.subnet
        if shortage := self._short.get(place):
            shortage.waiting.append(retry)
            return True
        if now_s - self._asked_back_s.get(place, -ASK_BACK_EVERY_S) >= ASK_BACK_EVERY_S:
            self._asked_back_s[place] = now_s
            if self._grants.ask_back(network, count=1 + len(self._short)):
                self._short[place] = _Shortage(now_s + ASKED_BACK_S, [retry])
                return True
        if self._deletions.expedite(network.view, network.subnet, 1, now_s):
            retry(now_s)
            return True
        return False

    def freed(self, view: str, subnet: str, now_s: float) -> None:
        """An address of the network is free again."""
        shortage = self._short.pop((view, subnet), None)
        for retry in shortage.waiting if shortage else []:
            retry(now_s)

    def expire(self, now_s: float) -> None:
        """The second is over: free what rests, one address for each who waits, and let all try."""
        for (view, subnet), shortage in list(self._short.items()):
            if now_s >= shortage.until_s:
                self._deletions.expedite(view, subnet, len(shortage.waiting), now_s)
                self.freed(view, subnet, now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((shortage.until_s for shortage in self._short.values()), default=None)

    def problem(self, network: Network) -> Problem:
        """What to say of a network without an address."""
        place = network.view, network.subnet
        return NetworkExhausted(
            subnet=network.subnet,
            view=network.view,
            used=self._parts.index.count(*place),
            delayed=self._deletions.count_resting(*place),
        )
