"""The attachments machine under any interleaving of plugins, journal, connection, coordinator, crashes.

Around the machine stands a world that does what it is told: a journal whose writes become durable late, a
coordinator that answers late, plugins that hang up. The checks know only what was written, sent, said.
"""

from __future__ import annotations

from agent_builders import BOOT, JOURNAL
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from request_builders import PODS

from nodeagent import wire_messages
from nodeagent.attachment_machine import Attachments
from nodeagent.cni.request import AddRequest
from nodeagent.commands import Command, ConfirmRelease, DropRelease, Forget, Persist, ReadMac, Reply, StartRelease
from nodeagent.commands import Transmit as TransmitCommand
from nodeagent.domain.attachment import AttachmentId, Pod
from nodeagent.domain.outcomes import Done, Granted
from nodeagent.events import (
    Added,
    Answered,
    Deleted,
    Delivered,
    Event,
    HungUp,
    LinkLost,
    LinkRaised,
    MacRead,
    Persisted,
    ReleaseConfirmed,
    ReleaseDropped,
    ReleaseStarted,
    Started,
    Ticked,
)
from nodeagent.journal_records import Record, State
from nodeagent.releases import Releases
from protocol.messages import Address, Allocate, Allocated, Declined, Release, Released

ATTACHMENTS = [AttachmentId("c1", "eth0"), AttachmentId("c1", "net1"), AttachmentId("c2", "eth0")]
PICK = st.integers(0, 10_000)


