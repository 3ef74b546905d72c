"""The thread that follows one kind of objects in a Kubernetes cluster: a list, then watches of what changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from coordinator.cluster.api_server import OBJECT_BYTES_MAX, ApiServer, NoAnswer, Reply
from coordinator.cluster.metadata import Seen, VersionGone, read_change, read_page
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger

PAGE_OBJECTS: Final = 500
DOUBLINGS_MAX: Final = 10
LIST_OBJECTS_MAX: Final = 500_000
"""Three times as many pods as Kubernetes is made for."""

_METADATA_ONLY: Final = "application/json;as={};g=meta.k8s.io;v=1,application/json;q=0.5"
LISTS: Final = _METADATA_ONLY.format("PartialObjectMetadataList")
EVENTS: Final = _METADATA_ONLY.format("PartialObjectMetadata")
_FORBIDDEN: Final = 403
_BUSY: Final = 429


@dataclass(frozen=True)
class Pace:
    """How patient a watch is; all in seconds.

    The server is asked to end each watch after `watch_s`: nobody promises bookmarks, so nothing else tells a quiet
    cluster from a dead connection. Load balancers cut what is quiet, Kubernetes' own example of one after 35 s, so
    it is less. `silence_s` is the longest silence of a watch, `answer_s` of a list.
    """

    watch_s: int = 30
    silence_s: float = 45.0
    answer_s: float = 30.0
    retry_s: float = 1.0
    retry_max_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row; a watch that ended well is not repeated at once."""
        return min(self.retry_s * 2.0 ** min(failures, DOUBLINGS_MAX), self.retry_max_s)


class Seeing(Protocol):
    """What is done with the objects of a kind; called in the watch's thread."""

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        """The complete list of this moment."""
        ...

    def there(self, seen: Seen) -> None:
        """An object exists."""
        ...

    def gone(self, seen: Seen, now_s: float) -> None:
        """An object was deleted."""
        ...


class Reflector:
    """Follows `nodes` or `pods` until it is stopped, through every outage."""

    def __init__(
        self,
        kind: str,
        server: ApiServer,
        seeing: Seeing,
        clock: Callable[[], float],
        logger: Logger,
        pace: Pace,
        internal: InternalErrors,
    ) -> None:
        self._internal = internal
        self._kind = kind
        self._path = f"/api/v1/{kind}"
        self._server = server
        self._seeing = seeing
        self._clock = clock
        self._logger = logger
        self._pace = pace
        self._over = threading.Event()
        self._stream: Reply | None = None
        self._version: str | None = None
        self._trouble: str | None = None
        self._failures = 0
        self.heard_s: float | None = None
        """When a change, or that there was none, was last heard; None before there is a complete list."""

    def run(self) -> None:
        """The thread's body."""
        while not self._over.is_set():
            try:
                if self._version is None:
                    self._version = self._list()
                self._watch(self._version)
            except VersionGone:
                self._version = None
            except NoAnswer as silence:
                if silence.code != _BUSY:
                    # The server may have been restored from a backup meanwhile. It then knows less than our
                    # version, takes it all the same, and tells nothing until it has caught up.
                    self._version = None
                self._failed(silence)
            except Exception as error:  # noqa: BLE001, whatever the API server has said, it is asked again
                self._internal.tell(f"watch of {self._kind}", error)
                self._version = None
                self._failures += 1
            self._over.wait(self._pace.wait_s(self._failures))

    def stop(self) -> None:
        """End the thread; to be called from another one."""
        self._over.set()
        if stream := self._stream:
            stream.shut_down()

    def _list(self) -> str:
        """The version of the list, which is taken over only when it is complete."""
        found: list[Seen] = []
        query = {"limit": str(PAGE_OBJECTS)}
        while True:
            with self._server.exchange("GET", self._path, self._pace.answer_s, query=query, accept=LISTS) as reply:
                reply.check()
                page = read_page(reply.content())
            found += page.objects
            if len(found) > LIST_OBJECTS_MAX:
                raise NoAnswer(f"its list has more than {LIST_OBJECTS_MAX} {self._kind}")
            if not page.rest:
                break
            query["continue"] = page.rest
        now_s = self._clock()
        self._seeing.listed(found, now_s)
        self.heard_s = now_s
        self._logger.info("cluster_listed", kind=self._kind, count=len(found))
        return page.version

    def _watch(self, version: str) -> None:
        """Follow until the server ends the watch, which is no failure."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(self._pace.watch_s),
        }
        with self._server.exchange("GET", self._path, self._pace.silence_s, query=query, accept=EVENTS) as reply:
            reply.check()
            self._stream = reply
            try:
                if self._over.is_set():  # before there was a stream that `stop` could end
                    return
                for line in reply.lines(self._pace.silence_s, OBJECT_BYTES_MAX):
                    self._changed(line)
            finally:
                self._stream = None
        self._heard()

    def _changed(self, line: bytes) -> None:
        change = read_change(line)
        if change.there:
            self._seeing.there(change.there)
        if change.gone:
            self._seeing.gone(change.gone, self._clock())
        self._version = change.version
        self._heard()

    def _heard(self) -> None:
        self.heard_s = self._clock()
        self._failures = 0
        if self._trouble is not None:
            self._trouble = None
            self._logger.info("cluster_watched_again", kind=self._kind)

    def _failed(self, silence: NoAnswer) -> None:
        if self._over.is_set():
            return
        self._failures += 1
        if silence.cause == self._trouble:
            return
        self._trouble = silence.cause
        remedy = {}
        if silence.code == _FORBIDDEN:
            remedy["remedy"] = f"the coordinator's ServiceAccount needs list and watch of {self._kind}"
        self._logger.warning("cluster_unwatched", kind=self._kind, reason=silence.cause, **remedy)
