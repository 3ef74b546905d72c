"""Whether a network can give addresses: looked up once while many wait, looked up again when it ages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from coordinator.core.networks import Network
from coordinator.core.outbox import Outbox
from coordinator.core.policy import Policy
from coordinator.lane.runner import Runner
from coordinator.lane.task import Failed
from coordinator.provision.definitions import BAD_NEWS_KEPT_S, Definitions
from coordinator.provision.network_task import NetworkTask, Prepared
from coordinator.provision.objects import Provider
from protocol.errors import Problem, TryAgain

NETWORKS_MAX: Final = 4_096
"""Beyond this many, one that nobody waits for is forgotten: whoever writes configurations could add ever more."""

_BANNER: Final = (
    "the grid asks for a restart of its DHCP service after each pod whose MAC it is told: ignore that, since pods "
    "use no DHCP, or run the coordinator with --reservations-only true"
)

Then = Callable[[Problem | None, float], None]
"""Told with None when the network is ready, or with why it is not, and the time."""


@dataclass
class _Entry:
    known_at_s: float | None = None
    is_asking: bool = False
    problem: Problem | None = None
    problem_until_s: float = 0.0
    waiting: list[Then] = field(default_factory=list)
    is_served_told: bool = False


class Networks:
    """The networks that were asked for."""

    def __init__(
        self, policy: Policy, provider: Provider, definitions: Definitions, runner: Runner, outbox: Outbox
    ) -> None:
        self._policy = policy
        self._provider = provider
        self._definitions = definitions
        self._runner = runner
        self._outbox = outbox
        self._entries: dict[Network, _Entry] = {}
        self._exhausted: dict[tuple[str, str], tuple[Problem, float]] = {}

    def when_ready(self, network: Network, node: str, then: Then, now_s: float) -> None:
        """Call `then` when the network can give addresses, at once where that is known.

        `node` (NODE of the id that is asked for) is whose turn it takes to look it up.
        """
        entry = self._entry(network)
        if entry.problem and now_s < entry.problem_until_s:
            then(entry.problem, now_s)
            return
        self._definitions.refresh(now_s)
        self._refresh(network, node, entry, now_s)
        if entry.known_at_s is None:
            entry.waiting.append(then)
        else:
            then(self._definitions.objection(), now_s)

    def contradicted(self, network: Network) -> None:
        """The grid does not know it any more: it is looked up before it is used again."""
        self._entry(network).known_at_s = None

    def exhausted(self, network: Network, problem: Problem, now_s: float) -> None:
        """The network has no address left; that is not asked again for some seconds."""
        self._exhausted = {place: kept for place, kept in self._exhausted.items() if now_s < kept[1]}
        self._exhausted[network.view, network.subnet] = problem, now_s + BAD_NEWS_KEPT_S

    def exhaustion(self, network: Network, now_s: float) -> Problem | None:
        """What to say of a network that had no address left a moment ago."""
        problem, until_s = self._exhausted.get((network.view, network.subnet), (None, 0.0))
        return problem if now_s < until_s else None

    def freed(self, view: str, subnet: str, address: str) -> None:
        """An object was deleted; where a gateway's reservation should have been, that is made now."""
        self._exhausted.pop((view, subnet), None)
        for network, entry in self._entries.items():
            if (network.view, network.gateway) == (view, address):
                entry.known_at_s = entry.problem = None

    def _entry(self, network: Network) -> _Entry:
        if network not in self._entries and len(self._entries) >= NETWORKS_MAX:
            quiet = (each for each, entry in self._entries.items() if not entry.is_asking)
            self._entries.pop(next(quiet, network), None)
        return self._entries.setdefault(network, _Entry())

    def _refresh(self, network: Network, node: str, entry: _Entry, now_s: float) -> None:
        is_fresh = entry.known_at_s is not None and now_s < entry.known_at_s + self._policy.lookup_ttl_s
        if is_fresh or entry.is_asking:
            return
        entry.is_asking = True
        task = NetworkTask(
            self._provider,
            self._policy.user,
            network,
            may_create=self._policy.may_create_networks,
            objection=self._definitions.objection,
        )
        task.node = node
        self._runner.submit(task, lambda outcome, at_s: self._prepared(network, outcome, at_s), now_s)

    def _prepared(self, network: Network, outcome: Prepared | Failed, now_s: float) -> None:
        entry = self._entry(network)
        entry.is_asking = False
        entry.waiting, waiting = [], entry.waiting
        problem = outcome.problem if isinstance(outcome, Failed) else None
        if isinstance(outcome, Prepared):
            entry.known_at_s, entry.problem = now_s, None
            if outcome.created or outcome.remarks:
                facts = {"created": ", ".join(outcome.created), "remarks": ", ".join(outcome.remarks)}
                self._outbox.note("network_ready", network=network.subnet, view=network.view, **facts)
            if outcome.is_served and not entry.is_served_told and not self._policy.reservations_only:
                entry.is_served_told = True
                self._outbox.alarm("dhcp_members", network=network.subnet, view=network.view, remedy=_BANNER)
        elif not isinstance(problem, TryAgain):
            entry.known_at_s = None
            entry.problem, entry.problem_until_s = problem, now_s + BAD_NEWS_KEPT_S
        for then in waiting:
            then(problem, now_s)
