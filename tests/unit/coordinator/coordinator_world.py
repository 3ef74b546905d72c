"""The real desk with the simulator's model for a grid, on a clock that only the test moves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from coordinator.assignment import Policy
from coordinator.commands import Effect, Send
from coordinator.core.errors import GridForbids, GridUnavailable
from coordinator.core.networks import NetworkRules
from coordinator.desk import Desk, DeskEvent, Received
from coordinator.grid.calls import Call
from coordinator.grid.exchange import LostError, NotSentError, RefusedError, perform
from coordinator.grid.operations import HttpCall
from coordinator.grid.refusals import classify
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import Ticked
from coordinator.ownership import Owner
from gridsim import calls
from gridsim.model import Grid
from protocol.messages import (
    Allocate,
    Allocated,
    Attachment,
    Declined,
    Hello,
    Message,
    NetworkAsk,
    Release,
    Released,
    ReleaseReason,
)

SUBNET = "10.55.0.0/24"


class World:
    """One coordinator. `trouble` is taken call by call: None, `lose request`, `lose reply`, `not sent`."""

    def __init__(self, grid: Grid | None = None, release_delay_s: float = 0.0, **rules: Any) -> None:
        self.grid = grid or Grid()
        self.now_s = 1000.0
        self.calls = 0
        self.trouble: list[str | None] = []
        self.answers: list[Message] = []
        self._flights: list[Call] = []
        self._wake_at_s = 0.0
        self._numbers = itertools.count(1)
        allowed = NetworkRules("default", "172.18.0.0/16", **rules)
        self.policy = Policy(
            "c", Owner("test"), "admin", allowed, may_create_networks=True, release_delay_s=release_delay_s
        )
        self.restart()

    def restart(self) -> None:
        """A new coordinator in place of the old one, which forgets everything."""
        self._flights.clear()
        self.policy = replace(self.policy, coordinator_id=self.policy.coordinator_id + "x")
        self.desk = Desk(self.policy, 256, 300.0, "test", self.now_s)
        self._do(self.desk.start(self.now_s))
        self.run()
        self.greet()
        self.calls = 0

    def greet(self, node: str = "node-1") -> None:
        hello = Hello(id="h", boot_id="boot", journal_id="j", page=0, last=True, holdings=[])
        self.say(hello, node=node)

    def say(self, *messages: Any, node: str = "node-1") -> None:
        events = [Received(node, node.encode(), message, self.now_s) for message in messages]
        self._do(self.desk.handle(events, self.now_s))

    def ask(self, *messages: Any, node: str = "node-1") -> list[Message]:
        """Send the messages at once, run until the lane is quiet; returns the answers."""
        self.answers.clear()
        self.say(*messages, node=node)
        self.run()
        return list(self.answers)

    def allocate(self, name: str, mac: str | None = None, **changes: Any) -> Allocate:
        number = next(self._numbers)
        network = NetworkAsk(name="pods", subnet=changes.pop("subnet", SUBNET), gateway="0.0.0.1")
        fields: dict[str, Any] = {
            "id": f"a{number}",
            "attachment": Attachment(container_id=name, ifname="eth0"),
            "seq": number,
            "journal_id": "j",
            "attempt": 1,
            "first_sent_ms_ago": 0,
            "budget_ms": 57_000,
            "network": network,
            "mac": mac,
        }
        return Allocate(**{**fields, **changes})

    def release(self, name: str) -> Release:
        number = next(self._numbers)
        return Release(
            id=f"r{number}",
            attachment=Attachment(container_id=name, ifname="eth0"),
            seq=number,
            journal_id="j",
            attempt=1,
            first_sent_ms_ago=0,
            budget_ms=5000,
            reason=ReleaseReason.DEL,
        )

    def run(self) -> None:
        """Make the calls that the lane wants, until it wants none."""
        while self._flights:
            self.land()

    def land(self) -> None:
        """Make the call that is under way."""
        call = self._flights.pop(0)
        self.now_s += 0.02
        self._do(self.desk.handle([perform(call, self._transport, lambda: self.now_s)], self.now_s))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the desk whenever it asked for that."""
        end_s = self.now_s + seconds
        while self._wake_at_s <= end_s:
            self.now_s = max(self.now_s, self._wake_at_s)
            self._do(self.desk.handle([Ticked(self.now_s)], self.now_s))
            self.run()
            if self._wake_at_s <= self.now_s:
                self.now_s += 0.5
        self.now_s = max(self.now_s, end_s)

    def held(self) -> dict[str, str]:
        """Which container has which address, as the grid says."""
        found = self.grid.objects("fixedaddress")
        pods = [each for each in found if "VM ID" in each["extattrs"]]
        return {each["ipv4addr"]: each["extattrs"]["VM ID"]["value"] for each in pods}

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Mishap):
                raise effect.error
            if isinstance(effect, Send):
                self.answers.append(effect.message)
            elif isinstance(effect, Call):
                assert not self._flights, "a second call while one is under way"
                self._flights.append(effect)
            elif isinstance(effect, WakeAt):
                self._wake_at_s = effect.at_s

    def _transport(self, http: HttpCall, read_timeout_s: float) -> Any:
        self.calls += 1
        trouble = self.trouble.pop(0) if self.trouble else None
        unavailable = GridUnavailable(grid="test", cause=trouble)
        if trouble == "not sent":
            raise NotSentError(unavailable)
        if trouble == "lose request":
            raise LostError(unavailable)
        pairs = calls.parse_query(http.query)
        reply = self.grid.call(calls.Call(http.method, unquote(http.path), pairs, http.body))
        if trouble == "lose reply":
            raise LostError(unavailable)
        if reply.status == 403:
            raise NotSentError(GridForbids(user="admin"))
        if reply.status >= 400:
            raise RefusedError(classify(reply.status, reply.body))
        return reply.body


def address(answer: Message) -> str:
    """The address of an answer that gives one."""
    assert isinstance(answer, Allocated), answer
    return answer.addresses[0].address.partition("/")[0]


def given(answers: list[Message]) -> str:
    """The address that one of several answers gives."""
    (allocated,) = (answer for answer in answers if isinstance(answer, Allocated))
    return address(allocated)


def code(answer: Message) -> int:
    """The code of an answer that declines."""
    assert isinstance(answer, Declined), answer
    return answer.code


def is_released(answer: Message) -> bool:
    return isinstance(answer, Released)


__all__ = ["SUBNET", "DeskEvent", "World", "address", "code", "given", "is_released"]
