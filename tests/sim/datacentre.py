"""The grid at the end of a bad line: the simulator's model, with everything that can happen to an HTTP call.

It commits one call at a time. A call that was lost may have been carried out, or be carried out later: until
`LATE_S` after it was sent, the time that the coordinator reckons with.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final
from urllib.parse import unquote

from coordinator.core.errors import GridAnswersHtml, GridForbids, GridLoginRefused, GridUnavailable
from coordinator.grid.exchange import LostError, NotSentError, RefusedError
from coordinator.grid.operations import HttpCall
from coordinator.grid.refusals import classify
from gridsim.database import calls
from gridsim.model import Grid
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_node
from tests.sim.story import Story
from tests.sim.swarm import Plan, Swarm
from tests.sim.timeline import Timeline

LATE_S: Final = 29.9
CONNECT_S: Final = 3.0
NOBODYS_CLUSTER: Final = "0123456789ab"
"""A cluster with our name of which nobody in this world is."""

Ending = Any | Exception
Done = Callable[[Ending], None]

_LOST_FATES: Final = ("request_lost", "status_503", "html", "reply_lost", "status_500", "late_commit")
_FATES: Final = ("call_not_sent", "too_many", "partly_applied", *_LOST_FATES)
_UNDONE: Final = ("request_lost", "status_503", "html")


class DataCentre:
    """The grid as the coordinators reach it."""

    def __init__(self, timeline: Timeline, random: Random, story: Story, swarm: Swarm) -> None:
        has_cna = swarm.faults.user_kind == "cloud"
        self.grid = Grid(has_cna=has_cna)
        self.rates = dict(swarm.rates)
        self.planned: list[tuple[str, str]] = []
        """Fates for the next calls that contain a text, before chance has its say."""
        self._started_s: list[float] = []
        """When each call began, but for the pages of listings."""
        self.on_write: Callable[[Any], None] = lambda who: None
        self._timeline = timeline
        self._random = random
        self._story = story
        self._swarm = swarm
        self._free_s = 0.0
        self._outage_until_s = 0.0
        self._outage_fate = ""
        self._login_refused_until_s = 0.0
        for plan in swarm.plans:
            self._furnish(plan)
        self.grid.faults = swarm.faults

    def begin_outage(self, seconds: float) -> None:
        """The grid is away, in one of the ways in which it can be."""
        self._outage_until_s = self._timeline.now_s + seconds
        self._outage_fate = self._random.choice(("call_not_sent", "request_lost", "status_503", "html"))
        self._story.tell("", "grid", f"outage ({self._outage_fate}) for {seconds:.0f} s")

    def refuse_logins(self, seconds: float) -> None:
        """The password is wrong for a while."""
        self._login_refused_until_s = self._timeline.now_s + seconds
        self._story.tell("", "grid", f"refuses the login for {seconds:.0f} s")

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.rates = dict.fromkeys(self.rates, 0.0)
        self._outage_until_s = self._login_refused_until_s = 0.0

    def take(self, address: str) -> None:
        """An administrator uses an address for a thing of his own."""
        self.grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED", "name": "printer"})

    def count_calls(self, from_s: float, until_s: float) -> int:
        """How many calls were made in this time, but for those of sweeps: pages, and how full networks are."""
        return sum(from_s <= started_s <= until_s for started_s in self._started_s)

    def exchange(self, who: object, call: HttpCall, read_timeout_s: float, done: Done) -> None:
        """Make a coordinator's call; `done` gets the reply's body, or the exception that the transport raises."""
        if not _is_of_a_sweep(call):
            self._started_s.append(self._timeline.now_s)
        now_s, fate = self._timeline.now_s, self._fate(call)
        if fate == "login_refused":
            self._end(done, NotSentError(GridLoginRefused(user="admin", grid="grid")), self._latency_s())
        elif fate == "call_not_sent":
            self._end(done, NotSentError(_unavailable(fate)), min(CONNECT_S, self._latency_s()))
        elif fate == "too_many":
            self._end(done, NotSentError(_unavailable("HTTP status 429")), self._latency_s())
        elif fate in _UNDONE:
            self._end(done, _lost(fate), self._failure_s(fate, read_timeout_s))
        else:
            self._carry_out(who, call, fate, now_s, read_timeout_s, done)

    def _carry_out(
        self, who: object, call: HttpCall, fate: str, now_s: float, read_timeout_s: float, done: Done
    ) -> None:
        took_s = self._swarm.operation_s * len(call.body) if isinstance(call.body, list) else 0.0
        commit_s = max(now_s + self._latency_s(), self._free_s) + took_s
        if self._random.random() < self.rates["cookie_expired"]:
            self._story.mark("cookie_expired")
            commit_s += self._latency_s()
        if fate == "late_commit":
            commit_s = now_s + self._random.uniform(0.05, LATE_S)
        elif commit_s > now_s + LATE_S:
            self._end(done, _lost("too busy"), read_timeout_s)
            return
        else:
            self._free_s = commit_s
        self._timeline.at(commit_s, lambda: self._commit(who, call, fate, now_s, read_timeout_s, done))
        if fate == "late_commit":
            self._end(done, _lost(fate), self._failure_s(fate, read_timeout_s))

    def _commit(
        self, who: object, call: HttpCall, fate: str, sent_s: float, read_timeout_s: float, done: Done
    ) -> None:
        carried_out = self._cut_short(call) if fate == "partly_applied" else call
        reply = self._call_grid(who, carried_out, fate)
        now_s = self._timeline.now_s
        if fate == "late_commit":
            self._story.mark("late_commit")
            return
        left_s = sent_s + read_timeout_s - now_s
        if fate in ("reply_lost", "status_500", "partly_applied"):
            self._story.mark(fate)
            self._end(done, _lost(fate), min(max(0.0, left_s), self._failure_s(fate, max(0.0, left_s))))
            return
        back_s = self._latency_s()
        if back_s >= left_s:
            self._end(done, _lost("no reply in time"), max(0.0, left_s))
        else:
            self._end(done, _outcome(reply), back_s)

    def _call_grid(self, who: object, call: HttpCall, fate: str) -> calls.Reply:
        operations = len(call.body) if isinstance(call.body, list) else 1
        if operations > self._swarm.request_operations_max:
            self._story.mark("request_too_big")
            return calls.Reply(413, None)
        if self._random.random() < self.rates["func_conflict"]:
            self.grid.faults = self.grid.faults.changed({"func_conflicts": 1})
        pairs = calls.parse_query(call.query)
        wapi = calls.Call(call.method, unquote(call.path), pairs, call.body)
        reply = self.grid.call(wapi)
        if calls.is_write(wapi):
            self.on_write(who)
        return reply

    def _cut_short(self, call: HttpCall) -> HttpCall:
        """Only the beginning of a request is carried out, where it is no transaction; else nothing."""
        if not isinstance(call.body, list):
            return call
        is_transaction = self.grid.faults.request_atomicity == "all"
        kept = 0 if is_transaction else self._random.randrange(len(call.body) + 1)
        return HttpCall(call.method, call.path, call.query, call.body[:kept])

    def _fate(self, call: HttpCall) -> str:
        now_s = self._timeline.now_s
        for fate, text in self.planned:
            if text in f"{call.method} {call.path} {call.body}":
                self.planned.remove((fate, text))
                return fate
        if now_s < self._login_refused_until_s:
            return "login_refused"
        if now_s < self._outage_until_s:
            return self._outage_fate
        for fate in _FATES:
            rate = self.rates[fate]
            if rate and self._random.random() < rate:
                return fate
        return ""

    def _failure_s(self, fate: str, read_timeout_s: float) -> float:
        if fate not in ("status_503", "status_500", "html") and self._random.random() < self.rates["call_hangs"]:
            return read_timeout_s
        return min(self._latency_s(), read_timeout_s)

    def _latency_s(self) -> float:
        return self._swarm.grid_s * self._random.uniform(0.3, 1.5)

    def _end(self, done: Done, ending: Ending, delay_s: float) -> None:
        self._timeline.after(delay_s, lambda: done(ending))

    def _furnish(self, plan: Plan) -> None:
        """The network, if an administrator made it, with objects that look like ours and are not."""
        if not plan.is_made:
            return
        base = plan.subnet.rpartition(".")[0]
        self.grid.create("network", {"network": plan.subnet, "extattrs": {"Network Name": {"value": plan.name}}})
        owner = Owner(NOBODYS_CLUSTER, hash_node("n0"), "5" * 8, hash_boot("b"), hash_driver("infoblox"), "7" * 8)
        labels = {"Tenant ID": "blue", "CMP Type": "Kubernetes", "Location": "n0", "VM ID": "h0c1"}
        namesake = {**labels, "Allocation ID": str(owner.draw("3" * 12)), "Interface Name": "eth0"}
        for number, eas in ((3, namesake), (5, labels)):
            wrapped = {name: {"value": value} for name, value in eas.items()}
            reserved = {"ipv4addr": f"{base}.{number}", "match_client": "RESERVED", "extattrs": wrapped}
            self.grid.create("fixedaddress", reserved)


def _is_of_a_sweep(call: HttpCall) -> bool:
    if call.path == "range" or "_paging" in call.query or "utilization" in call.query:
        return True
    elements = call.body if isinstance(call.body, list) else []
    return any(element.get("object") == "range" for element in elements)


def _unavailable(cause: str) -> GridUnavailable:
    return GridUnavailable(grid="grid", cause=cause)


def _lost(cause: str) -> LostError:
    if cause == "html":
        return LostError(GridAnswersHtml(grid="grid", cause=cause))
    return LostError(_unavailable(cause))


def _outcome(reply: calls.Reply) -> Ending:
    if reply.status == 403:
        return NotSentError(GridForbids(user="admin", grid="grid"))
    if reply.status >= 400:
        return RefusedError(classify(reply.status, reply.body))
    return reply.body
