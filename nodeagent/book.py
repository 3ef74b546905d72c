"""The attachments of this node in memory, with the rule that a thing is durable before it is said.

Each change of a record is handed to the journal under a ticket. An entry remembers its newest ticket: only when
that one is durable may anything be said that rests on the record. A write that a newer one of the same entry
overtook says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from nodeagent.cni.request import AddRequest
from nodeagent.commands import Command, Persist, Reply
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Outcome
from nodeagent.journal_records import Record, State

ASK_LASTS_MS: Final = 90_000
"""An ADD may wait in a coordinator's queue for 60 s, and what that sends may be committed 30 s later."""


class Phase(Enum):
    """How far an ADD has come."""

    QUEUED = auto()
    """Behind a write of an earlier verb."""
    READING = auto()
    """The namespace reader has the descriptor."""
    READY = auto()
    """Nothing is missing but a connection; nothing was asked yet."""
    JOURNALED = auto()
    """*Asked* is in the journal or on its way there; not sent since."""
    SENT = auto()
    """The coordinator has it."""
    RECORDED = auto()
    """*Held* is on its way to the journal, the plugin is answered when it is there."""


@dataclass
class Waiter:
    """One exec of the plugin that waits for the ADD."""

    caller: int
    request_id: str
    arrived_s: float


@dataclass
class Flight:
    """An ADD under way, with all who wait for it."""

    request: AddRequest
    seq: int
    waiters: list[Waiter]
    phase: Phase = Phase.QUEUED
    reader: int | None = None
    mac: str | None = None
    wapi_calls: int = 0


@dataclass
class Entry:
    """One attachment: its record, as it is or will be in the journal, and who waits for what."""

    attachment: AttachmentId
    record: Record | None = None
    ticket: int | None = None
    flight: Flight | None = None
    deleters: list[int] = field(default_factory=list)
    claimed_seq: int | None = None
    """The ADD whose answer a plugin has surely read; nothing but a DEL takes such an attachment away."""

    def state(self) -> State | None:
        """The record's state, None where the journal knows nothing."""
        return None if self.record is None else self.record.state


class Book:
    """All entries, and the commands that the verbs produce while one event is handled."""

    def __init__(self, boot_id: str, journal_id: str) -> None:
        self.boot_id = boot_id
        self.journal_id = journal_id
        self.entries: dict[AttachmentId, Entry] = {}
        self.lost_before_ms: int | None = None
        """When the journal was found to be lost: this one does not know whether anything was asked before."""
        self.link_trouble: str | None = "no connection was tried yet"
        self.journal_trouble: tuple[str, str] | None = None
        self._out: list[Command] = []
        self._tickets: dict[int, AttachmentId] = {}
        self._last_ticket = 0
        self._last_seq = 0

    def lost_lately_ms(self, now_ms: int) -> int | None:
        """When the journal was lost, while what was asked before that may still be carried out; None otherwise."""
        lost_ms = self.lost_before_ms
        return lost_ms if lost_ms is not None and now_ms < lost_ms + ASK_LASTS_MS else None

    def start_seq_after(self, seq: int) -> None:
        """Continue the journal's counter."""
        self._last_seq = max(self._last_seq, seq)

    def next_seq(self) -> int:
        """The number of a new verb."""
        self._last_seq += 1
        return self._last_seq

    def entry(self, attachment: AttachmentId) -> Entry:
        """The entry of `attachment`, made where it is missing."""
        return self.entries.setdefault(attachment, Entry(attachment))

    def do(self, *commands: Command) -> None:
        """Add commands."""
        self._out.extend(commands)

    def reply_all(self, callers: Iterable[int], outcome: Outcome) -> None:
        """Answer all of them alike."""
        self._out.extend(Reply(caller, outcome) for caller in callers)

    def take_commands(self) -> list[Command]:
        """What was decided since the last call."""
        commands, self._out = self._out, []
        return commands

    def persist(self, entry: Entry, record: Record) -> None:
        """Change the entry's record, and have it made durable; nothing is changed once the journal failed."""
        if self.journal_trouble:
            return
        self._last_ticket += 1
        entry.record = record
        entry.ticket = self._last_ticket
        self._tickets[self._last_ticket] = entry.attachment
        self._out.append(Persist(self._last_ticket, record))

    def settle(self, ticket: int) -> Entry | None:
        """The entry whose newest write is durable now, None where a newer one is under way."""
        attachment = self._tickets.pop(ticket, None)
        entry = self.entries.get(attachment) if attachment else None
        if entry is None or entry.ticket != ticket:
            return None
        entry.ticket = None
        return entry

    def sweep(self, entry: Entry) -> None:
        """Forget an entry that says nothing."""
        if entry.record is None and entry.flight is None:
            self.entries.pop(entry.attachment, None)
