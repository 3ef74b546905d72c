"""The machine that sends durable releases until the coordinator confirms them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nodeagent import wire_messages
from nodeagent.commands import Command, ConfirmRelease, Note, Transmit
from nodeagent.domain.attachment import AttachmentId
from nodeagent.events import Answered, Event, LinkLost, LinkRaised, ReleaseDropped, ReleaseStarted, Ticked
from nodeagent.journal_records import Record
from protocol.messages import Declined, Released

IN_FLIGHT_MAX: Final = 500
RESEND_S: Final = 60.0


@dataclass
class _Outstanding:
    record: Record
    attempt: int
    sent_s: float | None = None


class Releases:
    """All releases that wait for the grid, oldest first, a bounded number of them on the wire."""

    def __init__(self, journal_id: str) -> None:
        self._journal_id = journal_id
        self._outstanding: dict[AttachmentId, _Outstanding] = {}
        self._by_request: dict[str, AttachmentId] = {}
        self._link_up = False
        self._in_flight = 0
        self._out: list[Command] = []

    def handle(self, event: Event) -> list[Command]:
        """What is to be done about `event`, in this order."""
        self._out = []
        if isinstance(event, ReleaseStarted):
            self._start(event.record)
        elif isinstance(event, ReleaseDropped):
            self._remove(event.attachment)
        elif isinstance(event, Answered):
            self._answered(event)
        elif isinstance(event, LinkRaised | LinkLost):
            self._link_changed(event)
        elif isinstance(event, Ticked):
            self._resend(event.now_s)
        self._pump(event.now_s)
        return self._out

    def knows(self, request_id: str) -> bool:
        """Whether `request_id` is that of a release under way."""
        return request_id in self._by_request

    def count(self) -> int:
        """How many releases wait."""
        return len(self._outstanding)

    def _start(self, record: Record) -> None:
        self._remove(record.attachment)
        self._outstanding[record.attachment] = _Outstanding(record, record.attempt)
        self._by_request[record.request_id] = record.attachment

    def _remove(self, attachment: AttachmentId) -> None:
        gone = self._outstanding.pop(attachment, None)
        if gone is None:
            return
        self._by_request.pop(gone.record.request_id, None)
        if gone.sent_s is not None:
            self._in_flight -= 1

    def _link_changed(self, event: LinkRaised | LinkLost) -> None:
        self._link_up = isinstance(event, LinkRaised)
        self._in_flight = 0
        for outstanding in self._outstanding.values():
            if outstanding.sent_s is not None:
                outstanding.sent_s = None
                outstanding.attempt += 1

    def _answered(self, event: Answered) -> None:
        message = event.message
        if isinstance(message, Released):
            self._confirm(wire_messages.attachment_of(message.attachment), message.seq)
        elif isinstance(message, Declined) and message.id in self._by_request:
            self._declined(message, self._outstanding[self._by_request[message.id]])

    def _confirm(self, attachment: AttachmentId, seq: int) -> None:
        outstanding = self._outstanding.get(attachment)
        if outstanding is None or outstanding.record.seq != seq:
            return
        self._remove(attachment)
        self._out.append(ConfirmRelease(attachment, seq))

    def _declined(self, message: Declined, outstanding: _Outstanding) -> None:
        record = outstanding.record
        fields = {
            "attachment": str(record.attachment),
            "request": message.id,
            "kind": message.kind,
            "code": message.code,
            "msg": message.msg,
        }
        self._out.append(Note("release_declined", level="warning", fields=fields))
        if message.kind == "stale":
            # The coordinator has a newer request of this attachment: that one decides about its addresses.
            self._confirm(record.attachment, record.seq)

    def _resend(self, now_s: float) -> None:
        for attachment, outstanding in list(self._outstanding.items()):
            if outstanding.sent_s is not None and now_s - outstanding.sent_s >= RESEND_S:
                outstanding.sent_s = None
                outstanding.attempt += 1
                self._in_flight -= 1
                # To the end: many that are never answered must not keep all others back.
                self._outstanding[attachment] = self._outstanding.pop(attachment)

    def _pump(self, now_s: float) -> None:
        if not self._link_up or self._in_flight >= IN_FLIGHT_MAX or self._in_flight == len(self._outstanding):
            return
        for outstanding in self._outstanding.values():
            if outstanding.sent_s is not None:
                continue
            outstanding.sent_s = now_s
            self._in_flight += 1
            message = wire_messages.release(
                outstanding.record, self._journal_id, int(now_s * 1000), outstanding.attempt
            )
            self._out.append(Transmit(message))
            if self._in_flight >= IN_FLIGHT_MAX:
                return
