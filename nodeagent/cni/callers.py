"""All who wait for the agent: connections of the plugin, and files that it wrote while nobody answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from nodeagent import errors
from nodeagent.cni.frame import UnknownFrameVersion
from nodeagent.cni.pending import PendingDelete, PendingDeletes
from nodeagent.cni.request import (
    AddRequest,
    CheckRequest,
    DelRequest,
    GcRequest,
    JournalRequest,
    Request,
    StatusRequest,
    parse,
    version_for_errors,
)
from nodeagent.cni.request_log import FAILED_ANSWER, JOURNAL, VERBS, Case, RequestLog, answer_to
from nodeagent.cni.server import Arrived, Garbled, ServerEvent, UnixServer
from nodeagent.crash_points import OnCrashPoint
from nodeagent.domain import events
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Done, Failure, NotDurable, Outcome
from protocol.errors import Problem

ADDS_MAX: Final = 1024
"""Requests under way beyond which no ADD is taken in."""


@dataclass(frozen=True)
class Means:
    """What callers need of the process."""

    server: UnixServer
    pending: PendingDeletes
    requests: RequestLog
    new_request_id: Callable[[], str]
    clock: Callable[[], float]
    on_crash_point: OnCrashPoint
    log: Logger
    internal: InternalErrors


class Callers:
    """From requests to events, from outcomes to answers."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._server = means.server
        self._pending = means.pending
        self._requests = means.requests
        self._replaying: set[int] = set()

    @property
    def is_replaying(self) -> bool:
        """Whether a pending file is being worked off."""
        return bool(self._replaying)

    def collect(self, ready: Mapping[Any, int], now_s: float) -> list[Event]:
        """What came in since the last call."""
        with self._means.internal.border("server"):
            return self._heard(self._server.collect(ready, now_s))
        return []

    def ticked(self, now_s: float) -> list[Event]:
        """Time has passed: close what takes too long, look for pending files."""
        heard: list[Event] = []
        with self._means.internal.border("server's tick"):
            heard += self._heard(self._server.ticked(now_s))
        with self._means.internal.border("pending deletes"):
            heard += self.replay()
        return heard

    def replay(self) -> list[Event]:
        """The pending files that appeared since the last look."""
        return self._replay(self._pending.look())

    def reply(self, caller: int, outcome: Outcome) -> list[Event]:
        """Answer a caller, or be done with a pending file; what became known of the caller by that."""
        now_s = self._means.clock()
        self._replaying.discard(caller)
        case = self._requests.close(caller)
        if case is None:
            return []
        try:
            return self._answer(case, outcome, now_s)
        finally:
            self._requests.tell_end(case, outcome, now_s)

    def fail(self, caller: int) -> list[Event]:
        """Nobody will decide this request. What a DEL could not make durable, the plugin keeps."""
        case = self._requests.find(caller)
        is_del = case is not None and case.verb == "DEL"
        return self.reply(caller, NotDurable() if is_del else Failure.of(errors.AgentFailed()))

    def fail_all(self) -> list[Event]:
        """Nobody will decide any of the requests under way."""
        return [event for caller in self._requests.callers() for event in self.fail(caller)]

    def give_up(self, caller: int) -> list[Event]:
        """Its answer cannot even be written."""
        self._server.answer(caller, FAILED_ANSWER, self._means.clock())
        return [events.HungUp(caller)]

    def _answer(self, case: Case, outcome: Outcome, now_s: float) -> list[Event]:
        if case.pending:
            if isinstance(outcome, Done):
                self._pending.remove(case.pending)
            else:
                self._pending.put_back(case.pending)
            return []
        self._means.on_crash_point("plugin:answer:before")
        heard = self._heard(self._server.answer(case.caller, answer_to(case, outcome), now_s))
        self._means.on_crash_point("plugin:answer:after")
        return heard

    def _heard(self, served: Sequence[ServerEvent]) -> list[Event]:
        return [event for each in served for event in self._hear(each)]

    def _hear(self, served: ServerEvent) -> list[Event]:
        try:
            if isinstance(served, Arrived):
                return self._arrived(served)
            if isinstance(served, Garbled):
                return self._garbled(served)
            if isinstance(served, events.HungUp):
                self._requests.drop(served.caller, self._means.clock())
        except Exception as error:  # noqa: BLE001, the plugin hears of it
            self._means.internal.tell(type(served).__name__, error)
            with self._means.internal.border("answer to what failed"):
                return self.fail(served.caller)
            return []
        return [served]

    def _arrived(self, arrived: Arrived) -> list[Event]:
        verb = arrived.frame.variables.get("CNI_COMMAND", "")
        case = Case(
            arrived.caller, verb if verb in VERBS else "", self._means.new_request_id(), self._means.clock()
        )
        self._requests.open(case)  # first, as only who has a case is answered when the rest fails
        try:
            request = parse(arrived.frame, arrived.netns)
        except Problem as problem:
            case.cni_version = version_for_errors(arrived.frame)
            return self.reply(arrived.caller, Failure.of(problem))
        is_too_many = isinstance(request, AddRequest) and self._requests.count() > ADDS_MAX
        case.request, case.cni_version = request, request.cni_version
        if isinstance(request, JournalRequest):
            case.verb = JOURNAL
            return [events.JournalAsked(case.caller)]
        if is_too_many:
            return self.reply(arrived.caller, Failure.of(errors.TooManyRequests(limit=ADDS_MAX)))
        return self._events_of(case, request)

    def _events_of(self, case: Case, request: Request) -> list[Event]:
        if isinstance(request, AddRequest):
            earlier = self._pending.find(request.attachment)
            return [*self._replay([earlier] if earlier else []), _added(case, request)]
        if isinstance(request, DelRequest):
            if request.complaint:
                self._means.log.warning("del_with_bad_config", request=case.request_id, why=request.complaint)
            return [events.DelAsked(case.caller, request.attachment, case.request_id)]
        if isinstance(request, CheckRequest):
            return [events.CheckAsked(case.caller, request.attachment, request.network_name, request.previous)]
        if isinstance(request, StatusRequest):
            return [events.StatusAsked(case.caller)]
        if isinstance(request, GcRequest):
            return [events.GcAsked(case.caller, request.network_name, request.valid)]
        return self.reply(case.caller, Done())

    def _garbled(self, garbled: Garbled) -> list[Event]:
        self._requests.open(Case(garbled.caller, "", self._means.new_request_id(), self._means.clock()))
        problem: type[Problem] = errors.BadRequestBytes
        if isinstance(garbled.error, UnknownFrameVersion):
            problem = errors.UnknownFrame
        text = str(garbled.error)
        return self.reply(garbled.caller, Failure.of(problem(cause=text[:1].upper() + text[1:])))

    def _replay(self, found: Sequence[PendingDelete]) -> list[Event]:
        heard: list[Event] = []
        for pending in found:
            caller = self._server.next_caller()
            case = Case(caller, "DEL", self._means.new_request_id(), self._means.clock(), pending=pending)
            self._requests.open(case)
            self._replaying.add(caller)
            heard.append(events.DelAsked(caller, pending.attachment, case.request_id))
        return heard


def _added(case: Case, request: AddRequest) -> events.AddAsked:
    return events.AddAsked(
        case.caller,
        case.request_id,
        request.attachment,
        request.wants,
        request.namespace,
        request.pod,
        request.master,
        request.shares_mac,
    )
