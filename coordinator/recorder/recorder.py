"""The thread that writes Events: nobody waits for the API server, and what is too much for it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from typing import Final

from coordinator.cluster.api_server import NoAnswer
from coordinator.core.outbox import Note
from coordinator.recorder.correlator import Correlator, Series
from coordinator.recorder.events_api import EventsApi
from coordinator.recorder.occasions import Occasion, occasions_of
from daemon.bounds import Bounds
from daemon.internal_errors import InternalErrors
from daemon.log_limit import LogLimit
from daemon.logs import Logger

WAITING_MAX: Final = 256
"""Occasions that wait for the thread; of more, the later ones are lost."""

BOUND: Final = "kubernetes_events"


class Recorder:
    """Takes notes from the loop's thread, writes from its own. `clock` counts seconds, `wall` since 1970."""

    def __init__(
        self,
        api: EventsApi,
        clock: Callable[[], float],
        wall: Callable[[], float],
        logger: Logger,
        bounds: Bounds,
        internal: InternalErrors,
    ) -> None:
        self._api = api
        self._clock = clock
        self._wall = wall
        self._logger = logger
        self._bounds = bounds
        self._internal = internal
        self._waiting: Queue[Occasion | None] = Queue(WAITING_MAX)
        self._correlator = Correlator()
        self._limit = LogLimit()

    def noted(self, note: Note) -> None:
        """Something has happened. Never waits."""
        for occasion in occasions_of(note):
            try:
                self._waiting.put_nowait(occasion)
            except Full:
                self._bounds.reached(BOUND, reason=f"more than {WAITING_MAX} Events wait to be written")

    def run(self) -> None:
        """The thread's body, until `stop`."""
        while (occasion := self._waiting.get()) is not None:
            with self._internal.border("kubernetes event"):
                self._take(occasion)

    def stop(self) -> None:
        """End the thread after the Event that is being written."""
        while True:
            try:
                self._waiting.put_nowait(None)
            except Full:
                self._drop_one()
            else:
                return

    def _drop_one(self) -> None:
        try:
            self._waiting.get_nowait()
        except Empty:
            return

    def _take(self, occasion: Occasion) -> None:
        at = f"{datetime.fromtimestamp(self._wall(), UTC):%Y-%m-%dT%H:%M:%SZ}"
        series = self._correlator.take(occasion, at, self._clock())
        if series:
            self._write(series, at)

    def _write(self, series: Series, at: str) -> None:
        try:
            self._api.write(series, at)
        except NoAnswer as silence:
            left_out = self._limit.admits("event_not_written", self._clock())
            if left_out is not None:
                self._logger.warning("event_not_written", reason=silence.cause, left_out=left_out)
