"""The coordinator's machine before a grid whose replies can be replaced, one HTTP call after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

from coordinator.core.errors import GridForbids
from coordinator.core.networks import NetworkRules
from coordinator.core.outbox import Send
from coordinator.core.policy import Policy
from coordinator.grid.calls import Call
from coordinator.grid.exchange import NotSentError, RefusedError, perform
from coordinator.grid.operations import HttpCall
from coordinator.grid.refusals import classify
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import Ticked
from coordinator.machine import Machine, MachineEffect, MachineEvent, Received
from gridsim.database import calls as gridsim_calls
from gridsim.model import Grid
from protocol.wire import messages, values
from protocol.wire.allocation_id import Owner, hash_driver, hash_node

CLUSTER: Final = "c0ffee000000"
SUBNET: Final = "10.55.0.0/24"
CALLS_MAX: Final = 500


class GridWorld:
    """One coordinator. `lie` gets the number of an HTTP call with its true reply."""

    def __init__(self, lie: Callable[[int, Any], Any] | None = None) -> None:
        self.lie = lie or (lambda number, body: body)
        self.grid = Grid()
        self.now_s = 1000.0
        self.told: list[messages.Message] = []
        self._http_calls = 0
        self._numbers = itertools.count()
        self._wake_at_s: float | None = None
        self._flight: Call | None = None
        self.grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "pods"}}})
        policy = Policy(CLUSTER, "blue", "admin", NetworkRules("default", SUBNET), release_delay_s=0.0)
        self._machine = Machine(
            policy,
            b"secret",
            lambda: f"{next(self._numbers):012x}",
            operations_max=256,
            sweep_interval_s=60.0,
        )
        self._carry_out(self._machine.start(self.now_s))
        self._settle()

    def greet(self, node: str) -> Owner:
        """A node begins a session; returns what its journal's ids are called by."""
        owner = Owner(CLUSTER, hash_node(node), "2" * 8, "3" * 8, hash_driver("infoblox"), "5" * 8)
        facts = {"machine": owner.machine, "boot": owner.boot, "driver": "infoblox", "journal": owner.journal}
        self.hear(node, messages.Hello(id="hello", node=node, **facts))
        welcome = next(each for each in reversed(self.told) if isinstance(each, messages.Welcome))
        claims = messages.Claims(id="claims", welcome=welcome.number, page=0, last=True, claims=[], let_go=[])
        self.hear(node, claims)
        return owner

    def ask(self, node: str, owner: Owner) -> str:
        """An ADD asks for an address; returns the id that was drawn for it."""
        allocation = str(owner.draw(f"{next(self._numbers):012x}"))
        network = values.NetworkAsk(name="pods", subnet=SUBNET, gateway="10.55.0.1")
        label = values.Label(container_id=allocation[-12:], ifname="eth0")
        self.hear(
            node,
            messages.Allocate(
                id=allocation[-12:],
                wants=[values.Want(allocation=allocation, network=network)],
                budget_ms=55_000,
                label=label,
            ),
        )
        return allocation

    def let_go(self, node: str, allocation: str) -> None:
        """A journal lets an allocation go."""
        row = values.LetGoRow(allocation=allocation, family=4, age_ms=0, was_held=True)
        self.hear(node, messages.LetGo(id="let-go", allocations=[row]))

    def hear(self, node: str, message: messages.ToCoordinator) -> None:
        """A message arrives."""
        self.take(Received(node, node.encode(), message, self.now_s))

    def take(self, *events: MachineEvent) -> None:
        """Something happens, with all calls that follow at this moment."""
        self._wake_at_s = None
        self._carry_out(self._machine.handle(events, self.now_s))
        self._settle()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        while self._wake_at_s is not None and self._wake_at_s <= until_s:
            self.now_s = max(self.now_s + 0.001, self._wake_at_s)
            self.take(Ticked(self.now_s))
        self.now_s = max(self.now_s, until_s)

    def addresses(self) -> dict[str, str]:
        """What was told, by id."""
        return {each.allocation: each.address for each in self.told if isinstance(each, messages.Allocated)}

    def serves(self, node: str) -> bool:
        """Whether another node's ADD gets an address."""
        allocation = self.ask(node, self.greet(node))
        self.advance(59.0)
        return allocation in self.addresses()

    def _settle(self) -> None:
        for _ in range(CALLS_MAX):
            if self._flight is None:
                return
            call, self._flight = self._flight, None
            self.now_s += 0.01
            landing = perform(call, self._send, lambda: self.now_s)
            self._wake_at_s = None
            self._carry_out(self._machine.handle([landing], self.now_s))
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

    def _carry_out(self, effects: list[MachineEffect]) -> None:
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
