"""The course of a GC: a look at what the runtime does not list, then the releases of what is gone.

Absence from the list alone releases nothing: runtimes list what they know, and do not know what a meta-plugin
attached. The answer waits until all releases are durable.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent import errors
from nodeagent.attachments.presence import Verdict
from nodeagent.book import Book, Entry
from nodeagent.commands import Reply
from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.domain.outcomes import Done, Failure
from nodeagent.events import GcAsked
from nodeagent.vanishing import Vanishing
from protocol.messages import ReleaseReason


class Collecting:
    """All GCs under way: for each caller what is not durable yet, None while the look lasts."""

    def __init__(self, book: Book, vanishing: Vanishing) -> None:
        self._book = book
        self._vanishing = vanishing
        self._waiting: dict[int, set[AttachmentId] | None] = {}

    def asked(self, event: GcAsked) -> None:
        """Look at what is of this network and not listed. Without a list nothing may go."""
        if self._book.journal_trouble:
            path, cause = self._book.journal_trouble
            self._reply_failure(event.caller, path, cause)
            return
        request = event.request
        unlisted = {
            entry.attachment: record.namespace
            for entry, record in self._vanishing.living()
            if record.namespace and record.network and record.network.name == request.network_name
            if request.valid is not None and entry.attachment not in request.valid
        }
        if not unlisted:
            self._book.do(Reply(event.caller, Done()))
            return
        self._waiting[event.caller] = None

        def release(verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
            self._release(event.caller, unlisted, verdicts, now_s)

        self._vanishing.look(unlisted.values(), release)

    def persisted(self, entry: Entry) -> None:
        """A write of this entry, with all earlier ones, is durable."""
        for caller, left in list(self._waiting.items()):
            if left is not None:
                left.discard(entry.attachment)
                self._answer_if_done(caller, left)

    def hung_up(self, caller: int) -> None:
        """Nobody waits for this GC any more; what it releases goes its way."""
        self._waiting.pop(caller, None)

    def journal_failed(self, path: str, cause: str) -> None:
        """Nothing can be made durable."""
        for caller in list(self._waiting):
            del self._waiting[caller]
            self._reply_failure(caller, path, cause)

    def is_quiet(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._waiting

    def _release(
        self,
        caller: int,
        unlisted: Mapping[AttachmentId, Namespace],
        verdicts: Mapping[Namespace, Verdict],
        now_s: float,
    ) -> None:
        if self._book.journal_trouble:
            return
        released = self._vanishing.release_gone(unlisted, verdicts, ReleaseReason.GC, now_s)
        if caller in self._waiting:
            left = self._waiting[caller] = set(released)
            self._answer_if_done(caller, left)

    def _answer_if_done(self, caller: int, left: set[AttachmentId]) -> None:
        if not left:
            del self._waiting[caller]
            self._book.do(Reply(caller, Done()))

    def _reply_failure(self, caller: int, path: str, cause: str) -> None:
        self._book.do(Reply(caller, Failure.of(errors.JournalUnwritable(path=path, cause=cause))))
