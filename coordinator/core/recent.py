"""Remembers what has happened last: events that people should know of, and requests that were declined.

It is of this process alone: what has to outlive a coordinator stands in its log. A machine that begins anew costs
nothing of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from coordinator.core.outbox import Note
from protocol.texts import scrub

EVENTS_MAX: Final = 100
FAILURES_MAX: Final = 1_000
"""Those that differ: what happens again is counted, and is the last one then."""

FIELDS_MAX: Final = 16
TEXT_LENGTH_MAX: Final = 500
"""What is longer is cut: the log has the whole of it."""

DECLINED: Final = "declined"
RESERVE: Final = "reserve"
"""What stands for the pod where a node asks for its reserve."""

_ALL_THE_TIME: Final = frozenset({"allocated", "gone", "wapi_call"})
"""What pods make happen all the time, so that nothing else would be left."""

_OF_FAILURE: Final = ("pod", "node", "network", "code", "error", "reason")
"""The fields by which a failure is told from another one."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with what the log says of it, `times` times until `at_s` (seconds since 1970)."""

    at_s: float
    name: str
    is_alarm: bool
    fields: Mapping[str, str]
    times: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """A request of an agent that was declined, `times` times from `first_at_s` to `at_s` (seconds since 1970).

    `pod` is NAMESPACE/NAME, `network` the subnet, `error` the kind of the failure, `request` the id of the last
    request that met it, as the logs of agent and coordinator have it.
    """

    pod: str
    node: str
    network: str
    code: int
    error: str
    reason: str
    remedy: str
    request: str
    first_at_s: float
    at_s: float
    times: int = 1


class Recent:
    """The last `EVENTS_MAX` events and the last `FAILURES_MAX` failures, for the loop's thread alone."""

    def __init__(self) -> None:
        self._events: OrderedDict[tuple[object, ...], Event] = OrderedDict()
        self._failures: OrderedDict[tuple[object, ...], Failure] = OrderedDict()

    def happened(self, note: Note, at_s: float) -> None:
        """Something was noted that goes into the log; `at_s` is the time of day, in seconds since 1970."""
        if note.is_detail or note.event == DECLINED or note.event in _ALL_THE_TIME:
            return
        fields = {name: _cut(note.fields[name]) for name in [*note.fields][:FIELDS_MAX]}
        key = note.event, *fields.items()
        before = self._events.pop(key, None)
        times = before.times + 1 if before else 1
        self._events[key] = Event(at_s, note.event, note.is_alarm, fields, times)
        if len(self._events) > EVENTS_MAX:
            self._events.popitem(last=False)

    def declined(self, note: Note, at_s: float) -> None:
        """A request was declined, whether the log says so or not; refills of a reserve are no failures."""
        facts = note.fields
        if facts["pod"] == RESERVE:
            return
        key = tuple(facts.get(name) for name in _OF_FAILURE)
        before = self._failures.pop(key, None)
        if before:
            now = _failure(facts, at_s)
            self._failures[key] = replace(now, first_at_s=before.first_at_s, times=before.times + 1)
            return
        self._failures[key] = _failure(facts, at_s)
        if len(self._failures) > FAILURES_MAX:
            self._failures.popitem(last=False)

    def events(self) -> tuple[Event, ...]:
        """All that are remembered, the last one first."""
        return tuple(reversed(self._events.values()))

    def failures(self, count: int = FAILURES_MAX) -> tuple[Failure, ...]:
        """So many of those that are remembered, the last one first."""
        return tuple(each for each, _ in zip(reversed(self._failures.values()), range(count), strict=False))

    def failures_of(self, pod: str) -> tuple[Failure, ...]:
        """Those of a pod, NAMESPACE/NAME or the name alone, the last one first."""
        return tuple(each for each in self.failures() if pod in (each.pod, each.pod.rpartition("/")[2]))


def _failure(facts: Mapping[str, Any], at_s: float) -> Failure:
    return Failure(
        pod=_cut(facts["pod"]),
        node=_cut(facts["node"]),
        network=_cut(facts.get("network", "")),
        code=int(facts["code"]),
        error=_cut(facts.get("error", "")),
        reason=_cut(facts["reason"]),
        remedy=_cut(facts.get("remedy", "")),
        request=_cut(facts["request"]),
        first_at_s=at_s,
        at_s=at_s,
    )


def _cut(value: object) -> str:
    text = scrub(str(value))
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[: TEXT_LENGTH_MAX - 1]}…"