class AnyOrder(RuleBasedStateMachine):
    """One node, one coordinator, three attachments."""

    @initialize()
    def begin(self) -> None:
        self.now_s = 1000.0
        self.durable: dict[AttachmentId, Record] = {}
        self.last_seq = 0
        self.grid: dict[AttachmentId, tuple[str, int]] = {}
        self.highest_seq: dict[AttachmentId, int] = {}
        self.last_attempt: dict[tuple[AttachmentId, int], int] = {}
        self.given = 0
        self.caller = 0
        self.told: dict[AttachmentId, str] = {}
        self.generation = dict.fromkeys(ATTACHMENTS, 0)
        self.read: set[tuple[AttachmentId, int]] = set()
        self.unread: set[AttachmentId] = set()
        self.doubtful: set[AttachmentId] = set()
        self.boot()

    def boot(self) -> None:
        self.machine, self.releases = Attachments(BOOT, JOURNAL), Releases(JOURNAL)
        self.writes: list[Persist] = []
        self.reads: list[int] = []
        self.on_wire: list[Allocate | Release] = []
        self.answers: list[Allocated | Released | Declined] = []
        self.open: dict[int, tuple[str, AttachmentId]] = {}
        self.draining: dict[int, tuple[AttachmentId, int]] = {}
        self.is_up = False
        self.feed(Started(self.now_s, tuple(self.durable.values()), self.last_seq, reached=True, served=True))

    def feed(self, event: Event) -> None:
        for command in self.machine.handle(event):
            self.perform(command)

    def feed_releases(self, event: Event) -> None:
        for command in self.releases.handle(event):
            self.perform(command)

    def perform(self, command: Command) -> None:
        if isinstance(command, Persist):
            self.writes.append(command)
        elif isinstance(command, Forget):
            assert self.durable[command.attachment].state is State.RELEASED
            del self.durable[command.attachment]
        elif isinstance(command, ReadMac):
            self.reads.append(command.caller)
        elif isinstance(command, StartRelease):
            assert self.durable[command.record.attachment].seq == command.record.seq
            self.feed_releases(ReleaseStarted(self.now_s, command.record))
        elif isinstance(command, DropRelease):
            self.feed_releases(ReleaseDropped(self.now_s, command.attachment))
        elif isinstance(command, ConfirmRelease):
            self.feed(ReleaseConfirmed(self.now_s, command.attachment, command.seq))
        elif isinstance(command, TransmitCommand):
            self.transmit(command)
        elif isinstance(command, Reply):
            self.replied(command)

    def transmit(self, command: TransmitCommand) -> None:
        message = command.message
        assert isinstance(message, Allocate | Release)
        assert self.is_up
        record = self.durable[wire_messages.attachment_of(message.attachment)]
        assert message.seq == record.seq, "spoken before it was written"
        assert record.state is (State.ASKED if isinstance(message, Allocate) else State.RELEASING)
        if isinstance(message, Allocate):
            assert message.attempt == record.attempt, "an attempt that the journal does not know"
            attempt = self.last_attempt.get((record.attachment, message.seq), 0)
            assert message.attempt > attempt, "sent again as if for the first time"
            self.last_attempt[record.attachment, message.seq] = message.attempt
        self.on_wire.append(message)

    def replied(self, command: Reply) -> None:
        verb, attachment = self.open.pop(command.caller)
        if isinstance(command.outcome, Granted):
            assert verb == "ADD"
            record = self.durable[attachment]
            assert (record.state, record.addresses) == (State.HELD, command.outcome.addresses)
            assert record.unclaimed_ms is None, "given out, although a restart would release it"
            address = command.outcome.addresses[0].address
            assert self.told.get(attachment, address) == address, "another address for the same attachment"
            self.told[attachment] = address
            self.doubtful.discard(attachment)
            self.draining[command.caller] = (attachment, self.generation[attachment])
        elif isinstance(command.outcome, Done):
            assert verb == "DEL"
            assert self.durable[attachment].state in (State.RELEASING, State.RELEASED)
            self.doubtful.discard(attachment)

    @rule(which=st.sampled_from(ATTACHMENTS))
    def add(self, which: AttachmentId) -> None:
        if any(attachment == which and verb == "DEL" for verb, attachment in self.open.values()):
            return
        self.caller += 1
        self.open[self.caller] = ("ADD", which)
        request = AddRequest("1.0.0", which, PODS, Pod())
        self.feed(Added(self.now_s, self.caller, f"r-{self.caller}", request))

    @rule(which=st.sampled_from(ATTACHMENTS))
    def delete(self, which: AttachmentId) -> None:
        self.caller += 1
        self.open[self.caller] = ("DEL", which)
        self.told.pop(which, None)
        self.generation[which] += 1
        self.feed(Deleted(self.now_s, self.caller, f"r-{self.caller}", which))

    @precondition(lambda self: self.open)
    @rule(pick=PICK)
    def plugin_is_killed(self, pick: int) -> None:
        caller = sorted(self.open)[pick % len(self.open)]
        self.unread.add(self.open.pop(caller)[1])
        self.feed(HungUp(self.now_s, caller))

    @precondition(lambda self: self.draining)
    @rule(pick=PICK, reads=st.booleans())
    def plugin_ends(self, pick: int, reads: bool) -> None:
        caller = sorted(self.draining)[pick % len(self.draining)]
        grant = self.draining.pop(caller)
        if reads:
            self.read.add(grant)
            self.feed(Delivered(self.now_s, caller))
            return
        self.unread.add(grant[0])
        is_current = grant[1] == self.generation[grant[0]]
        if is_current and grant not in self.read and grant not in self.draining.values():
            self.told.pop(grant[0], None)
        self.feed(HungUp(self.now_s, caller))

    @precondition(lambda self: self.reads)
    @rule()
    def mac_is_read(self) -> None:
        self.feed(MacRead(self.now_s, self.reads.pop(0), None))

    @precondition(lambda self: self.writes)
    @rule(count=st.integers(1, 3))
    def writes_become_durable(self, count: int) -> None:
        done, self.writes = self.writes[:count], self.writes[count:]
        for write in done:
            self.durable[write.record.attachment] = write.record
            self.last_seq = max(self.last_seq, write.record.seq)
        for write in done:
            self.feed(Persisted(self.now_s, write.ticket))

    @rule()
    def connection_comes(self) -> None:
        if not self.is_up:
            self.is_up = True
            self.feed(LinkRaised(self.now_s))
            self.feed_releases(LinkRaised(self.now_s))

    @precondition(lambda self: self.is_up)
    @rule(delivers=st.booleans())
    def connection_goes(self, delivers: bool) -> None:
        self.is_up = False
        if not delivers:
            self.on_wire.clear()
        self.answers.clear()
        self.feed(LinkLost(self.now_s, "gone"))
        self.feed_releases(LinkLost(self.now_s, "gone"))

    @precondition(lambda self: self.on_wire)
    @rule(declines=st.booleans())
    def coordinator_works(self, declines: bool) -> None:
        message = self.on_wire.pop(0)
        attachment = wire_messages.attachment_of(message.attachment)
        if message.seq < self.highest_seq.get(attachment, 0) or (declines and isinstance(message, Allocate)):
            self.answers.append(Declined(id=message.id, kind="try_again", code=11, msg="no", details="later"))
            return
        self.highest_seq[attachment] = message.seq
        if isinstance(message, Release):
            self.grid.pop(attachment, None)
            self.answers.append(Released(id=message.id, attachment=message.attachment, seq=message.seq))
            return
        if attachment not in self.grid:
            self.given += 1
            self.grid[attachment] = (f"10.55.{self.given // 250}.{self.given % 250 + 1}/16", message.seq)
        self.answers.append(
            Allocated(
                id=message.id,
                attachment=message.attachment,
                seq=message.seq,
                view="default",
                subnet="10.55.0.0/16",
                addresses=[Address(address=self.grid[attachment][0])],
            )
        )

    @precondition(lambda self: self.answers and self.is_up)
    @rule()
    def answer_arrives(self) -> None:
        message = self.answers.pop(0)
        event = Answered(self.now_s, message)
        if isinstance(message, Released) or (isinstance(message, Declined) and self.releases.knows(message.id)):
            self.feed_releases(event)
        else:
            self.feed(event)

    @rule(passed_s=st.sampled_from([0.5, 5.0, 30.0, 60.0, 601.0]))
    def time_passes(self, passed_s: float) -> None:
        self.now_s += passed_s
        self.feed(Ticked(self.now_s))
        self.feed_releases(Ticked(self.now_s))

    @rule(which=st.sampled_from(ATTACHMENTS))
    def add_that_is_sent(self, which: AttachmentId) -> None:
        """Get to the interesting places more often than chance would."""
        self.connection_comes()
        self.add(which)
        while self.reads or self.writes:
            if self.reads:
                self.mac_is_read()
            else:
                self.writes_become_durable(1)

    @rule()
    def connection_breaks_for_a_moment(self) -> None:
        if self.is_up:
            self.connection_goes(delivers=True)
        self.connection_comes()

    @rule()
    def all_goes_well_for_a_while(self) -> None:
        self.connection_comes()
        self.settle()

    @rule(synced=st.integers(0, 5))
    def agent_is_killed_and_starts_again(self, synced: int) -> None:
        """Whoever got no answer comes again, or sends a DEL: until then the attachment may be held or not."""
        self.doubtful |= self.unread | {attachment for _, attachment in self.open.values()}
        for write in self.writes[:synced]:
            self.durable[write.record.attachment] = write.record
            self.last_seq = max(self.last_seq, write.record.seq)
        # Whether somebody read an answer is not in the journal: what it does not call unclaimed is somebody's.
        for attachment, record in self.durable.items():
            if record.state is State.HELD and record.unclaimed_ms is None:
                self.read.add((attachment, self.generation[attachment]))
        on_wire = self.on_wire
        self.boot()
        self.on_wire = on_wire

    def teardown(self) -> None:
        """Everything works again: whoever asked is answered, and what nobody has leaves the grid."""
        if not hasattr(self, "machine"):
            return
        for caller in sorted(self.draining):
            self.feed(Delivered(self.now_s, caller))
        self.draining.clear()
        self.connection_comes()
        for _ in range(3):
            self.settle()
            self.time_passes(601.0)
        self.settle()
        assert not self.open
        held = {attachment for attachment, record in self.durable.items() if record.state is State.HELD}
        assert set(self.told) <= held <= set(self.told) | self.doubtful
        assert {attachment: self.grid[attachment][0] for attachment in self.told} == self.told
        assert set(self.grid) == held

    def settle(self) -> None:
        while self.reads or self.writes or self.on_wire or self.answers:
            if self.reads:
                self.mac_is_read()
            elif self.writes:
                self.writes_become_durable(3)
            elif self.on_wire:
                self.coordinator_works(declines=False)
            else:
                self.answer_arrives()


AnyOrder.TestCase.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
TestAnyOrder = AnyOrder.TestCase
