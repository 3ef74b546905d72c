"""Decides what each attachment's newest request means, given what is under way for it.

For one attachment at most one work is under way. A message that overtakes it withdraws the work while that is
still queued; once it is in a call it cannot be recalled, so the message becomes the record's `next` and is taken
when the work has ended. Whatever a withdrawn work had sent stays on record as unsettled.

Work is handed to the lane in the moment in which it is decided upon, so that the next message, which may have
arrived together with this one, can withdraw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator import answering, answers, assignment
from coordinator.adoption_work import AdoptWork
from coordinator.allocations import Allocations, Asked, Record
from coordinator.assignment import Knowledge, Policy
from coordinator.attachment_work import AllocateWork, AttachmentWork, Contradicted, Exhausted, Held
from coordinator.commands import Command, Note, Reply
from coordinator.core import errors
from coordinator.core.deadlines import Deadlines
from coordinator.core.networks import Network, resolve
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.task import Failed, Work
from coordinator.learning import Journals, disproved_by, learn_listed, named_by, relearn_unnamed
from coordinator.lookups import Lookups
from coordinator.network_work import NetworkWork, Prepared
from coordinator.objects import FixedAddress
from coordinator.ownership import Identity
from coordinator.preparation_work import Reassigned, ReassignWork
from coordinator.release_work import ReleaseWork
from coordinator.repair_work import Freed, OrphanWork
from coordinator.sessions import Sessions
from protocol.errors import Problem, Refused
from protocol.messages import Allocate, Hello, Release


class Registrar:
    """The machine of all attachments."""

    def __init__(
        self, policy: Policy, lane: Lane, lookups: Lookups, sessions: Sessions, started_at_s: float
    ) -> None:
        self._policy = policy
        self._lane = lane
        self._lookups = lookups
        self._sessions = sessions
        self._knowledge = Knowledge(started_at_s, is_listed=False)
        self._of_work: dict[AttachmentWork, Record] = {}
        self._reassigning: dict[ReassignWork, AllocateWork] = {}
        self._overtaken: dict[Identity, Record] = {}
        self._disproved: dict[Record, AttachmentWork] = {}
        self._deadlines: Deadlines[Record] = Deadlines()
        self._journals = Journals()
        self.allocations = Allocations()

    # What nodes ask

    def take(
        self, node: str, boot_id: str, connected_since_s: float, message: Allocate | Release, now_s: float
    ) -> Iterator[Command]:
        """A request of a node; `boot_id` is the boot that its connection, made at that time, speaks for."""
        identity = Identity(message.attachment.container_id, message.attachment.ifname, node)
        record = self.allocations.open(identity)
        if record.identity.node != node:
            if record.elsewhere == node and isinstance(message, Release):
                self.allocations.name_elsewhere(record, "")
            yield Reply(node, answers.decline(message, errors.NotYours(attachment=identity)))
            yield Note("not_yours", {"attachment": str(identity), "node": node})
            return
        if record.journal_id == message.journal_id and message.seq < record.seq:
            yield Reply(node, answers.decline(message, errors.Overtaken(seq=message.seq, newer=record.seq)))
            return
        is_repeated = record.is_newest(message.journal_id, message.seq)
        if isinstance(message, Release) and message.attempt == 1:
            record.told_first_since_s = connected_since_s
        until_s = assignment.deletion_elsewhere_until_s(self._policy, record, message, connected_since_s, now_s)
        asked = Asked(message, boot_id, now_s, connected_since_s, is_repeated, until_s)
        record.journal_id, record.seq = message.journal_id, message.seq
        if isinstance(message, Allocate):
            record.named_by, record.unnamed = message.journal_id, None
        else:
            record.named_by = ""
        record.asked_at_s = now_s
        if record.asked and record.asked.message.id != message.id:
            yield Reply(node, answers.overtaken(record.asked.message, message))
        record.asked, record.next = asked, None
        self._deadlines.add(asked.deadline_s, record)
        yield from self._begin(record, asked, now_s)

    def expire(self, now_s: float) -> Iterator[Command]:
        """Answer the allocations whose time is up; what is in a call goes on without a listener."""
        for record in self._deadlines.take_due(now_s):
            asked = record.asked
            if asked is None or now_s < asked.deadline_s:
                continue
            cause = self._lane.outage.problem.msg if self._lane.outage else f"{self._lane.waiting} requests wait"
            yield from answering.decline(record, errors.TimeIsUp(cause=cause))
            if record.next is asked:
                record.next = None
            if isinstance(record.work, AllocateWork):
                record.work.is_wanted = False
                self.withdraw(record)

    def proceed(self, now_s: float) -> Iterator[Command]:
        """Once its call has ended, go no further with what was overtaken meanwhile.

        A release above all: before its delay is over its node may be at another coordinator, with the address.
        """
        for record, work in list(self._disproved.items()):
            if record.work is not work or self.withdraw(record):
                del self._disproved[record]
        for identity, record in list(self._overtaken.items()):
            if record.next is None:
                del self._overtaken[identity]
            elif self.withdraw(record):
                asked, record.next = record.next, None
                yield from self._begin(record, asked, now_s)

    def next_deadline_s(self) -> float | None:
        """When the next allocation's time may be up."""
        return self._deadlines.next_s()

    def _begin(self, record: Record, asked: Asked, now_s: float) -> Iterator[Command]:
        if isinstance(asked.message, Release):
            self._begin_release(record, asked, asked.message, now_s)
            return
        try:
            network = resolve(asked.message.network, self._policy.rules)
        except Refused as refused:
            yield from answering.decline(record, refused)
            return
        yield from self._begin_allocate(record, asked, asked.message, network, now_s)

    def _begin_allocate(
        self, record: Record, asked: Asked, message: Allocate, network: Network, now_s: float
    ) -> Iterator[Command]:
        if isinstance(record.work, AllocateWork) and assignment.may_join(record.work, network, asked, now_s):
            record.work.is_wanted = True
            return
        removal, holding = record.removal, record.holding
        if holding and assignment.is_beyond_doubt(self._policy, record, holding, asked, now_s):
            yield from answering.tell_held(record, network, holding)
            return
        if removal and holding and not holding.is_in(network):
            # It is about to be free of its old network: that comes first, without the rest of the delay.
            self._expedite(removal, now_s)
            record.next = asked
            return
        if not self.withdraw(record):
            self._overtake(record, asked)
            return
        if holding and not holding.is_in(network):
            yield from answering.decline(record, assignment.held_elsewhere(record.identity, holding, network))
            return
        work = assignment.allocation(self._policy, record, asked, message, network, self._knowledge)
        yield from self._hand_over(record, work, now_s)

    def _begin_release(self, record: Record, asked: Asked, message: Release, now_s: float) -> None:
        if record.removal:
            record.removal.watch_since(assignment.unsettled_since_s(record, asked, message))
            return
        if not self.withdraw(record):
            self._overtake(record, asked)
            return
        if message.attempt == 1:
            relearn_unnamed(self.allocations, record)
        work = assignment.removal(self._policy, record, asked, message, self._knowledge)
        holding = record.holding
        if holding and self._lookups.exhaustion(holding.view, holding.subnet, now_s):
            work.expedite()
        self.start(record, work, now_s)

    def _hand_over(self, record: Record, work: AllocateWork, now_s: float) -> Iterator[Command]:
        network = work.network
        exhaustion = self._lookups.exhaustion(network.view, network.subnet, now_s) if work.network_key else None
        if problem := exhaustion or self._lookups.bad_news(network, now_s):
            yield from answering.decline(record, problem)
            return
        self.start(record, work, now_s)

    def start(self, record: Record, work: AttachmentWork, now_s: float) -> None:
        """Have this work done for the attachment, for which none is under way."""
        record.work, work.unsettled_mac = work, record.unsettled_mac
        work.endangered_until_s = max(work.endangered_until_s, record.endangered_until_s)
        self._of_work[work] = record
        if not isinstance(work, AllocateWork):
            self._submit(work, now_s)
            return
        network = work.network
        if self._lookups.should_ask(network, now_s):
            self._submit(assignment.preparation(self._policy, network, record.identity.node), now_s)
        if self._lookups.is_ready(network):
            self._submit(work, now_s)
        else:
            self._lookups.wait(network, work)

    def is_at_work(self, work: AttachmentWork) -> bool:
        """Whether it has neither ended nor made way for a request of its node."""
        return work in self._of_work

    def _submit(self, work: Work, now_s: float) -> None:
        self._lane.handle(Submitted((work,), now_s))

    def _expedite(self, release: ReleaseWork, now_s: float) -> None:
        release.expedite()
        self._submit(release, now_s)

    def withdraw(self, record: Record) -> bool:
        """Give up what is under way for the attachment; False where it is in a call, and ends by itself."""
        work = record.work
        if work is None:
            return True
        if work in self._reassigning.values() or not self._lane.withdraw(work):
            return False
        self._detach(record, work)
        return True

    def _overtake(self, record: Record, asked: Asked) -> None:
        record.next = asked
        self._overtaken[record.identity] = record

    def _detach(self, record: Record, work: AttachmentWork) -> None:
        self._of_work.pop(work, None)
        record.work = None
        record.unsettled_since_s, record.is_unsure = work.unsettled_since_s, work.is_unsure
        record.endangered_until_s, record.unsettled_mac = work.endangered_until_s, work.unsettled_mac

    # What is learnt without asking

    def greeted(self, node: str, hello: Hello, now_s: float) -> Iterator[Command]:
        """A page of what a node's journal holds."""
        for record in disproved_by(self.allocations, hello):
            if record.work and not self.withdraw(record):
                self._disproved[record] = record.work
        yield from self._journals.learn(self.allocations, node, hello)
        self._tidy_unsure(named_by(self.allocations, hello), now_s)

    def listed(self, addresses: Iterable[FixedAddress]) -> None:
        """A page of what the grid holds."""
        learn_listed(self.allocations, self._policy.owner, addresses)

    def listing_ended(self, now_s: float) -> None:
        """Everything that the grid holds is known."""
        self._knowledge = Knowledge(self._knowledge.started_at_s, is_listed=True)
        self._tidy_unsure(self.allocations, now_s)

    @property
    def is_listed(self) -> bool:
        """Whether the grid's holdings have been read."""
        return self._knowledge.is_listed

    def _tidy_unsure(self, records: Iterable[Record], now_s: float) -> None:
        """Where the grid holds more than one object of an attachment, the one that its journal names stays."""
        for record in records:
            if record.is_unsure and record.journal_id and record.holding and record.work is None:
                work = assignment.tidying(self._policy, record, record.holding, self._knowledge, now_s)
                self.start(record, work, now_s)

    # What became of it

    def finished(self, work: Work, outcome: object, now_s: float) -> Iterator[Command]:
        """A work has ended."""
        if isinstance(work, NetworkWork):
            yield from self._network_finished(work, outcome, now_s)
        elif isinstance(work, ReassignWork):
            yield from self._reassigned(work, outcome, now_s)
        elif isinstance(work, AttachmentWork) and (record := self._of_work.get(work)):
            self._detach(record, work)
            yield from self._attachment_finished(record, work, outcome, now_s)
            if record.next and record.work is None:
                asked, record.next = record.next, None
                yield from self._begin(record, asked, now_s)

    def _network_finished(self, work: NetworkWork, outcome: object, now_s: float) -> Iterator[Command]:
        network = work.network
        fields = {"network": network.subnet, "view": network.view, "name": network.name}
        if isinstance(outcome, Prepared):
            yield Note("network_ready", {**fields, "created": outcome.created, "remarks": outcome.remarks})
            for each in self._lookups.prepared(network, now_s):
                if each in self._of_work:
                    self._submit(each, now_s)
            return
        assert isinstance(outcome, Failed)
        yield Note(
            "network_refused", {**fields, "reason": outcome.problem.msg, "details": outcome.problem.details}
        )
        for each in self._lookups.failed(network, outcome.problem, now_s):
            yield from self.finished(each, outcome, now_s)

    def _attachment_finished(
        self, record: Record, work: AttachmentWork, outcome: object, now_s: float
    ) -> Iterator[Command]:
        if isinstance(work, AdoptWork):
            # No journal names it, and the original may still remove it: whoever asks next asks the grid.
            record.is_unsure = record.is_unsure or isinstance(outcome, Held)
        elif isinstance(work, OrphanWork) and isinstance(outcome, Freed):
            self._freed(record, work)
        elif isinstance(work, ReleaseWork) and not isinstance(outcome, Failed):
            yield from self._released(record, work)
        elif isinstance(work, AllocateWork) and isinstance(outcome, Held):
            yield from self._held(record, work, outcome, now_s)
        elif record.next:
            # Whoever asked for this work has been answered; what has overtaken it comes now.
            return
        elif isinstance(outcome, Failed):
            yield from answering.decline(record, outcome.problem)
        elif isinstance(work, AllocateWork):
            yield from self._not_held(record, work, outcome, now_s)

    def _not_held(self, record: Record, work: AllocateWork, outcome: object, now_s: float) -> Iterator[Command]:
        view, subnet = work.network.view, work.network.subnet
        problem: Problem = errors.NetworkNotWritable(subnet=subnet, user=self._policy.user)
        if isinstance(outcome, Contradicted):
            self._lookups.contradicted(work.network)
        if isinstance(outcome, Exhausted):
            used, delayed = self.allocations.count(view, subnet)
            problem = errors.NetworkExhausted(subnet=subnet, view=view, used=used, delayed=delayed)
            if not self._make_room(work, now_s):
                yield from self._exhausted(record, work, problem, now_s)
                return
        if work.start_again():
            self.start(record, work, now_s)
        else:
            yield from answering.decline(record, problem)

    def _held(self, record: Record, work: AllocateWork, held: Held, now_s: float) -> Iterator[Command]:
        fixed = held.fixed
        other = self.allocations.rival(record, fixed.view, fixed.address)
        is_untold = fixed.address == work.made and self._sessions.is_here(record.identity.node, now_s)
        if other and not is_untold:
            # Made by another coordinator, by a create whose answer was lost, or found by another one meanwhile.
            record.is_unsure = True
            if not record.next:
                yield from answering.decline(
                    record, errors.AddressDisputed(address=fixed.address, other=other.identity)
                )
            return
        restitution = assignment.restitution(self._policy, record.identity, work.network, fixed, other)
        if restitution is not None:
            yield Note("grid_forgot_address", {"address": fixed.address, "view": fixed.view})
            record.work = work
            self._of_work[work] = record
            self._reassigning[restitution] = work
            self._submit(restitution, now_s)
            return
        self.allocations.saw(record, fixed)
        record.is_made_here = True
        if record.next:
            return
        yield from answering.tell_allocated(record, work, now_s)

    def _reassigned(self, restitution: ReassignWork, outcome: object, now_s: float) -> Iterator[Command]:
        work = self._reassigning.pop(restitution)
        record = self._of_work[work]
        holder = self.allocations.holder(work.network.view, restitution.address)
        if holder:
            holder.endanger(restitution.endangered_until_s)
            if isinstance(outcome, Reassigned):
                holder.given_back_at_s = now_s
        if not isinstance(outcome, Reassigned) or record.next:
            yield from self.finished(work, outcome, now_s)
        elif work.look_again():
            self._submit(work, now_s)
        else:
            yield from self.finished(work, Failed(errors.AddressesForgotten(subnet=work.network.subnet)), now_s)

    def _released(self, record: Record, work: ReleaseWork) -> Iterator[Command]:
        record.unsettled_since_s, record.unsettled_mac, record.is_unsure = None, "", False
        if work.keep is not None:
            return
        record.is_made_here = False
        if holding := record.holding:
            self._lookups.freed(holding.view, holding.subnet)
        self.allocations.drop(record)
        yield from answering.tell_released(record, work)

    def _freed(self, record: Record, work: OrphanWork) -> None:
        self._lookups.freed(work.fixed.view, work.fixed.subnet)
        if record.holding and record.holding.place == work.place:
            self.allocations.drop(record)

    def _make_room(self, work: AllocateWork, now_s: float) -> bool:
        """Bring the oldest delayed releases forward, as many as allocations wait for an address."""
        network = work.network
        delayed = self.allocations.delayed_releases(network.view, network.subnet)
        waiting = sum(1 for other in self._of_work if other.network_key == work.network_key)
        for release in delayed[: waiting + 1]:
            self._expedite(release, now_s)
        return bool(delayed)

    def _exhausted(self, record: Record, work: AllocateWork, problem: Problem, now_s: float) -> Iterator[Command]:
        self._lookups.exhausted(work.network, problem, now_s)
        yield Note("network_exhausted", {"network": work.network.subnet, "view": work.network.view})
        yield from answering.decline(record, problem)
        same = [its for other, its in self._of_work.items() if other.network_key == work.network_key]
        for its_record in same:
            if its_record.next is None and self.withdraw(its_record):
                yield from answering.decline(its_record, problem)
