"""The course of a release from its cause to its tombstone.

A DEL waits for the journal only. The grid's part comes later: the record stays *releasing* until the coordinator
confirms it, and becomes a tombstone then, so that the runtime's second and third DEL cost nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nodeagent import errors, journal_records
from nodeagent.adding import Adding
from nodeagent.book import Book, Entry
from nodeagent.commands import Forget, Note, Reply, StartRelease
from nodeagent.domain.outcomes import Done, Failure, NotDurable
from nodeagent.events import Deleted, ReleaseConfirmed
from nodeagent.journal_records import Record, State
from protocol.messages import ReleaseReason

UNCLAIMED_S: Final = 600.0
"""An attachment whose ADD nobody waited for is released so long after, unless an ADD or DEL comes."""
TOMBSTONE_S: Final = 600.0


class Deleting:
    """The releases of all attachments."""

    def __init__(self, book: Book, adding: Adding) -> None:
        self._book = book
        self._adding = adding

    def started(self, records: tuple[Record, ...], now_s: float) -> None:
        """Take over the journal of the run before; what an earlier boot left is dead."""
        now_ms = int(now_s * 1000)
        for record in records:
            entry = self._book.entry(record.attachment)
            entry.record = record
            if record.boot_id != self._book.boot_id:
                self._bury(entry, record, now_s)
            elif record.state is State.ASKED:
                entry.record = replace(record, unclaimed_ms=now_ms)
            elif record.state is State.HELD and record.unclaimed_ms is None:
                entry.claimed_seq = record.seq
            elif record.state is State.RELEASING:
                entry.record = replace(record, attempt=record.attempt + 1)
                self._book.do(StartRelease(entry.record))

    def deleted(self, event: Deleted) -> None:
        """Answer as soon as the release is durable."""
        if self._book.journal_trouble:
            self._book.do(Reply(event.caller, NotDurable()))
            return
        entry = self._book.entry(event.attachment)
        overtaken = entry.flight is not None
        self._adding.fail(entry, Failure.of(errors.WithdrawnByDelete()), event.now_s)
        entry = self._book.entry(event.attachment)
        if entry.state() is State.RELEASED or (entry.state() is State.RELEASING and entry.ticket is None):
            self._book.do(Reply(event.caller, Done()))
            return
        entry.deleters.append(event.caller)
        if entry.state() is not State.RELEASING:
            reason = ReleaseReason.WITHDRAWN if overtaken else ReleaseReason.DEL
            self._release(entry, event.request_id, reason, event.now_s)

    def persisted(self, entry: Entry) -> None:
        """A write of this entry is durable."""
        if entry.record is None or entry.record.state is not State.RELEASING:
            return
        self._book.reply_all(entry.deleters, Done())
        entry.deleters.clear()
        self._book.do(StartRelease(entry.record))

    def confirmed(self, event: ReleaseConfirmed) -> None:
        """The grid holds nothing of it: leave a tombstone."""
        entry = self._book.entries.get(event.attachment)
        record = entry.record if entry else None
        if entry is None or record is None or record.state is not State.RELEASING or record.seq != event.seq:
            return
        self._book.persist(entry, journal_records.released(record, int(event.now_s * 1000)))
        fields = {"attachment": str(record.attachment), "reason": record.reason, "request": record.request_id}
        self._book.do(Note("released", fields=fields))

    def hung_up(self, caller: int) -> None:
        """A plugin is gone before its DEL was answered; the release goes its way."""
        for entry in self._book.entries.values():
            if caller in entry.deleters:
                entry.deleters.remove(caller)
                return

    def ticked(self, now_s: float) -> None:
        """Release what nobody claims, and drop tombstones that nobody needs any more."""
        now_ms = int(now_s * 1000)
        for entry in list(self._book.entries.values()):
            record = entry.record
            if record is None or entry.flight is not None or entry.ticket is not None:
                continue
            if record.unclaimed_ms is not None and now_ms - record.unclaimed_ms >= UNCLAIMED_S * 1000:
                self.release_unasked(entry, record, ReleaseReason.UNCLAIMED, now_s)
            elif record.state is State.RELEASED and now_ms - record.since_ms >= TOMBSTONE_S * 1000:
                self._forget(entry)

    def release_unasked(self, entry: Entry, record: Record, reason: ReleaseReason, now_s: float) -> None:
        """Release what no DEL came for, and say why."""
        namespace = record.namespace.path if record.namespace else None
        fields = {"attachment": str(record.attachment), "reason": reason, "state": record.state}
        fields |= {"namespace": namespace} if namespace else {}
        self._book.do(Note("releasing_without_del", level="warning", fields=fields))
        self._release(entry, f"r-{reason}-{record.seq}", reason, now_s)

    def journal_failed(self, entry: Entry) -> None:
        """The plugins keep these DELs themselves."""
        self._book.reply_all(entry.deleters, NotDurable())
        entry.deleters.clear()

    def _bury(self, entry: Entry, record: Record, now_s: float) -> None:
        moved = journal_records.moved_to_boot(record, self._book.boot_id)
        if record.state is State.RELEASED:
            self._book.persist(entry, moved)
            return
        if record.state is State.RELEASING:
            self._book.persist(entry, replace(moved, attempt=record.attempt + 1))
            return
        entry.record = moved
        self.release_unasked(entry, record, ReleaseReason.BOOT, now_s)

    def _release(self, entry: Entry, request_id: str, reason: ReleaseReason, now_s: float) -> None:
        self._adding.forget_ask(entry)
        seq, now_ms = self._book.next_seq(), int(now_s * 1000)
        known = entry.record or Record(
            attachment=entry.attachment,
            state=State.RELEASING,
            seq=seq,
            attempt=1,
            since_ms=now_ms,
            boot_id=self._book.boot_id,
            request_id=request_id,
            unanswered_ask_ms=self._book.lost_before_ms,
        )
        self._book.persist(entry, journal_records.releasing(known, seq, request_id, reason, now_ms))

    def _forget(self, entry: Entry) -> None:
        entry.record = None
        self._book.do(Forget(entry.attachment))
        self._book.sweep(entry)
