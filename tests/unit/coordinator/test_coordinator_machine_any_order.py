"""Whatever crosses, is lost, commits late or dies: no address is held twice, and in the end nothing is left.

Two coordinators over one grid, three journals on two nodes that behave as the specification of the wire wants it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from machine_world import NETWORK, Agent, Fate, World

from protocol.wire import messages, values
from protocol.wire.values import ClaimRow, Label, LetGoRow, State

PING_S = 20.0
FATES = st.lists(st.sampled_from(list(Fate)), max_size=4)


class Journal:
    """What one agent knows. It asks, holds, lets go and disowns as the specification says."""

    def __init__(self, node: str, journal: str) -> None:
        self.node = node
        self.journal = journal
        self.agent: Agent | None = None
        self.asked: set[str] = set()
        self.claims: dict[str, messages.Allocated | values.OrphanRow] = {}
        self.let_go: set[str] = set()
        self.lost: set[str] = set()

    def connect(self, world: World) -> None:
        self.agent = world.agent(self.node, journal=self.journal)
        self.asked = set()
        self.agent.hello(
            claims=[self._row(allocation, told) for allocation, told in self.claims.items()],
            let_go=[
                LetGoRow(allocation=each, family=4, age_ms=40_000, was_held=True) for each in sorted(self.let_go)
            ],
        )
        self.work_off()

    def ask(self) -> None:
        assert self.agent
        world = self.agent.world
        allocation = str(self.agent.owner.draw(world.draw()))
        self.asked.add(allocation)
        self.agent.say(
            messages.Allocate(
                id="a", wants=[values.Want(allocation=allocation, network=NETWORK)], budget_ms=50_000
            )
        )
        self.work_off()

    def release(self, allocation: str) -> None:
        self.claims.pop(allocation, None)
        self.lost.discard(allocation)
        self.let_go.add(allocation)
        if self.agent:
            self.agent.let_go(allocation, age_ms=40_000)
            self.work_off()

    def label(self, allocation: str) -> None:
        assert self.agent
        label = Label(container_id=f"c{allocation[-6:]}", ifname="eth0")
        self.agent.label(allocation, label)
        self.work_off()

    def ping(self) -> None:
        if self.agent:
            self.agent.say(messages.Ping(id="p"))
            self.work_off()

    def work_off(self) -> None:
        """Answer what was heard, until there is nothing more."""
        while self.agent and self.agent.heard:
            message = self.agent.heard.pop(0)
            handler = getattr(self, f"_on_{message.type}", None)  # type: ignore[attr-defined]
            if handler:
                handler(message)

    def _on_allocated(self, message: messages.Allocated) -> None:
        if message.allocation in self.asked:
            self.asked.discard(message.allocation)
            self.claims[message.allocation] = message
        elif message.allocation not in self.claims:
            self._drop(message.allocation)

    def _on_unknown(self, message: messages.Unknown) -> None:
        self.asked.discard(message.allocation)
        if message.allocation not in self.claims:
            self._drop(message.allocation)

    def _on_declined(self, message: messages.Declined) -> None:
        if message.allocation:
            self.asked.discard(message.allocation)

    def _on_whose(self, message: messages.Whose) -> None:
        mine = [each for each in message.allocations if self._is_mine(each)]
        assert self.agent
        disowned = [each for each in message.allocations if each not in mine]
        self.agent.say(messages.Answer(id="w", mine=mine, disowned=disowned))

    def _on_orphans(self, message: messages.Orphans) -> None:
        for row in message.rows:
            if row.allocation in self.let_go:
                self._drop(row.allocation)
            else:
                self.claims[row.allocation] = row

    def _on_gone(self, message: messages.Gone) -> None:
        self.let_go.difference_update(message.allocations)

    def _on_lost(self, message: messages.Lost) -> None:
        if self.claims.pop(message.allocation, None):
            self.lost.add(message.allocation)

    def _is_mine(self, allocation: str) -> bool:
        return any(allocation in known for known in (self.claims, self.asked, self.let_go, self.lost))

    def _drop(self, allocation: str) -> None:
        self.let_go.add(allocation)
        assert self.agent
        self.agent.let_go(allocation, was_held=False)

    def _row(self, allocation: str, told: Any) -> ClaimRow:
        return ClaimRow(
            allocation=allocation,
            view=told.view,
            subnet=told.subnet,
            network_name="pods",
            address=told.address,
            state=State.HELD,
            seal=told.seal,
        )


class AnyOrder(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.first = World(release_delay_s=30.0)
        self.second = World(grid=self.first.grid, release_delay_s=30.0)
        # Both draw from one source, as no two ids are ever equal.
        self.second.draw = self.first.draw  # type: ignore[method-assign]
        self.worlds = (self.first, self.second)
        self.journals = [Journal("node-1", "5" * 8), Journal("node-2", "6" * 8)]
        self.only: int | None = None
        """Since somebody has deleted objects, the coordinator that serves everybody."""

    @rule(journal=st.integers(0, 1), coordinator=st.integers(0, 1))
    def connect(self, journal: int, coordinator: int) -> None:
        self.journals[journal].connect(self.worlds[coordinator if self.only is None else self.only])

    @rule(journal=st.integers(0, 1), fates=FATES)
    def ask(self, journal: int, fates: list[Fate]) -> None:
        each = self.journals[journal]
        is_heard = self.only is None or all(other.agent or not other.claims for other in self.journals)
        if each.agent and is_heard:
            self._with(fates)
            each.ask()

    @rule(journal=st.integers(0, 1), which=st.integers(0, 5), fates=FATES)
    def release(self, journal: int, which: int, fates: list[Fate]) -> None:
        each = self.journals[journal]
        if each.claims:
            self._with(fates)
            each.release(sorted(each.claims)[which % len(each.claims)])

    @rule(journal=st.integers(0, 1), which=st.integers(0, 5), fates=FATES)
    def label(self, journal: int, which: int, fates: list[Fate]) -> None:
        each = self.journals[journal]
        if each.claims and each.agent:
            self._with(fates)
            each.label(sorted(each.claims)[which % len(each.claims)])

    @rule(journal=st.integers(0, 1))
    def journal_is_lost(self, journal: int) -> None:
        """In a running boot: its pods are gone as far as this model is concerned, its objects are orphans."""
        old = self.journals[journal]
        self.journals[journal] = Journal(old.node, self.first.draw()[-8:])

    @rule(coordinator=st.integers(0, 1))
    def coordinator_is_restarted(self, coordinator: int) -> None:
        world = self.worlds[coordinator]
        world.fate = lambda call: Fate.ANSWERED
        world.restart()
        for journal in self.journals:
            if journal.agent and journal.agent.world is world:
                journal.agent = None
                journal.asked = set()

    @rule(which=st.integers(0, 5))
    def admin_deletes(self, which: int) -> None:
        """What claims of others a coordinator can know are those of agents that are connected to it alone."""
        used = {self.worlds.index(each.agent.world) for each in self.journals if each.agent}
        addresses = sorted(self.first.objects().values())
        if addresses and len(used) == 1:
            (self.only,) = used
            self.first.delete_by_admin(addresses[which % len(addresses)])

    @rule()
    def late_calls_commit(self) -> None:
        for world in self.worlds:
            world.commit_late()

    @rule(seconds=st.sampled_from([1.0, 35.0, 61.0, 601.0]))
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @invariant()
    def no_address_is_held_twice(self) -> None:
        if not hasattr(self, "journals"):
            return
        held = [told.address for each in self.journals for told in each.claims.values()]
        assert len(held) == len(set(held)), held

    def teardown(self) -> None:
        if not hasattr(self, "journals"):
            return
        for world in self.worlds:
            world.commit_late()
        for journal in self.journals:
            journal.connect(self.worlds[self.only or 0])
        for _ in range(4):
            self._pass(601.0)
        claimed = {allocation for each in self.journals for allocation in each.claims}
        assert set(self.first.objects()) == claimed
        assert not any(each.let_go for each in self.journals)

    def _with(self, fates: list[Fate]) -> None:
        for world in self.worlds:
            coming = iter(fates)
            world.fate = lambda call, coming=coming: next(coming, Fate.ANSWERED)  # type: ignore[misc]

    def _pass(self, seconds: float) -> None:
        """Agents ping their coordinators meanwhile, so that they do not count as silent."""
        left_s = seconds
        while left_s > 0:
            for world in self.worlds:
                world.passes(min(left_s, PING_S))
            left_s -= PING_S
            for journal in self.journals:
                journal.ping()


AnyOrder.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestAnyOrder = AnyOrder.TestCase
