"""The history as the daemon has it: what the loop hands changes and questions to, and the threads behind that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex

from coordinator.admin.events import AnswerCommand
from coordinator.core.changes import Change
from coordinator.history.question import Recall
from coordinator.history.recollection import Recollection
from coordinator.history.recorder import Recorder
from coordinator.history.records import Writer
from coordinator.history.store import Store
from coordinator.history.streams import open_stream
from coordinator.settings import Settings
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger


@dataclass
class _Lost:
    """How many changes were given up; from any thread."""

    tell: Callable[[int], None]
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self.lock:
            self.count += count
        self.tell(count)


class History:
    """`clock` is the machine's, `wall_s` the time of day, both in seconds."""

    def __init__(
        self,
        settings: Settings,
        coordinator: str,
        on_lost: Callable[[str, int], None],
        answer: Callable[[AnswerCommand], None],
        clocks: tuple[Callable[[], float], Callable[[], float]],
        logger: Logger,
        internal: InternalErrors,
    ) -> None:
        self._clock, self._wall_s = clocks
        writer = Writer(settings.cluster_name, coordinator)
        lost = _Lost(lambda count: on_lost("files", count))
        where = settings.history_dir, settings.history_days
        store = Store(*where, self._wall_s, _name_file, lost.add, logger)
        self._recorders = {"history": Recorder(writer, store.write, lost.add, internal)}
        if stream := settings.history_stream:
            not_sent = partial(on_lost, "stream")
            write = open_stream(stream, coordinator, not_sent, logger, self._clock)
            self._recorders["history stream"] = Recorder(writer, write, not_sent, internal)
        self._recollection = Recollection(store, writer, lambda: lost.count, answer, self._wall_s, internal)

    @property
    def workers(self) -> Mapping[str, Recorder | Recollection]:
        """Whose threads are to run, by name."""
        return {**self._recorders, "recollection": self._recollection}

    def record(self, change: Change) -> None:
        """Something has happened; never waits."""
        wall_s = self._wall_s() - (self._clock() - change.at_s)
        for recorder in self._recorders.values():
            recorder.record(change, wall_s)

    def recall(self, asked: Recall) -> None:
        """Somebody asks; never waits."""
        self._recollection.recall(asked)


def _name_file(wall_s: float) -> str:
    return f"history-{datetime.fromtimestamp(wall_s, UTC):%Y%m%dT%H%M%SZ}-{token_hex(6)}.jsonl"
