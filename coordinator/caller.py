"""The thread that makes the lane's calls, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue

from coordinator.commands import Call
from coordinator.events import Landing
from coordinator.exchange import perform
from coordinator.steps import OnStep, call_name
from coordinator.wapi import Wapi


class Caller:
    """Takes calls, hands back how they ended through `deliver`, which must be safe to call from this thread."""

    def __init__(
        self, wapi: Wapi, deliver: Callable[[Landing], None], clock: Callable[[], float], on_step: OnStep
    ) -> None:
        self._wapi = wapi
        self._deliver = deliver
        self._clock = clock
        self._on_step = on_step
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
            name = call_name(call.operations)
            self._on_step(f"wapi:{name}:before")
            landing = perform(call, self._wapi.send, self._clock)
            self._on_step(f"wapi:{name}:after")
            self._deliver(landing)
        self._wapi.close()
