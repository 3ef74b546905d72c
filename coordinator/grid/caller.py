"""The thread that makes the lane's calls, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from coordinator.core.errors import GridUnavailable
from coordinator.core.steps import OnStep
from coordinator.grid.calls import Call, Landing, Refused
from coordinator.grid.exchange import LostError, NotSentError, RefusedError, perform
from coordinator.grid.operations import Create, DeleteFound, HttpCall, Operation, UpdateFound
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.wapi import Wapi
from daemon.internal_errors import InternalErrors


class Caller:
    """Takes calls, hands back how they ended through `deliver`, which must be safe to call from this thread.

    `may_write` says whether this coordinator still leads; it is asked before each write by reference (rule S).
    """

    def __init__(
        self,
        wapi: Wapi,
        deliver: Callable[[Landing], None],
        clock: Callable[[], float],
        on_step: OnStep,
        internal: InternalErrors,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wapi = wapi
        self._deliver = deliver
        self._clock = clock
        self._on_step = on_step
        self._internal = internal
        self._may_write = may_write
        self._calls: SimpleQueue[Call | None] = SimpleQueue()

    def call(self, call: Call) -> None:
        """Make this call when the one before is done."""
        self._calls.put(call)

    def stop(self) -> None:
        """End the thread after the call that is under way."""
        self._calls.put(None)

    def run(self) -> None:
        """The thread's body."""
        while (call := self._calls.get()) is not None:
            name = _name(call.operations)
            self._on_step(f"wapi:{name}:before")
            landing = self.landing(call)
            self._on_step(f"wapi:{name}:after")
            self._deliver(landing)
        self._wapi.close()

    def landing(self, call: Call) -> Landing:
        """Make this call now; every way in which it can end is a value."""
        try:
            return perform(call, self._send, self._clock, self._may_write)
        except Exception as error:  # noqa: BLE001, before the call left, or after its reply had come
            self._internal.tell("call", error)
            return Refused(call.id, Refusal(Kind.INTERNAL, _failure(error)), self._clock())

    def _send(self, http: HttpCall, read_timeout_s: float) -> Any:
        try:
            return self._wapi.send(http, read_timeout_s)
        except (LostError, NotSentError, RefusedError):
            raise
        except Exception as error:  # noqa: BLE001, nothing is known of what has left
            self._internal.tell("http", error)
            raise LostError(GridUnavailable(grid="master", cause=_failure(error))) from None


def _name(operations: tuple[Operation, ...]) -> str:
    """What a call does, by the first of its operations that changes something."""
    names = {Create: "create", DeleteFound: "delete", UpdateFound: "update"}
    return next((names[type(each)] for each in operations if type(each) in names), "search")


def _failure(error: Exception) -> str:
    return f"the coordinator has failed at it ({type(error).__name__})"
