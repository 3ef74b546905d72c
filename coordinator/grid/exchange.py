"""Carries out a call of the lane as HTTP calls, then tells how it ended.

The transport is passed in: it returns the decoded JSON of one HTTP call, or raises one of the three ways in which
a call ends early. So the same code serves a real session and a grid model in the same process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from coordinator.core.errors import GridUnavailable
from coordinator.grid.calls import Answered, Call, Form, Landing, Lost, NotSent, Refused
from coordinator.grid.operations import (
    Conditional,
    Deleted,
    HttpCall,
    Operation,
    Reply,
    Unreadable,
    UpdateFound,
    as_call,
    as_request,
    is_deletion,
    is_object,
    matches,
    read_reply,
    read_request_reply,
    read_written,
    search_of,
    write_of,
)
from coordinator.grid.refusals import Kind, Refusal
from protocol.errors import Problem

Transport = Callable[[HttpCall, float], Any]
"""Takes an HTTP call with its read time-out in seconds."""


class NotSentError(Exception):
    """Surely no grid carried out anything of the call."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.msg)
        self.problem = problem


class LostError(Exception):
    """The call was sent, its outcome is unknown."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.msg)
        self.problem = problem


class RefusedError(Exception):
    """The grid said no."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


def perform(
    call: Call, transport: Transport, clock: Callable[[], float], may_write: Callable[[], bool] = lambda: True
) -> Landing:
    """Make the call. Every way in which it can end is a value; nothing is raised.

    `may_write` is asked between the search and the write of a single call: the right to write may have ended.
    """
    try:
        if call.form is Form.REQUEST:
            body = transport(as_request(call.operations), call.read_timeout_s)
            replies = read_request_reply(call.operations, body)
        else:
            replies = list(_separately(call, transport, may_write))
    except Unreadable as unreadable:
        problem = GridUnavailable(grid="master", cause=f"unreadable reply: {unreadable}")
        return Lost(call.id, problem, clock())
    except RefusedError as refused:
        return Refused(call.id, refused.refusal, clock())
    except LostError as lost:
        return Lost(call.id, lost.problem, clock())
    except NotSentError as not_sent:
        return NotSent(call.id, not_sent.problem, clock())
    return Answered(call.id, replies, clock())


def _separately(call: Call, transport: Transport, may_write: Callable[[], bool]) -> Iterator[Reply]:
    for operation in call.operations:
        yield _one(operation, lambda http: transport(http, call.read_timeout_s), may_write)


def _one(operation: Operation, send: Callable[[HttpCall], Any], may_write: Callable[[], bool]) -> Reply:
    if not isinstance(operation, Conditional):
        return read_reply(operation, send(as_call(operation)))
    hits = send(search_of(operation))
    if not isinstance(hits, list) or not all(is_object(hit) and matches(operation.criteria, hit) for hit in hits):
        raise Unreadable("hits that were not searched for")
    if len(hits) != 1:
        raise RefusedError(Refusal(Kind.AMBIGUOUS if hits else Kind.OTHER, f"{len(hits)} objects match"))
    if not may_write():
        raise RefusedError(Refusal(Kind.OTHER, "the Lease was not renewed, so that another coordinator may lead"))
    result = send(write_of(operation, str(hits[0]["_ref"])))
    if isinstance(operation, UpdateFound):
        return read_written(result)
    if not is_deletion(operation, result):
        raise Unreadable("a deletion that is not answered by a reference")
    return Deleted(hits[0])
