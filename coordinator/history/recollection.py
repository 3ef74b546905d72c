"""Answers people who ask the history, from a thread of its own: reading its files may take seconds."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import Final

from coordinator.admin.events import AnswerCommand, turned_down
from coordinator.history.question import Question, Recall, lines_of
from coordinator.history.records import Writer, decode, stamp
from coordinator.history.store import Store
from daemon.internal_errors import InternalErrors
from protocol.admin.history import HISTORY_PAGE_MAX, ChangeRecord, HistoryTold

CHANGES_MAX: Final = 10_000
"""Of one answer: the newest, or those just before the time that is asked about."""
AFTER_MAX: Final = 1_000
"""Changes after the time that is asked about: the next of each allocation tells what was so before it."""
ALLOCATIONS_MAX: Final = 2_000
"""Of a pod's or a container's: the newest."""
QUEUED_MAX: Final = 8
_MARK: Final = re.compile(rb'"time":"([^"]{20,40})"')


@dataclass
class _Found:
    """What the lines tell, as they are read."""

    at: str
    before: deque[bytes] = field(default_factory=lambda: deque(maxlen=CHANGES_MAX))
    after: list[bytes] = field(default_factory=list)
    left_out: bool = False
    first: bytes = b""

    def read(self, lines: Iterable[bytes], meant: re.Pattern[bytes]) -> None:
        """Take in those that are meant."""
        at = self.at.encode()
        for line in lines:
            self.first = self.first or line
            if not meant.search(line):
                continue
            mark = _MARK.search(line)
            if at and mark and mark[1] > at:
                if len(self.after) < AFTER_MAX:
                    self.after.append(line)
                continue
            self.left_out = self.left_out or len(self.before) == CHANGES_MAX
            self.before.append(line)


class Recollection:
    """Reads the store for one person after the other."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        lost: Callable[[], int],
        answer: Callable[[AnswerCommand], None],
        wall_s: Callable[[], float],
        internal: InternalErrors,
    ) -> None:
        self._store = store
        self._writer = writer
        self._lost = lost
        self._answer = answer
        self._wall_s = wall_s
        self._internal = internal
        self._queue: Queue[Recall | None] = Queue(QUEUED_MAX)

    def recall(self, asked: Recall) -> None:
        """Have it answered; never waits."""
        try:
            self._queue.put_nowait(asked)
        except Full:
            self._turn_down(asked, "the history is being read for others", "Ask again in a moment.")

    def run(self) -> None:
        """The thread's body, until `stop`."""
        while asked := self._queue.get():
            try:
                self._tell(asked)
            except OSError as error:
                reason = f"{error.filename or self._store.directory}: {error.strerror or error}"
                self._turn_down(asked, f"the history cannot be read: {reason}", "See --history-dir.")
            except Exception as error:  # noqa: BLE001, the person is told, and the next one is served
                self._internal.tell("recall", error)
                self._turn_down(asked, "the coordinator has failed at it", "Please report its log line.")

    def stop(self) -> None:
        """End after the answer under way."""
        try:
            self._queue.put_nowait(None)
        except Full:
            return

    def _turn_down(self, asked: Recall, msg: str, details: str) -> None:
        self._answer(AnswerCommand(asked.ticket, turned_down(asked.request.id, msg, details)))

    def _tell(self, asked: Recall) -> None:
        found = self._find(asked)
        lines = [*found.before, *found.after]
        read = [decode(line) for line in dict.fromkeys(lines)]
        changes = sorted((each for each in read if each), key=lambda each: each.time)
        changes += [self._writer.of_object(seen, self._wall_s()) for seen in asked.present]
        facts = {
            "coordinator": self._writer.coordinator,
            "leader": asked.leader,
            "several": asked.several,
            "directory": str(self._store.directory or ""),
            "since": self._since(found.first),
            "lost": self._lost(),
            "unreadable": read.count(None),
            "left_out": found.left_out,
        }
        self._send(asked, changes, facts)

    def _since(self, line: bytes) -> str:
        """Since when everything is kept, by the first line that there is."""
        started, first = stamp(self._store.started_s), decode(line)
        if first and (self._store.directory or self._store.is_cut):
            return first.time if self._store.is_cut else min(started, first.time)
        return started

    def _find(self, asked: Recall) -> _Found:
        question = Question(asked.request.what)
        found = _Found(asked.request.at)
        found.read(self._store.read(), question.lines)
        if question.is_whole:
            return found
        records = [decode(line) for line in (*found.before, *found.after)]
        allocations = dict.fromkeys(each.allocation for each in reversed(records) if each)
        if allocations:
            found = _Found(asked.request.at)
            found.read(self._store.read(), lines_of(list(allocations)[:ALLOCATIONS_MAX]))
        return found

    def _send(self, asked: Recall, changes: Sequence[ChangeRecord], facts: dict[str, object]) -> None:
        for start in range(0, max(1, len(changes)), HISTORY_PAGE_MAX):
            page = list(changes[start : start + HISTORY_PAGE_MAX])
            is_last = start + HISTORY_PAGE_MAX >= len(changes)
            told = HistoryTold.model_validate({"id": asked.request.id, **facts, "changes": page, "last": is_last})
            self._answer(AnswerCommand(asked.ticket, told))
