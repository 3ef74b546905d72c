"""The agent's machine under any interleaving of plugins, journal, connection, coordinator, grid, and their deaths.

Around it stands a world that does what it is told. The checks know only what was written, sent and said:
- no address is told to two pods, and nothing that a pod has is deleted;
- an ADD is told an address of each family that it wants, or none;
- the same ADD gets the same answer;
- in the end the grid holds exactly what the journal claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice

from core_builders import IDENTITY
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from model_coordinator import SUBNETS, Grid, ModelCoordinator

from nodeagent.domain.allocation import IN_USE, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod, Want
from nodeagent.domain.effects import (
    Effect,
    LookAtNamespaces,
    LookUpEndpoint,
    ReadMac,
    RenewSocket,
    Reply,
    Transmit,
)
from nodeagent.domain.events import (
    AddAsked,
    Connected,
    ConnectionLost,
    DelAsked,
    Delivered,
    EndpointLookedUp,
    Event,
    HungUp,
    MacRead,
    NamespacesSeen,
    Received,
    Ticked,
)
from nodeagent.domain.outcomes import Done, Granted
from nodeagent.domain.presence import Directory, Sight
from nodeagent.journal.contents import Contents
from nodeagent.journal.rows import Rows
from nodeagent.machine import Options, make_machine
from protocol.family import Family
from protocol.wire.messages import ToAgent, ToCoordinator

ATTACHMENTS = [AttachmentId("c1", "eth0"), AttachmentId("c1", "net1"), AttachmentId("c2", "eth0")]
V4, V6 = (Network("pods", subnet=subnet) for subnet in SUBNETS.values())
ANY = [(Want(V4),), (Want(V6),), (Want(V4), Want(V6))]
NAMED = [(Want(V4, "10.55.0.2"), Want(V6)), (Want(V4), Want(V6, "fd00:55::2")), (Want(V4, "10.55.0.2"),)]
PICK = st.integers(0, 10_000)
OUTCOME = st.sampled_from(["now", "now", "now", "late", "never", "lost"])
OUTCOMES = st.tuples(OUTCOME, OUTCOME)
DIRECTORY = Directory(1, 1)


Answer = tuple[str, ...]
"""The allocations of a result."""


@dataclass(frozen=True)
class Waiting:
    """A plugin that was not answered yet."""

    verb: str
    attachment: AttachmentId
    namespace: Namespace


class AnyOrder(RuleBasedStateMachine):
    """One node, one coordinator, one grid, three attachments."""

    @initialize(
        reserve=st.sampled_from([0, 1, 3]),
        first=st.sampled_from(ANY),
        others=st.tuples(*[st.sampled_from(ANY + NAMED)] * 2),
    )
    def begin(self, reserve: int, first: tuple[Want, ...], others: tuple[tuple[Want, ...], ...]) -> None:
        self.wants = dict(zip(ATTACHMENTS, (first, *others), strict=True))
        self.now_s = 1000.0
        self.numbers = count(1)
        self.durable = Contents(IDENTITY)
        self.grid = Grid()
        self.coordinator = ModelCoordinator(self.grid, reserve)
        self.namespace = {each: Namespace(f"/run/netns/{each}-0", next(self.numbers)) for each in ATTACHMENTS}
        self.alive = set(self.namespace.values())
        self.pods: dict[tuple[AttachmentId, Namespace], set[str]] = {}
        """What plugins have read, as long as the pod lives."""
        self.told: dict[tuple[AttachmentId, Namespace], Answer] = {}
        self.doubtful: set[tuple[AttachmentId, Namespace]] = set()
        """What may be held although no plugin has read it: the agent died before it could know, or write that."""
        self.is_disk_full = False
        self.start()

    def start(self) -> None:
        rows = self.rows = Rows(self.durable)
        self.machine = make_machine(rows, Options(), self.draw, lambda: 0.5, self.now_s)
        self.waiting: dict[int, Waiting] = {}
        self.reading: dict[int, tuple[Waiting, Answer]] = {}
        self.macs: list[int] = []
        self.looks: list[LookAtNamespaces] = []
        self.to_coordinator: list[ToCoordinator] = []
        self.to_agent: list[ToAgent] = []
        self.is_connected = False

    def draw(self) -> str:
        return f"{next(self.numbers):012x}"

    def turn(self, *events: Event) -> None:
        for event in events:
            self.machine.handle(event, self.now_s)
        changes = self.rows.changes()
        if changes and self.is_disk_full:
            self.rows.drop()
            effects = self.machine.dropped("/j", "full", self.now_s)
        else:
            self.rows.commit()
            self.durable = self.rows.contents()
            effects = self.machine.committed(changes, self.now_s)
        for effect in effects:
            self.perform(effect)
        lookups = [effect.endpoint for effect in effects if isinstance(effect, LookUpEndpoint)]
        if lookups:
            self.turn(*(EndpointLookedUp(endpoint, ("tcp://10.0.0.1:5510",)) for endpoint in lookups))

    def perform(self, effect: Effect) -> None:
        if isinstance(effect, Reply):
            self.replied(effect)
        elif isinstance(effect, Transmit) and self.is_connected:
            self.to_coordinator.append(effect.message)
        elif isinstance(effect, ReadMac):
            self.macs.append(effect.caller)
        elif isinstance(effect, LookAtNamespaces):
            self.looks.append(effect)
        elif isinstance(effect, RenewSocket):
            self.disconnect()

    def replied(self, reply: Reply) -> None:
        waiting = self.waiting.pop(reply.caller, None)
        if waiting is None:
            return
        if isinstance(reply.outcome, Done):
            assert waiting.verb == "DEL"
            assert not self.rows.naming(waiting.attachment, *IN_USE), "deleted, and still in use"
        elif isinstance(reply.outcome, Granted):
            self.granted(reply.caller, waiting, reply.outcome)

    def granted(self, caller: int, waiting: Waiting, outcome: Granted) -> None:
        answer, wants = outcome.allocations, self.wants[waiting.attachment]
        families = [Family.of(each.address) for each in outcome.addresses]
        assert families == [want.network.family for want in wants], "half of a pair, or in another order"
        key = (waiting.attachment, waiting.namespace)
        assert self.told.get(key, answer) == answer, "another answer to the same ADD"
        others = [ids for other, ids in self.pods.items() if other != key]
        for allocation, told, want in zip(answer, outcome.addresses, wants, strict=True):
            held = self.durable.allocations[allocation]
            assert held.state is State.HELD, "told before it was written"
            assert told.address.partition("/")[0] == held.address
            assert want.address in (None, held.address), "another address than the one that was named"
            if allocation in self.grid.objects:
                assert self.grid.objects[allocation].address == held.address
            assert not any(allocation in ids for ids in others), "one allocation for two pods"
        self.reading[caller] = (waiting, answer)

    # Plugins

    def caller(self, verb: str, which: AttachmentId) -> int:
        caller = next(self.numbers)
        self.waiting[caller] = Waiting(verb, which, self.namespace[which])
        return caller

    @rule(which=st.sampled_from(ATTACHMENTS))
    def add(self, which: AttachmentId) -> None:
        if self.namespace[which] not in self.alive:
            self.recreate(which)
        caller = self.caller("ADD", which)
        pod = Pod("web", "shop", which.container_id)
        self.turn(AddAsked(caller, f"r-{caller}", which, self.wants[which], self.namespace[which], pod))

    @rule(which=st.sampled_from(ATTACHMENTS))
    def delete(self, which: AttachmentId) -> None:
        """A runtime deletes what it will not use any more, whether or not an ADD is under way."""
        self.end_pods(lambda attachment, _: attachment == which)
        self.reading = {caller: each for caller, each in self.reading.items() if each[0].attachment != which}
        self.recreate(which)
        self.turn(DelAsked(self.caller("DEL", which), which))

    @rule(which=st.sampled_from(ATTACHMENTS))
    def sandbox_vanishes(self, which: AttachmentId) -> None:
        gone = self.namespace[which]
        self.alive.discard(gone)
        self.end_pods(lambda _, namespace: namespace == gone)

    @rule(which=st.sampled_from(ATTACHMENTS))
    def recreate(self, which: AttachmentId) -> None:
        """The container starts again under its ID, in another namespace."""
        self.sandbox_vanishes(which)
        self.namespace[which] = Namespace(f"/run/netns/{which}-{self.draw()}", next(self.numbers))
        self.alive.add(self.namespace[which])

    def end_pods(self, is_over: Callable[[AttachmentId, Namespace], bool]) -> None:
        self.pods = {key: ids for key, ids in self.pods.items() if not is_over(*key)}
        self.told = {key: each for key, each in self.told.items() if not is_over(*key)}

    @precondition(lambda self: self.waiting)
    @rule(pick=PICK)
    def plugin_is_killed(self, pick: int) -> None:
        caller = sorted(self.waiting)[pick % len(self.waiting)]
        del self.waiting[caller]
        self.turn(HungUp(caller))

    @precondition(lambda self: self.reading)
    @rule(pick=PICK, reads=st.booleans())
    def plugin_ends(self, pick: int, reads: bool) -> None:
        caller = sorted(self.reading)[pick % len(self.reading)]
        waiting, answer = self.reading.pop(caller)
        if reads:
            self.read(waiting, answer)
        elif self.is_disk_full:
            self.doubtful.add((waiting.attachment, waiting.namespace))
        self.turn(Delivered(caller) if reads else HungUp(caller))

    def read(self, waiting: Waiting, answer: Answer) -> None:
        key = (waiting.attachment, waiting.namespace)
        if waiting.namespace in self.alive and self.namespace[waiting.attachment] == waiting.namespace:
            pod = self.pods.setdefault(key, set())
            if not self.grid.lost.intersection(answer):
                pod.update(answer)
                self.told[key] = answer

    @precondition(lambda self: self.macs)
    @rule()
    def mac_is_read(self) -> None:
        self.turn(MacRead(self.macs.pop(0), None))

    @precondition(lambda self: self.looks)
    @rule()
    def namespaces_are_seen(self) -> None:
        look = self.looks.pop(0)
        sights = [Sight(each, DIRECTORY, each.inode if each in self.alive else None) for each in look.namespaces]
        self.turn(NamespacesSeen(look.look, tuple(sights)))

    # Connection and coordinator

    @rule()
    def connection_comes(self) -> None:
        if not self.is_connected:
            self.is_connected = True
            self.coordinator.begin()
            self.turn(Connected())

    def disconnect(self) -> None:
        self.is_connected = False
        self.to_coordinator.clear()
        self.to_agent.clear()
        self.coordinator.begin()

    @precondition(lambda self: self.is_connected)
    @rule(outcomes=st.lists(OUTCOMES, max_size=4))
    def connection_goes(self, outcomes: list[tuple[str, str]]) -> None:
        """Some of what was sent still arrives; nothing that is answered does."""
        for outcome in outcomes[: len(self.to_coordinator)]:
            self.coordinator.take(self.to_coordinator.pop(0), outcome)
        self.disconnect()
        self.turn(ConnectionLost("gone"))

    @precondition(lambda self: self.to_coordinator)
    @rule(outcomes=OUTCOMES)
    def coordinator_takes(self, outcomes: tuple[str, str]) -> None:
        self.to_agent += self.coordinator.take(self.to_coordinator.pop(0), outcomes)

    @precondition(lambda self: self.to_agent)
    @rule(count=st.integers(1, 3))
    def answers_arrive(self, count: int) -> None:
        arrived, self.to_agent = self.to_agent[:count], self.to_agent[count:]
        self.turn(*(Received(each) for each in arrived))

    @precondition(lambda self: self.coordinator.late)
    @rule()
    def grid_commits_late(self) -> None:
        self.coordinator.commit_late()

    @precondition(lambda self: self.coordinator.is_greeted)
    @rule()
    def coordinator_compares(self) -> None:
        self.to_agent += self.coordinator.compare()

    @precondition(lambda self: self.coordinator.is_greeted)
    @rule()
    def coordinator_doubts_everything(self) -> None:
        self.to_agent += self.coordinator.doubt()

    @precondition(lambda self: self.coordinator.deletable())
    @rule(pick=PICK)
    def coordinator_deletes(self, pick: int) -> None:
        deletable = self.coordinator.deletable()
        allocation = deletable[pick % len(deletable)]
        for key, ids in self.pods.items():
            assert allocation not in ids, f"{key} lives with what is deleted"
        for waiting, answer in self.reading.values():
            is_safe = waiting.namespace not in self.alive or bool(self.grid.lost.intersection(answer))
            assert is_safe or allocation not in answer, f"{waiting} is about to read what is deleted"
        self.to_agent += self.coordinator.delete(allocation)

    @precondition(lambda self: self.coordinator.is_greeted and self.coordinator.claims & set(self.grid.objects))
    @rule(pick=PICK)
    def admin_gives_an_address_away(self, pick: int) -> None:
        claimed = sorted(self.coordinator.claims & set(self.grid.objects))
        allocation = claimed[pick % len(claimed)]
        # Who has lost one address gets new ones for all when its ADD is repeated.
        self.told = {key: each for key, each in self.told.items() if allocation not in each}
        for ids in self.pods.values():
            if allocation in ids:
                ids.clear()
        self.to_agent += self.coordinator.lose(allocation)

    @precondition(lambda self: self.coordinator.is_greeted)
    @rule()
    def labels_are_wiped(self) -> None:
        for each in self.grid.objects.values():
            each.label = None

    # The node

    @rule(passed_s=st.sampled_from([0.5, 5.0, 30.0, 60.0, 3601.0]))
    def time_passes(self, passed_s: float) -> None:
        self.now_s += passed_s
        self.turn(Ticked())

    @rule(is_full=st.booleans())
    def disk_fills_or_empties(self, is_full: bool) -> None:
        self.is_disk_full = is_full

    @rule(reads=st.booleans())
    def agent_is_killed_and_starts_again(self, reads: bool) -> None:
        """What was answered may still be read; who was not answered is gone."""
        unsure = [*self.waiting.values(), *(waiting for waiting, _ in self.reading.values())]
        self.doubtful |= {(waiting.attachment, waiting.namespace) for waiting in unsure}
        if reads:
            for waiting, answer in self.reading.values():
                self.read(waiting, answer)
        self.disconnect()
        self.start()

    @rule()
    def journal_is_lost(self) -> None:
        self.agent_is_killed_and_starts_again(reads=True)
        self.told.clear()
        self.durable = Contents(replace(IDENTITY, journal=self.draw()[-8:]))
        self.start()

    @rule(which=st.sampled_from(ATTACHMENTS))
    def a_pod_starts_well(self, which: AttachmentId) -> None:
        """Get to the interesting places more often than chance would."""
        self.is_disk_full = False
        self.connection_comes()
        self.add(which)
        self.settle()
        self.all_read()

    @rule(which=st.sampled_from(ATTACHMENTS), steps=st.integers(1, 8))
    def an_add_gets_so_far(self, which: AttachmentId, steps: int) -> None:
        self.connection_comes()
        self.add(which)
        for step in islice(self.steps(), steps):
            step()

    @rule(which=st.sampled_from(ATTACHMENTS))
    def an_answer_stays_unread(self, which: AttachmentId) -> None:
        self.connection_comes()
        self.add(which)
        self.settle()
        while self.reading:
            self.plugin_ends(0, reads=False)

    def all_read(self) -> None:
        for caller in sorted(self.reading):
            waiting, answer = self.reading.pop(caller)
            self.read(waiting, answer)
            self.turn(Delivered(caller))

    def steps(self) -> Iterator[Callable[[], None]]:
        """What can be done next, while there is anything."""
        while True:
            if self.macs:
                yield self.mac_is_read
            elif self.looks:
                yield self.namespaces_are_seen
            elif self.to_coordinator:
                yield lambda: self.coordinator_takes(("now", "now"))
            elif self.to_agent:
                yield lambda: self.answers_arrive(1)
            elif self.coordinator.deletable():
                yield lambda: self.coordinator_deletes(0)
            else:
                return

    def settle(self) -> None:
        for step in self.steps():
            step()

    def teardown(self) -> None:
        """Everything works again: whoever asked is answered, and the grid holds what the journal claims."""
        if not hasattr(self, "machine"):
            return
        # The namespace of a living pod shows that the directory can be believed.
        self.a_pod_starts_well(ATTACHMENTS[0])
        while self.coordinator.late:
            self.grid_commits_late()
        # Each minute without a word breaks a connection; two looks judge what was adopted late, then it is let go.
        for _ in range(6):
            self.connection_comes()
            self.settle()
            self.all_read()
            self.coordinator_compares()
            self.settle()
            self.time_passes(60.0)
        self.settle()
        assert not self.waiting
        assert self.rows.count(State.LET_GO) == 0
        claimed = {row.id for row in self.rows.in_state(State.READY, State.HELD, State.ADOPTED)}
        assert set(self.grid.objects) == claimed
        in_use = {row.id for row in self.rows.in_state(*IN_USE)}
        assert set().union(*self.pods.values()) <= in_use
        held = {(each, row.namespace) for each, row in self.durable.attachments.items()}
        assert held <= set(self.pods) | self.doubtful
        assert all(self.grid.objects[row.id].label for row in self.rows.in_state(State.HELD))
        assert all(self.rows.count_ready(each) <= self.coordinator.reserve for each in (V4, V6))


AnyOrder.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestAnyOrder = AnyOrder.TestCase
