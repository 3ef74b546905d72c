"""The thread that makes the lane's calls, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from coordinator.core.crash_points import OnCrashPoint
from coordinator.core.errors import GridUnavailable, NotLeading
from coordinator.grid.calls import Call, Landing, NotSent, Refused
from coordinator.grid.exchange import LostError, NotSentError, RefusedError, perform
from coordinator.grid.operations import Create, DeleteFound, HttpCall, Operation, UpdateFound, is_write
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.wapi import Wapi
from daemon.internal_errors import InternalErrors


class Rights(Protocol):
    """Says what a coordinator may write at this moment, however long ago it was asked to."""

    def may_begin(self) -> bool:
        """Whether a call that writes may begin: this coordinator leads, as far as it can know."""
        ...

    def may_write_singly(self) -> bool:
        """Whether a write by reference may be sent: nobody else leads, for certain (rule S)."""
        ...


class AllRights:
    """Those of a coordinator that nobody elects."""

    def may_begin(self) -> bool:
        """Always."""
        return True

    def may_write_singly(self) -> bool:
        """Always."""
        return True


class Caller:
    """Takes calls, hands back how they ended through `deliver`, which must be safe to call from this thread.

    `rights` are asked before each call that writes, and before each write by reference.
    """

    def __init__(
        self,
        wapi: Wapi,
        deliver: Callable[[Landing], None],
        clock: Callable[[], float],
        on_crash_point: OnCrashPoint,
        internal: InternalErrors,
        rights: Rights = AllRights(),  # noqa: B008, it has no state
    ) -> None:
        self._wapi = wapi
        self._deliver = deliver
        self._clock = clock
        self._on_crash_point = on_crash_point
        self._internal = internal
        self._rights = rights
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
            self._on_crash_point(f"wapi:{name}:before")
            landing = self.landing(call)
            self._on_crash_point(f"wapi:{name}:after")
            self._deliver(landing)
        self._wapi.close()

    def landing(self, call: Call) -> Landing:
        """Make this call now; every way in which it can end is a value."""
        try:
            if any(is_write(each) for each in call.operations) and not self._rights.may_begin():
                return NotSent(call.id, NotLeading(leader="another coordinator"), self._clock())
            return perform(call, self._send, self._clock, self._rights.may_write_singly)
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
