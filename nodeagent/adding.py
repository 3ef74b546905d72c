"""The course of an ADD from its arrival to its answer.

    queued → reading → ready → journaled → sent → recorded → answered

`_advance` looks at one entry and takes the next step that is possible; every event that could make a step
possible calls it. A flight goes on while somebody waits for it. When nobody does any more (time up, plugin
gone, DEL), it is taken away, and what it left in the journal is marked unclaimed.

A `seq` is drawn on arrival. A later DEL withdraws the flight, so no ADD can pass a DEL that came after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from nodeagent import errors, journal_records, wire_messages
from nodeagent.book import Book, Entry, Flight, Phase, Waiter
from nodeagent.cni.request import AddRequest
from nodeagent.commands import DropRelease, Note, ReadMac, Reply, Transmit
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.outcomes import Failure, Granted
from nodeagent.events import Added, Answered, MacRead, MacUnread
from nodeagent.journal_records import Record, State
from protocol.errors import Problem
from protocol.messages import Allocated, Declined

ADD_ANSWER_S: Final = 56.0
"""The plugin gives up at 60 s; what is answered a tick after this still reaches it."""
CONNECTION_WAIT_S: Final = 20.0
"""How long an ADD waits for a connection: as long as a coordinator needs to be replaced."""
BUDGET_MARGIN_S: Final = 1.0
"""Kept back for the way home and for the journal."""

_UNASKED = (Phase.QUEUED, Phase.READING, Phase.READY)


class Adding:
    """The ADDs of all attachments."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._waiting: dict[int, AttachmentId] = {}
        self._reading: dict[int, AttachmentId] = {}
        self._asks: dict[str, AttachmentId] = {}
        self._told: dict[int, tuple[AttachmentId, int]] = {}

    def added(self, event: Added) -> None:
        """Answer from the journal, join the ADD under way, or begin one."""
        entry = self._book.entry(event.request.attachment)
        refusal = self._refusal(entry, event.request.network)
        if refusal:
            self._book.do(Reply(event.caller, Failure.of(refusal)))
            self._book.sweep(entry)
            return
        waiter = Waiter(event.caller, event.request_id, event.now_s)
        record = entry.record
        if entry.flight:
            self._join(entry.flight, waiter, entry, event.request)
        elif record is None or record.state is not State.HELD:
            seq = record.seq if record and record.state is State.ASKED else self._book.next_seq()
            entry.flight = Flight(event.request, seq, [])
            self._wait(entry.flight, waiter, entry)
            self._advance(entry, event.now_s)
        elif record.unclaimed_ms is None and entry.ticket is None and record.namespace == event.request.namespace:
            self._grant(entry, record, waiter, 0)
        else:
            entry.flight = Flight(event.request, record.seq, [], Phase.RECORDED)
            self._wait(entry.flight, waiter, entry)
            self._book.persist(entry, replace(record, unclaimed_ms=None, namespace=event.request.namespace))

    def mac_read(self, event: MacRead) -> None:
        """The namespace was read: go on."""
        entry = self._reader_of(event.caller)
        if entry and entry.flight:
            entry.flight.mac = event.mac
            entry.flight.phase = Phase.READY
            self._advance(entry, event.now_s)

    def mac_unread(self, event: MacUnread) -> None:
        """The namespace cannot be read: all who wait hear why."""
        entry = self._reader_of(event.caller)
        if entry:
            self.fail(entry, event.failure, event.now_s)

    def persisted(self, entry: Entry, now_s: float) -> None:
        """A write of this entry is durable: go on."""
        self._advance(entry, now_s)

    def link_raised(self, now_s: float) -> None:
        """Ask what waited for a connection, and ask again what a lost connection left unanswered."""
        for entry in list(self._book.entries.values()):
            if entry.flight and entry.flight.phase in (Phase.JOURNALED, Phase.SENT):
                self._journal_ask(entry, entry.flight, now_s)
            else:
                self._advance(entry, now_s)

    def answered(self, event: Answered) -> None:
        """The coordinator has decided."""
        if isinstance(event.message, Allocated):
            self._allocated(event.message, event.now_s)
        elif isinstance(event.message, Declined):
            self._declined(event.message, event.now_s)

    def fail(self, entry: Entry, failure: Failure, now_s: float) -> None:
        """Answer all who wait for this entry's ADD, and end it."""
        if entry.flight is None:
            return
        for waiter in entry.flight.waiters:
            self._waiting.pop(waiter.caller, None)
            self._book.do(Reply(waiter.caller, failure))
        entry.flight.waiters.clear()
        self._abandon(entry, now_s)

    def forget_ask(self, entry: Entry) -> None:
        """An answer to this entry's allocate is of no interest any more."""
        if entry.record:
            self._asks.pop(entry.record.request_id, None)

    def hung_up(self, caller: int, now_s: float) -> None:
        """A plugin is gone before it had its answer."""
        attachment = self._waiting.pop(caller, None)
        if attachment:
            self._drop_waiters(self._book.entries[attachment], {caller}, now_s)
        told = self._told.pop(caller, None)
        if told and told not in self._told.values():
            self._unclaim_held(*told, now_s)

    def delivered(self, caller: int) -> None:
        """A plugin has its answer."""
        attachment, seq = self._told.pop(caller, (None, None))
        entry = self._book.entries.get(attachment) if attachment else None
        if entry:
            entry.claimed_seq = seq

    def ticked(self, now_s: float) -> None:
        """Answer those whose time is up."""
        for entry in list(self._book.entries.values()):
            flight = entry.flight
            if flight is None:
                continue
            late = [waiter for waiter in flight.waiters if self._is_late(flight, waiter, now_s)]
            if not late:
                continue
            failure = Failure.of(self._lateness(flight))
            self._book.reply_all([waiter.caller for waiter in late], failure)
            for waiter in late:
                self._waiting.pop(waiter.caller, None)
            self._drop_waiters(entry, {waiter.caller for waiter in late}, now_s)

    def _refusal(self, entry: Entry, network: Network) -> Problem | None:
        if self._book.journal_trouble:
            path, cause = self._book.journal_trouble
            return errors.JournalUnwritable(path=path, cause=cause)
        known = None
        if entry.flight:
            known = entry.flight.request.network
        elif entry.record and entry.record.state in (State.ASKED, State.HELD):
            known = entry.record.network
        if known is None or known.agrees_with(network):
            return None
        return errors.AttachmentDiffers(asked=network, has=known)

    def _wait(self, flight: Flight, waiter: Waiter, entry: Entry) -> None:
        flight.waiters.append(waiter)
        self._waiting[waiter.caller] = entry.attachment

    def _join(self, flight: Flight, waiter: Waiter, entry: Entry, request: AddRequest) -> None:
        self._wait(flight, waiter, entry)
        if request.namespace == flight.request.namespace:
            return
        flight.request = replace(flight.request, namespace=request.namespace)
        if entry.record and flight.phase is Phase.RECORDED:
            self._book.persist(entry, replace(entry.record, namespace=request.namespace))

    def _reader_of(self, caller: int) -> Entry | None:
        attachment = self._reading.pop(caller, None)
        entry = self._book.entries.get(attachment) if attachment else None
        flight = entry.flight if entry else None
        if flight is None or flight.phase is not Phase.READING or flight.reader != caller:
            return None
        return entry

    def _advance(self, entry: Entry, now_s: float) -> None:
        flight = entry.flight
        if flight is None or entry.ticket is not None:
            return
        if flight.phase is Phase.QUEUED:
            self._read(entry, flight)
        elif flight.phase is Phase.RECORDED:
            self._answer(entry, flight)
        elif self._book.link_trouble is not None:
            return
        elif flight.phase is Phase.READY:
            self._journal_ask(entry, flight, now_s)
        elif flight.phase is Phase.JOURNALED:
            self._ask(entry, flight, now_s)

    def _read(self, entry: Entry, flight: Flight) -> None:
        flight.phase = Phase.READING
        flight.reader = flight.waiters[0].caller
        self._reading[flight.reader] = entry.attachment
        request = flight.request
        self._book.do(ReadMac(flight.reader, request.attachment.ifname, request.master, request.shares_mac))

    def _journal_ask(self, entry: Entry, flight: Flight, now_s: float) -> None:
        now_ms = int(now_s * 1000)
        old = entry.record
        if old and old.state is State.ASKED:
            self.forget_ask(entry)
            attempt, since_ms = old.attempt + 1, old.since_ms
        elif old and old.state is State.RELEASING:
            # The release may not have reached the grid, so there may be something to find.
            attempt, since_ms = journal_records.RESEND_ATTEMPT, now_ms
            self._book.do(DropRelease(entry.attachment))
        elif (lost_ms := self._book.lost_lately_ms(now_ms)) is not None:
            attempt, since_ms = journal_records.RESEND_ATTEMPT, lost_ms
        else:
            attempt, since_ms = 1, now_ms
        flight.phase = Phase.JOURNALED
        record = Record(
            attachment=entry.attachment,
            state=State.ASKED,
            seq=flight.seq,
            attempt=attempt,
            since_ms=since_ms,
            boot_id=self._book.boot_id,
            request_id=flight.waiters[0].request_id,
            network=flight.request.network,
            pod=flight.request.pod,
            namespace=flight.request.namespace,
            mac=flight.mac,
            unanswered_ask_ms=now_ms,
            released_ms=journal_records.last_released_ms(old),
        )
        self._book.persist(entry, record)

    def _ask(self, entry: Entry, flight: Flight, now_s: float) -> None:
        record = entry.record
        if record is None or record.network is None:
            return
        flight.phase = Phase.SENT
        now_ms = int(now_s * 1000)
        last_s = max(waiter.arrived_s for waiter in flight.waiters) + ADD_ANSWER_S
        budget_ms = int((last_s - now_s - BUDGET_MARGIN_S) * 1000)
        entry.record = replace(record, unanswered_ask_ms=now_ms)
        self._asks[record.request_id] = entry.attachment
        self._book.do(
            Transmit(wire_messages.allocate(record, record.network, self._book.journal_id, now_ms, budget_ms))
        )

    def _allocated(self, message: Allocated, now_s: float) -> None:
        attachment = wire_messages.attachment_of(message.attachment)
        entry = self._book.entries.get(attachment)
        record = entry.record if entry else None
        if entry is None or record is None or record.state is not State.ASKED or record.seq != message.seq:
            self._book.do(
                Note("answer_came_too_late", fields={"attachment": str(attachment), "request": message.id})
            )
            return
        self.forget_ask(entry)
        held = journal_records.held(record, message.view, message.subnet, wire_messages.addresses_of(message))
        if entry.flight is None:
            self._book.persist(entry, replace(held, unclaimed_ms=int(now_s * 1000)))
            return
        entry.flight.phase = Phase.RECORDED
        entry.flight.wapi_calls = message.wapi_calls
        self._book.persist(entry, replace(held, unclaimed_ms=None, namespace=entry.flight.request.namespace))

    def _declined(self, message: Declined, now_s: float) -> None:
        attachment = self._asks.pop(message.id, None)
        entry = self._book.entries.get(attachment) if attachment else None
        if entry is None or entry.record is None or entry.record.state is not State.ASKED:
            return
        if message.settled:
            entry.record = journal_records.answered(entry.record)
        if entry.flight and entry.flight.phase is Phase.SENT:
            self.fail(entry, Failure(message.code, message.msg, message.details), now_s)

    def _answer(self, entry: Entry, flight: Flight) -> None:
        entry.flight = None
        if entry.record is None:
            return
        for waiter in flight.waiters:
            self._waiting.pop(waiter.caller, None)
            self._grant(entry, entry.record, waiter, flight.wapi_calls)

    def _grant(self, entry: Entry, record: Record, waiter: Waiter, wapi_calls: int) -> None:
        self._told[waiter.caller] = (entry.attachment, record.seq)
        self._book.do(Reply(waiter.caller, Granted(record.addresses, wapi_calls=wapi_calls)))

    def _drop_waiters(self, entry: Entry, callers: Iterable[int], now_s: float) -> None:
        flight = entry.flight
        if flight is None:
            return
        gone = set(callers)
        flight.waiters = [waiter for waiter in flight.waiters if waiter.caller not in gone]
        if not flight.waiters:
            self._abandon(entry, now_s)

    def _abandon(self, entry: Entry, now_s: float) -> None:
        flight, entry.flight = entry.flight, None
        record = entry.record
        if flight and record and record.state is State.ASKED:
            entry.record = replace(record, unclaimed_ms=int(now_s * 1000))
        if flight and record and flight.phase is Phase.RECORDED and entry.claimed_seq != record.seq:
            self._book.persist(entry, replace(record, unclaimed_ms=int(now_s * 1000)))
        self._book.sweep(entry)

    def _unclaim_held(self, attachment: AttachmentId, seq: int, now_s: float) -> None:
        entry = self._book.entries.get(attachment)
        if entry is None or entry.record is None or entry.flight is not None or entry.claimed_seq == seq:
            return
        if entry.record.state is State.HELD and entry.record.seq == seq:
            self._book.persist(entry, replace(entry.record, unclaimed_ms=int(now_s * 1000)))

    def _is_late(self, flight: Flight, waiter: Waiter, now_s: float) -> bool:
        waited_s = now_s - waiter.arrived_s
        offline = flight.phase is Phase.READY and self._book.link_trouble is not None
        return waited_s >= ADD_ANSWER_S or (offline and waited_s >= CONNECTION_WAIT_S)

    def _lateness(self, flight: Flight) -> Problem:
        trouble = self._book.link_trouble
        if trouble is not None and flight.phase in (Phase.READY, Phase.JOURNALED, Phase.SENT):
            return errors.CoordinatorNotConnected(cause=trouble)
        if flight.phase is Phase.SENT:
            return errors.CoordinatorSilent()
        return errors.AgentSlow()
