"""The real desk before a grid whose replies can be replaced, one HTTP call after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.assignment import Policy
from coordinator.commands import Effect, Send
from coordinator.core.errors import GridForbids
from coordinator.core.networks import NetworkRules
from coordinator.desk import Desk, DeskEvent, Received
from coordinator.grid.calls import Call
from coordinator.grid.exchange import NotSentError, RefusedError, perform
from coordinator.grid.operations import HttpCall
from coordinator.grid.refusals import classify
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import Ticked
from coordinator.ownership import Owner
from gridsim import calls as gridsim_calls
from gridsim.model import Grid
from protocol.messages import Allocate, Allocated, Attachment, Hello, Message, NetworkAsk, Release, ReleaseReason

SUBNET = "10.55.0.0/24"
CALLS_MAX = 500


class GridWorld:
    """One coordinator with one node. `lie` gets the number of an HTTP call with its true reply."""

    def __init__(self, lie: Callable[[int, Any], Any] | None = None) -> None:
        self.lie = lie or (lambda number, body: body)
        self.grid = Grid()
        self.now_s = 1000.0
        self.connection = b"n1-1"
        self.told: list[Message] = []
        self._http_calls = 0
        self._seq = 0
        self._wake_at_s = 0.0
        self._flight: Call | None = None
        self.grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "pods"}}})
        policy = Policy(
            "c1",
            Owner("blue"),
            "admin",
            NetworkRules("default", SUBNET),
            may_create_networks=True,
            release_delay_s=0.0,
        )
        self._desk = Desk(policy, 256, 300.0, "test", self.now_s)
        self._carry_out(self._desk.start(self.now_s))
        self._settle()
        self.greet("n1", self.connection)

    def greet(self, node: str, connection: bytes) -> None:
        """A node says hello, and is heard."""
        hello = Hello(id="h1", boot_id=f"boot-{node}", journal_id="j1", page=0, last=True, holdings=[])
        self.take(Received(node, connection, hello, self.now_s))

    def take(self, event: DeskEvent) -> None:
        """Something happens, with all calls that follow at this moment."""
        self._carry_out(self._desk.handle([event], self.now_s))
        self._settle()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        while self._wake_at_s <= until_s:
            self.now_s = max(self.now_s + 0.001, self._wake_at_s)
            self.take(Ticked(self.now_s))
        self.now_s = max(self.now_s, until_s)

    def allocate(self, container: str) -> Allocate:
        """The message of an ADD."""
        return Allocate(
            network=NetworkAsk(name="pods", subnet=SUBNET, gateway="0.0.0.1"), **self._about(container)
        )

    def release(self, container: str) -> Release:
        """The message of a DEL."""
        return Release(reason=ReleaseReason.DEL, **self._about(container))

    def serves(self, node: str) -> bool:
        """Whether another node's ADD gets an address."""
        connection = f"{node}-1".encode()
        self.greet(node, connection)
        request = self.allocate(f"of-{node}")
        self.take(Received(node, connection, request, self.now_s))
        self.advance(59.0)
        return any(isinstance(each, Allocated) and each.id == request.id for each in self.told)

    def _about(self, container: str) -> dict[str, Any]:
        self._seq += 1
        return {
            "id": f"m{self._seq}",
            "attachment": Attachment(container_id=container, ifname="eth0"),
            "seq": self._seq,
            "journal_id": "j1",
            "attempt": 1,
            "first_sent_ms_ago": 0,
            "budget_ms": 55_000,
        }

    def _settle(self) -> None:
        for _ in range(CALLS_MAX):
            if self._flight is None:
                return
            call, self._flight = self._flight, None
            self.now_s += 0.01
            landing = perform(call, self._send, lambda: self.now_s)
            self._carry_out(self._desk.handle([landing], self.now_s))
        raise AssertionError("it never stops calling")

    def _send(self, http: HttpCall, read_timeout_s: float) -> Any:
        arguments = gridsim_calls.parse_query(http.query)
        reply = self.grid.call(gridsim_calls.Call(http.method, http.path, arguments, http.body))
        self._http_calls += 1
        if reply.status == 403:
            raise NotSentError(GridForbids(user="admin"))
        if reply.status >= 400:
            raise RefusedError(classify(reply.status, self.lie(self._http_calls, reply.body)))
        return self.lie(self._http_calls, reply.body)

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Call):
                assert self._flight is None, "two calls at once"
                self._flight = effect
            elif isinstance(effect, WakeAt):
                self._wake_at_s = effect.at_s
            elif isinstance(effect, Send):
                self.told.append(effect.message)
            elif isinstance(effect, Mishap):
                raise effect.error
