"""Decides what each attachment's newest request means, given what is under way for it.

For one attachment at most one work is under way. A message that overtakes it withdraws the work while that is
still queued; once it is in a call it cannot be recalled, so the message becomes the record's `next` and is taken
when the work has ended. Whatever a withdrawn work had sent stays on record as unsettled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coordinator import answers
from coordinator.allocations import Allocations, Asked, Holding, Record, holding_of
from coordinator.attachment_work import (
    AllocateWork,
    AttachmentWork,
    Contradicted,
    Exhausted,
    Held,
    ReleaseWork,
)
from coordinator.commands import Command, Reply, Submit
from coordinator.deadlines import Deadlines
from coordinator.errors import HeldElsewhere, NetworkExhausted, NetworkMissing, NotYours, Overtaken, TimeIsUp
from coordinator.lane import Lane, Note
from coordinator.lookups import Lookups
from coordinator.networks import Network, NetworkRules, resolve
from coordinator.objects import FixedAddress, Label
from coordinator.ownership import NETWORK_NAME, Eas, Identity, Owner
from coordinator.preparation_work import NetworkWork, Prepared, Reassigned, ReassignWork
from coordinator.work import Failed, Work
from protocol.errors import Problem, Refused
from protocol.messages import Allocate, Release


@dataclass(frozen=True)
class Policy:
    """How this coordinator was configured to allocate. `user` is the WAPI user, for messages to people."""

    owner: Owner
    user: str
    rules: NetworkRules
    may_create_networks: bool
    release_delay_s: float


class Registrar:
    """The machine of all attachments."""

    def __init__(self, policy: Policy, lane: Lane, lookups: Lookups, started_at_s: float) -> None:
        self._policy = policy
        self._lane = lane
        self._lookups = lookups
        self._started_at_s = started_at_s
        self._of_work: dict[AttachmentWork, Record] = {}
        self._reassigning: dict[ReassignWork, AllocateWork] = {}
        self._deadlines: Deadlines[Record] = Deadlines()
        self.allocations = Allocations()
        self.is_listed = False

    # What nodes ask

    def take(self, node: str, boot_id: str, message: Allocate | Release, now_s: float) -> Iterator[Command]:
        """A request of a node; `boot_id` is the boot that its connection speaks for."""
        identity = Identity(message.attachment.container_id, message.attachment.ifname, node)
        record = self.allocations.open(identity)
        if record.identity.node != node:
            yield Reply(node, answers.decline(message, NotYours(attachment=identity)))
            yield Note("not_yours", {"attachment": str(identity), "node": node})
            return
        if record.journal_id == message.journal_id and message.seq < record.seq:
            yield Reply(node, answers.decline(message, Overtaken(seq=message.seq, newer=record.seq)))
            return
        asked = Asked(message, boot_id, now_s, is_repeated=record.is_newest(message.journal_id, message.seq))
        record.journal_id, record.seq = message.journal_id, message.seq
        if record.asked and record.asked.message.id != message.id:
            yield Reply(node, answers.overtaken(record.asked.message, message))
        record.asked = asked
        self._deadlines.add(asked.deadline_s, record)
        yield from self._begin(record, asked, now_s)

    def expire(self, now_s: float) -> Iterator[Command]:
        """Answer the allocations whose time is up; what is in a call goes on without a listener."""
        for record in self._deadlines.take_due(now_s):
            asked = record.asked
            if asked is None or now_s < asked.deadline_s:
                continue
            cause = self._lane.outage.problem.msg if self._lane.outage else f"{self._lane.waiting} requests wait"
            yield from self._answer(record, TimeIsUp(cause=cause))
            if record.next is asked:
                record.next = None
            elif isinstance(record.work, AllocateWork):
                self._withdraw(record)

    def next_deadline_s(self) -> float | None:
        """When the next allocation's time may be up."""
        return self._deadlines.next_s()

    def _begin(self, record: Record, asked: Asked, now_s: float) -> Iterator[Command]:
        if isinstance(asked.message, Release):
            yield from self._begin_release(record, asked.message, now_s)
            return
        try:
            network = resolve(asked.message.network, self._policy.rules)
        except Refused as refused:
            yield from self._answer(record, refused)
            return
        yield from self._begin_allocate(record, asked, asked.message, network, now_s)

    def _begin_allocate(
        self, record: Record, asked: Asked, message: Allocate, network: Network, now_s: float
    ) -> Iterator[Command]:
        if isinstance(record.work, AllocateWork) and record.work.network == network:
            return
        if record.holding and asked.is_repeated and not record.removal:
            yield from self._answer_held(record, network, record.holding)
            return
        if not self._withdraw(record):
            record.next = asked
            return
        if record.holding and not _is_in(record.holding, network):
            yield from self._answer(record, _held_elsewhere(record.identity, record.holding, network))
            return
        work = self._allocate_work(record, asked, message, network, now_s)
        yield from self._hand_over(record, work, now_s)

    def _begin_release(self, record: Record, message: Release, now_s: float) -> Iterator[Command]:
        if record.removal:
            return
        if not self._withdraw(record):
            record.next = record.asked
            return
        since_s = record.unsettled_since_s
        if message.unanswered_ask_ms_ago is not None:
            asked_at_s = now_s - message.unanswered_ask_ms_ago / 1000
            since_s = max(since_s or asked_at_s, asked_at_s)
        delay_s = max(0.0, self._policy.release_delay_s - message.first_sent_ms_ago / 1000)
        holding = record.holding
        if holding and self._lookups.is_exhausted(holding.view, holding.subnet, now_s):
            delay_s = 0.0
        work = ReleaseWork(self._policy.owner, record.identity, self._policy.user, now_s + delay_s)
        if holding:
            work.known(holding.view, holding.address, since_s)
        else:
            work.search_first(since_s)
        record.work = work
        self._of_work[work] = record
        yield Submit(work)

    def _allocate_work(
        self, record: Record, asked: Asked, message: Allocate, network: Network, now_s: float
    ) -> AllocateWork:
        pod = message.pod
        label = Label(pod.name or "", pod.namespace or "", pod.uid or "", asked.boot_id)
        policy = self._policy
        work = AllocateWork(policy.owner, record.identity, policy.user, network, label, message.mac)
        since_s = record.unsettled_since_s
        if record.holding:
            return work.refresh(since_s)
        if message.attempt == 1 and self.is_listed and since_s is None:
            return work
        if message.attempt > 1 and since_s is None:
            # Whoever coordinated before may have sent a create until the moment that it ended.
            since_s = max(now_s - message.first_sent_ms_ago / 1000, self._started_at_s)
        return work.look_up_first(since_s)

    def _hand_over(self, record: Record, work: AllocateWork, now_s: float) -> Iterator[Command]:
        network = work.network
        if self._lookups.is_exhausted(network.view, network.subnet, now_s) and work.network_key:
            yield from self._answer(record, self._exhausted_problem(network))
            return
        if bad_news := self._lookups.bad_news(network, now_s):
            yield from self._answer(record, bad_news)
            return
        record.work = work
        self._of_work[work] = record
        yield from self._submit_when_ready(work, now_s)

    def _submit_when_ready(self, work: AllocateWork, now_s: float) -> Iterator[Command]:
        network, policy = work.network, self._policy
        if self._lookups.should_ask(network, now_s):
            may_create = policy.may_create_networks
            yield Submit(NetworkWork(policy.owner, policy.user, network, may_create=may_create))
        if self._lookups.is_ready(network):
            yield Submit(work)
        else:
            self._lookups.wait(network, work)

    def _withdraw(self, record: Record) -> bool:
        work = record.work
        if work is None:
            return True
        if work in self._reassigning.values() or not self._lane.withdraw(work):
            return False
        self._detach(record, work)
        return True

    def _detach(self, record: Record, work: AttachmentWork) -> None:
        self._of_work.pop(work, None)
        record.work = None
        record.unsettled_since_s = work.unsettled_since_s

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
            waited = self._lookups.prepared(network, now_s)
            yield from (Submit(each) for each in waited if each in self._of_work)
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
        if isinstance(outcome, Failed):
            yield from self._answer(record, outcome.problem)
        elif isinstance(work, ReleaseWork):
            yield from self._released(record, work)
        elif isinstance(work, AllocateWork):
            yield from self._allocate_finished(record, work, outcome, now_s)

    def _allocate_finished(
        self, record: Record, work: AllocateWork, outcome: object, now_s: float
    ) -> Iterator[Command]:
        if isinstance(outcome, Held):
            yield from self._held(record, work, outcome, now_s)
            return
        if record.next:
            return
        problem: Problem = NetworkMissing(subnet=work.network.subnet, view=work.network.view)
        if isinstance(outcome, Contradicted):
            self._lookups.contradicted(work.network)
        if isinstance(outcome, Exhausted):
            problem = self._exhausted_problem(work.network)
            if not self._make_room(work):
                yield from self._exhausted(record, work, problem, now_s)
                return
        if not work.start_again():
            yield from self._answer(record, problem)
            return
        record.work = work
        self._of_work[work] = record
        yield from self._submit_when_ready(work, now_s)

    def _held(self, record: Record, work: AllocateWork, held: Held, now_s: float) -> Iterator[Command]:
        fixed = held.fixed
        rightful = self._rightful_eas(record, work.network, fixed)
        if rightful is not None:
            yield Note("grid_forgot_address", {"address": fixed.address, "view": fixed.view})
            reassign = ReassignWork(
                self._policy.owner, self._policy.user, record.identity, work.network, fixed.address, rightful
            )
            self._reassigning[reassign] = work
            record.work = work
            self._of_work[work] = record
            yield Submit(reassign)
            return
        self.allocations.hold(record, holding_of(fixed))
        if record.next is None:
            yield from self._answer_allocated(record, work, now_s)
        yield from self._tidy(record, held, now_s)

    def _rightful_eas(self, record: Record, network: Network, fixed: FixedAddress) -> Eas | None:
        """What belongs at the address instead, when the grid gave one that is in use already."""
        owner = self._policy.owner
        if fixed.address == network.gateway:
            return owner.network_eas(network.name)
        holder = self.allocations.holder(fixed.view, fixed.address)
        if holder is None or holder is record:
            return None
        return {**owner.identity_eas(holder.identity), NETWORK_NAME: network.name}

    def _tidy(self, record: Record, held: Held, now_s: float) -> Iterator[Command]:
        """Look for a second object of the attachment, where there is one, or where one may still be committed."""
        if record.next or not (held.surplus or held.unsettled_since_s is not None):
            return
        policy = self._policy
        work = ReleaseWork(policy.owner, record.identity, policy.user, now_s, keep=held.fixed.address)
        not_before_s = now_s if held.surplus else 0.0
        work.search_first(held.unsettled_since_s, not_before_s or work.settled_at_s)
        record.work = work
        self._of_work[work] = record
        yield Submit(work)

    def _reassigned(self, reassign: ReassignWork, outcome: object, now_s: float) -> Iterator[Command]:
        work = self._reassigning.pop(reassign)
        again = Contradicted() if isinstance(outcome, Reassigned) else outcome
        yield from self.finished(work, again, now_s)

    def _released(self, record: Record, work: ReleaseWork) -> Iterator[Command]:
        record.unsettled_since_s = None
        if work.keep is not None:
            return
        if holding := record.holding:
            self._lookups.freed(holding.view, holding.subnet)
        self.allocations.drop(record)
        asked = record.asked
        if asked and isinstance(asked.message, Release) and record.next is None:
            record.asked = None
            yield Reply(record.identity.node, answers.released(asked.message))
            yield Note("released", {**answers.fields(asked.message), "wapi_calls": work.calls})

    def _make_room(self, work: AllocateWork) -> bool:
        """Bring the oldest delayed releases forward, as many as allocations wait for an address."""
        network = work.network
        delayed = self.allocations.delayed_releases(network.view, network.subnet)
        waiting = sum(1 for other in self._of_work if other.network_key == work.network_key)
        for release in delayed[: waiting + 1]:
            release.expedite()
        return bool(delayed)

    def _exhausted(self, record: Record, work: AllocateWork, problem: Problem, now_s: float) -> Iterator[Command]:
        self._lookups.exhausted(work.network, now_s)
        yield Note("network_exhausted", {"network": work.network.subnet, "view": work.network.view})
        yield from self._answer(record, problem)
        for other, its_record in list(self._of_work.items()):
            if other.network_key == work.network_key and self._withdraw(its_record):
                yield from self._answer(its_record, problem)

    def _exhausted_problem(self, network: Network) -> Problem:
        used, delayed = self.allocations.count(network.view, network.subnet)
        return NetworkExhausted(subnet=network.subnet, view=network.view, used=used, delayed=delayed)

    # Answers

    def _answer(self, record: Record, problem: Problem) -> Iterator[Command]:
        asked, record.asked = record.asked, None
        if asked is None:
            return
        yield Reply(record.identity.node, answers.decline(asked.message, problem))
        yield Note("declined", {**answers.fields(asked.message), "code": problem.code, "reason": problem.msg})

    def _answer_held(self, record: Record, network: Network, holding: Holding) -> Iterator[Command]:
        asked, record.asked = record.asked, None
        if asked and isinstance(asked.message, Allocate):
            answer = answers.allocated(asked.message, network, holding.address, answers.NO_COST)
            yield Reply(record.identity.node, answer)

    def _answer_allocated(self, record: Record, work: AllocateWork, now_s: float) -> Iterator[Command]:
        asked, record.asked = record.asked, None
        if asked is None or record.holding is None or not isinstance(asked.message, Allocate):
            return
        grid_s = work.grid_s
        spent = answers.Cost(work.calls, max(0.0, now_s - asked.received_at_s - grid_s), grid_s)
        answer = answers.allocated(asked.message, work.network, record.holding.address, spent)
        yield Reply(record.identity.node, answer)
        yield Note(
            "allocated",
            {
                **answers.fields(asked.message),
                "node": record.identity.node,
                "address": record.holding.address,
                "wapi_calls": work.calls,
                "took_ms": round((now_s - asked.received_at_s) * 1000, 1),
            },
        )


def _is_in(holding: Holding, network: Network) -> bool:
    return holding.view == network.view and network.contains(holding.address)


def _held_elsewhere(identity: Identity, holding: Holding, network: Network) -> Problem:
    return HeldElsewhere(
        attachment=identity, address=holding.address, network=holding.subnet, subnet=network.subnet
    )
