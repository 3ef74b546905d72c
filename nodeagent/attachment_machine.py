"""The machine that owns this node's attachments: events in, commands out.

Its parts are `book` (entries, durability), `adding`, `deleting`, `vanishing`, `collecting`; this module sends each
event where it belongs, and answers what needs no more than a look: CHECK, STATUS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from nodeagent import errors, wire_messages
from nodeagent.adding import Adding
from nodeagent.book import Book
from nodeagent.collecting import Collecting
from nodeagent.commands import Command, Die, RememberReached, Reply
from nodeagent.deleting import Deleting
from nodeagent.domain.outcomes import Done, Failure, Outcome
from nodeagent.events import (
    Added,
    Answered,
    Checked,
    Deleted,
    Delivered,
    Distrusted,
    Event,
    GcAsked,
    HungUp,
    LinkLost,
    LinkRaised,
    MacRead,
    MacUnread,
    NamespacesSeen,
    Persisted,
    PersistFailed,
    ReleaseConfirmed,
    Started,
    StatusAsked,
    Ticked,
)
from nodeagent.journal_records import State
from nodeagent.vanishing import Vanishing
from protocol.messages import Holding


class Attachments:
    """All attachments of this node in one boot."""

    def __init__(self, boot_id: str, journal_id: str) -> None:
        self._book = Book(boot_id, journal_id)
        self._adding = Adding(self._book)
        self._deleting = Deleting(self._book, self._adding)
        self._vanishing = Vanishing(self._book, self._deleting)
        self._collecting = Collecting(self._book, self._vanishing)
        self._reached = self._is_reached_durable = False
        self._handlers: Mapping[type[Event], Callable[[Any], None]] = {
            Started: self._started,
            Added: self._added,
            MacRead: self._adding.mac_read,
            MacUnread: self._adding.mac_unread,
            Deleted: self._deleting.deleted,
            Checked: self._checked,
            StatusAsked: self._status_asked,
            GcAsked: self._collecting.asked,
            NamespacesSeen: self._vanishing.seen,
            HungUp: self._hung_up,
            Delivered: self._delivered,
            Persisted: self._persisted,
            PersistFailed: self._persist_failed,
            LinkRaised: self._link_raised,
            LinkLost: self._link_lost,
            Answered: self._adding.answered,
            ReleaseConfirmed: self._deleting.confirmed,
            Ticked: self._ticked,
            Distrusted: self._distrusted,
        }

    def handle(self, event: Event) -> list[Command]:
        """What is to be done about `event`, in this order."""
        self._handlers[type(event)](event)
        return self._book.take_commands()

    def holdings(self) -> list[Holding]:
        """What the node holds, for a hello."""
        records = [entry.record for entry in self._book.entries.values() if entry.state() is State.HELD]
        return [wire_messages.holding(record, record.network) for record in records if record and record.network]

    def count_by_state(self) -> dict[str, int]:
        """How many attachments are in each state, for people."""
        states = Counter(entry.state() for entry in self._book.entries.values())
        return {state.value: states[state] for state in State}

    def count_by_namespace(self) -> dict[str, int]:
        """How many network namespaces of attachments were present, gone, unknown at the last look, for people."""
        return self._vanishing.count_by_verdict()

    def is_quiet(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._collecting.is_quiet() and not any(
            entry.flight or entry.deleters for entry in self._book.entries.values()
        )

    def _started(self, event: Started) -> None:
        self._reached, self._is_reached_durable = event.reached or event.served, event.reached
        self._book.start_seq_after(event.last_seq)
        if event.damaged or (event.served and not event.reached):
            self._book.lost_before_ms = int(event.now_s * 1000)
        self._deleting.started(event.records, event.now_s)

    def _added(self, event: Added) -> None:
        self._adding.added(event)
        self._vanishing.added(event)

    def _persisted(self, event: Persisted) -> None:
        entry = self._book.settle(event.ticket)
        if entry:
            self._deleting.persisted(entry)
            self._adding.persisted(entry, event.now_s)
            self._collecting.persisted(entry)

    def _persist_failed(self, event: PersistFailed) -> None:
        if self._book.journal_trouble:
            return
        self._book.journal_trouble = (event.path, event.cause)
        problem = errors.JournalUnwritable(path=event.path, cause=event.cause)
        for entry in list(self._book.entries.values()):
            self._deleting.journal_failed(entry)
            self._adding.fail(entry, Failure.of(problem), event.now_s)
        self._collecting.journal_failed(event.path, event.cause)
        self._book.do(Die(f"{problem.msg}: {event.cause}"))

    def _link_raised(self, event: LinkRaised) -> None:
        self._book.link_trouble = None
        self._reached = True
        self._remember_reached(event.now_s)
        self._adding.link_raised(event.now_s)

    def _remember_reached(self, now_s: float) -> None:
        """A journal that was lost lately is found to be lost by the agent after this one, too."""
        if self._reached and not self._is_reached_durable and self._book.lost_lately_ms(int(now_s * 1000)) is None:
            self._is_reached_durable = True
            self._book.do(RememberReached())

    def _link_lost(self, event: LinkLost) -> None:
        self._book.link_trouble = event.why

    def _hung_up(self, event: HungUp) -> None:
        self._adding.hung_up(event.caller, event.now_s)
        self._deleting.hung_up(event.caller)
        self._collecting.hung_up(event.caller)

    def _delivered(self, event: Delivered) -> None:
        self._adding.delivered(event.caller)

    def _distrusted(self, event: Distrusted) -> None:
        """The record is as it is in the journal, or on its way there, so it is what the next request finds."""
        if entry := self._book.entries.get(event.attachment):
            self._deleting.journal_failed(entry)
            self._adding.fail(entry, event.failure, event.now_s)

    def _ticked(self, event: Ticked) -> None:
        self._remember_reached(event.now_s)
        self._adding.ticked(event.now_s)
        self._deleting.ticked(event.now_s)
        self._vanishing.ticked(event.now_s)

    def _checked(self, event: Checked) -> None:
        self._book.do(Reply(event.caller, self._verdict(event)))

    def _verdict(self, event: Checked) -> Outcome:
        entry = self._book.entries.get(event.request.attachment)
        record = entry.record if entry else None
        if record is None or record.state is not State.HELD or record.network is None:
            return Failure.of(errors.AttachmentUnknown())
        if record.network.name != event.request.network.name:
            return Failure.of(errors.AttachmentUnknown(cause=f"It belongs to network {record.network.name}"))
        if event.request.previous is None:
            return Done()
        for address in record.addresses:
            if address.address not in event.request.previous:
                return Failure.of(errors.CheckDiffers(address=address.address))
        return Done()

    def _status_asked(self, event: StatusAsked) -> None:
        if self._reached:
            self._book.do(Reply(event.caller, Done()))
            return
        problem = errors.CoordinatorNeverReached(cause=self._book.link_trouble)
        self._book.do(Reply(event.caller, Failure.of(problem)))
