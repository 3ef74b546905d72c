"""Releases what the runtime forgot: attachments whose network namespace is gone.

Every half minute all namespaces of the journal are looked at; one that is gone twice in a row releases its
attachments, once is enough where no plugin ever read the answer. An ADD has those of the same pod and interface
looked at at once: a sandbox was recreated. A GC has those looked at that the runtime does not list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from nodeagent.attachments.presence import Presence, Verdict
from nodeagent.book import Book, Entry
from nodeagent.commands import LookAtNamespaces
from nodeagent.deleting import Deleting
from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.events import Added, NamespacesSeen
from nodeagent.journal_records import Record, State
from protocol.messages import ReleaseReason

LOOK_EVERY_S: Final = 30.0
LOOKS_WITHOUT: Final = 2
"""So many looks in a row must find a namespace gone."""

_LIVING: Final = (State.ASKED, State.HELD)

OnJudged = Callable[[Mapping[Namespace, Verdict], float], None]


class Vanishing:
    """The namespaces of all attachments, and what their end means."""

    def __init__(self, book: Book, deleting: Deleting) -> None:
        self._book = book
        self._deleting = deleting
        self._presence = Presence()
        self._looks: dict[int, OnJudged] = {}
        self._last_look = 0
        self._is_looking = False
        self._looked_s: float | None = None
        self._absences: dict[Namespace, int] = {}

    def look(self, namespaces: Iterable[Namespace], then: OnJudged) -> None:
        """Have these namespaces looked at, then judged."""
        self._last_look += 1
        self._looks[self._last_look] = then
        self._book.do(LookAtNamespaces(self._last_look, tuple(dict.fromkeys(namespaces))))

    def seen(self, event: NamespacesSeen) -> None:
        """A look is over."""
        then = self._looks.pop(event.look, None)
        if then:
            then(self._presence.judge(event.sights), event.now_s)

    def ticked(self, now_s: float) -> None:
        """Look at all of them when it is time."""
        if self._is_looking or (self._looked_s is not None and now_s - self._looked_s < LOOK_EVERY_S):
            return
        self._looked_s = now_s
        records = [entry.record for entry in self._book.entries.values() if entry.state() in _LIVING]
        namespaces = {record.namespace for record in records if record and record.namespace}
        self._presence.keep(namespaces)
        self._absences = {each: count for each, count in self._absences.items() if each in namespaces}
        if namespaces:
            self._is_looking = True
            self.look(sorted(namespaces, key=lambda each: each.path), self._judged)

    def added(self, event: Added) -> None:
        """A sandbox that was recreated does not keep the addresses of the one before.

        The new namespace is there, so it shows whether the directory can be believed.
        """
        request = event.request
        if request.namespace is None:
            return
        before = {
            entry.attachment: record.namespace
            for entry, record in self.living()
            if record.pod.uid == request.pod.uid is not None
            and entry.attachment.ifname == request.attachment.ifname
            and entry.attachment != request.attachment
            and record.namespace
        }
        if not before and self._presence.is_any_believed:
            return

        def release(verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
            self.release_gone(before, verdicts, ReleaseReason.NAMESPACE_GONE, now_s)

        self.look([request.namespace, *before.values()], release)

    def living(self) -> list[tuple[Entry, Record]]:
        """What may hold addresses, and nobody works at."""
        return [
            (entry, entry.record)
            for entry in self._book.entries.values()
            if entry.record and entry.record.state in _LIVING
            if entry.flight is None and entry.ticket is None
        ]

    def release_gone(
        self,
        attachments: Mapping[AttachmentId, Namespace],
        verdicts: Mapping[Namespace, Verdict],
        reason: ReleaseReason,
        now_s: float,
    ) -> list[AttachmentId]:
        """Release those whose namespace is gone and is still theirs; which these are."""
        released = []
        for entry, record in self.living():
            namespace = attachments.get(entry.attachment)
            if namespace and record.namespace == namespace and verdicts.get(namespace) is Verdict.GONE:
                self._deleting.release_unasked(entry, record, reason, now_s)
                released.append(entry.attachment)
        return released

    def count_by_verdict(self) -> dict[str, int]:
        """What became of the namespaces, for people."""
        return self._presence.count()

    def _judged(self, verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
        self._is_looking = False
        for namespace, verdict in verdicts.items():
            count = self._absences.get(namespace, 0)
            self._absences[namespace] = count + 1 if verdict is Verdict.GONE else 0
        doomed = {
            entry.attachment: record.namespace
            for entry, record in self.living()
            if record.namespace and self._absences.get(record.namespace, 0) >= _looks_needed(record)
        }
        self.release_gone(doomed, verdicts, ReleaseReason.NAMESPACE_GONE, now_s)


def _looks_needed(record: Record) -> int:
    return LOOKS_WITHOUT if record.unclaimed_ms is None else 1
