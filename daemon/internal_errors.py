"""Tells of what no code expected: a traceback now and then, a count each time, never an exception of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from daemon.logs import Logger

QUIET_S: Final = 60.0
"""How long one place stays silent after a traceback, however often it fails meanwhile."""

REMEDY: Final = "this is a defect of cni-infoblox: please report it with this line; the daemon goes on"


class Border:
    """See `InternalErrors.border`."""

    def __init__(self, internal: InternalErrors, place: str) -> None:
        self._internal = internal
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._internal.tell(self._place, error)
        return True


@dataclass
class _Place:
    told_at_s: float
    untold: int = 0


class InternalErrors:
    """`count` is told the place each time. A place names code, nothing from outside: there are few of them."""

    def __init__(self, log: Logger, count: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._log = log
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def tell(self, place: str, error: BaseException, **fields: object) -> None:
        """Something was raised at this place; from any thread."""
        with suppress(Exception):
            self._count(place)
            untold = self._untold(place)
            if untold is not None:
                self._log.error(
                    "internal_error", place=place, untold=untold, remedy=REMEDY, exc_info=error, **fields
                )

    def border(self, place: str) -> Border:
        """A context: whatever is raised within is told, and goes no further."""
        return Border(self, place)

    def _untold(self, place: str) -> int | None:
        """How often this place has failed in silence; None while it has to stay silent."""
        now_s = self._clock()
        with self._lock:
            known = self._places.get(place)
            if known and now_s < known.told_at_s + QUIET_S:
                known.untold += 1
                return None
            self._places[place] = _Place(now_s)
            return known.untold if known else 0
