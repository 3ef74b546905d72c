"""Decides which occasions are written: what is alike is counted in one Event, and all are bounded in rate."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from coordinator.recorder.occasions import Occasion, Subject

AGAIN_S: Final = 60.0
"""How often at most one Event is written anew because its occasion has come again."""

FORGET_S: Final = 1_200.0
"""What has not happened for so long is another Event when it happens; the API server keeps one for an hour."""

SERIES_MAX: Final = 1_024
"""Events that are told from each other; of one more, that is forgotten which happened longest ago."""

BURST_MAX: Final = 50
PER_S: Final = 1.0
"""So many writes in one go, so many a second on average: no cluster fills its etcd with what we have to say."""


@dataclass(slots=True, eq=False)
class Series:
    """One Event. `count`: how often its occasion has come from `first_at` on. `name`: empty until it is there."""

    occasion: Occasion
    first_at: str
    count: int = 0
    namespace: str = ""
    name: str = ""
    seen_s: float = 0.0
    written_s: float | None = None


class Correlator:
    """All Events of the last while."""

    def __init__(self) -> None:
        self._series: OrderedDict[tuple[Subject, str], Series] = OrderedDict()
        self._tokens = float(BURST_MAX)
        self._filled_s: float | None = None

    def take(self, occasion: Occasion, at: str, now_s: float) -> Series | None:
        """What is to be written of an occasion; None where it is merely counted. `at` is the time of day."""
        key = occasion.subject, occasion.reason
        series = self._series.pop(key, None)
        if series is None or now_s - series.seen_s >= FORGET_S:
            series = Series(occasion, at)
        self._series[key] = series
        if len(self._series) > SERIES_MAX:
            self._series.popitem(last=False)
        series.occasion, series.seen_s = occasion, now_s
        series.count += 1
        is_fresh = series.written_s is not None and now_s - series.written_s < AGAIN_S
        if is_fresh or not self._has_token(now_s):
            return None
        series.written_s = now_s
        return series

    def _has_token(self, now_s: float) -> bool:
        passed_s = now_s - (now_s if self._filled_s is None else self._filled_s)
        self._filled_s = now_s
        self._tokens = min(BURST_MAX, self._tokens + passed_s * PER_S)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
