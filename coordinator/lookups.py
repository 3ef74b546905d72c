"""What is known of the grid's networks: cached, looked up once while many wait, looked up again when it ages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from coordinator.attachment_work import AllocateWork, Place
from coordinator.core.networks import Network
from protocol.errors import Problem, TryAgain

BAD_NEWS_KEPT_S: Final = 5.0
"""How long a network that cannot be used is refused without asking the grid again."""

NETWORKS_MAX: Final = 4096
"""Beyond this many, the oldest is forgotten: whoever writes configurations could add ever more."""


@dataclass
class _Entry:
    known_at_s: float | None = None
    asking: bool = False
    problem: Problem | None = None
    problem_until_s: float = 0.0
    waiting: list[AllocateWork] = field(default_factory=list)


class Lookups:
    """The cache. `ttl_s` is the age at which a network is looked up again, beside the work that uses it."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._entries: dict[Network, _Entry] = {}
        self._exhausted: dict[tuple[str, str], tuple[Problem, float]] = {}

    def is_ready(self, network: Network) -> bool:
        """Whether allocations may go ahead."""
        return self._entry(network).known_at_s is not None

    def bad_news(self, network: Network, now_s: float) -> Problem | None:
        """Why the network could not be used a moment ago."""
        entry = self._entry(network)
        return entry.problem if now_s < entry.problem_until_s else None

    def should_ask(self, network: Network, now_s: float) -> bool:
        """Whether the grid is to be asked now; the answer must then be given by `prepared` or `failed`."""
        entry = self._entry(network)
        fresh = entry.known_at_s is not None and now_s < entry.known_at_s + self._ttl_s
        if fresh or entry.asking:
            return False
        entry.asking = True
        return True

    def gateways(self) -> set[Place]:
        """The gateways of all networks that were asked for."""
        return {(network.view, network.gateway) for network in self._entries if network.gateway}

    def name_of(self, view: str, subnet: str) -> str:
        """What network configurations call a network; empty where none has asked for it."""
        return next((each.name for each in self._entries if (each.view, each.subnet) == (view, subnet)), "")

    def wait(self, network: Network, work: AllocateWork) -> None:
        """Keep the work until the network is ready."""
        self._entry(network).waiting.append(work)

    def prepared(self, network: Network, now_s: float) -> list[AllocateWork]:
        """The network can give addresses: what waited for it."""
        entry = self._entry(network)
        entry.known_at_s, entry.asking, entry.problem = now_s, False, None
        entry.waiting, waited = [], entry.waiting
        return waited

    def failed(self, network: Network, problem: Problem, now_s: float) -> list[AllocateWork]:
        """The network cannot be used: what waited for it in vain."""
        entry = self._entry(network)
        entry.asking = False
        if not isinstance(problem, TryAgain):
            entry.known_at_s = None
            entry.problem, entry.problem_until_s = problem, now_s + BAD_NEWS_KEPT_S
        entry.waiting, waited = [], entry.waiting
        return waited

    def contradicted(self, network: Network) -> None:
        """The grid has said otherwise: ask again before the network is used."""
        self._entry(network).known_at_s = None

    def exhausted(self, network: Network, problem: Problem, now_s: float) -> None:
        """The network has no address left; that is not asked again for some seconds."""
        until_s = now_s + BAD_NEWS_KEPT_S
        self._exhausted = {place: kept for place, kept in self._exhausted.items() if now_s < kept[1]}
        self._exhausted[network.view, network.subnet] = problem, until_s

    def exhaustion(self, view: str, subnet: str, now_s: float) -> Problem | None:
        """What to say of a network that had no address left a moment ago."""
        problem, until_s = self._exhausted.get((view, subnet), (None, 0.0))
        return problem if now_s < until_s else None

    def freed(self, view: str, subnet: str) -> None:
        """An address of the network was released."""
        self._exhausted.pop((view, subnet), None)

    def _entry(self, network: Network) -> _Entry:
        if network not in self._entries and len(self._entries) >= NETWORKS_MAX:
            quiet = (each for each, entry in self._entries.items() if not entry.asking)
            self._entries.pop(next(quiet, network), None)
        return self._entries.setdefault(network, _Entry())
