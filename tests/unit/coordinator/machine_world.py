"""The coordinator's machine over the simulator's grid, with agents played by the test, on a virtual clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote

from coordinator.admin.events import AnswerCommand, Asked
from coordinator.cluster.liveness import LivenessSource, NobodyTells
from coordinator.core.changes import Change
from coordinator.core.errors import GridUnavailable
from coordinator.core.networks import NetworkRules
from coordinator.core.outbox import Note, Send
from coordinator.core.policy import Policy
from coordinator.grid.calls import Call, Landing, Lost
from coordinator.grid.exchange import RefusedError, perform
from coordinator.grid.operations import is_write
from coordinator.grid.refusals import classify
from coordinator.history.question import Recall
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import Ticked
from coordinator.lane.task import COMPANY_S
from coordinator.machine import Machine, Received
from coordinator.sweep.sweeper import FIRST_AFTER_S
from gridsim.database import calls
from gridsim.model import Grid
from protocol.wire import messages, values
from protocol.wire.allocation_id import Owner, hash_driver, hash_node

CLUSTER = "c0ffee000000"
NETWORK = values.NetworkAsk(name="pods", subnet="10.55.0.0/24")


NAMES = {"allocation", "address", "network", "node", "pod", "request"}
"""What each line of the log about an address of ours has."""


def check_names(note: Note) -> None:
    """A line that names an address and its id says whose it is."""
    if {"allocation", "address"} <= note.fields.keys():
        assert note.fields.keys() >= NAMES, note


class Fate(Enum):
    """What becomes of a call."""

    ANSWERED = auto()
    REPLY_LOST = auto()
    DROPPED = auto()
    LATE = auto()


class Agent:
    """One journal of a node, as the coordinator hears it."""

    def __init__(self, world: World, node: str, *, machine: str, boot: str, journal: str, driver: str) -> None:
        self.world = world
        self.node = node
        self.driver = driver
        self.connection = f"{node}/{boot}/{journal}/{world.draw()}".encode()
        self.owner = Owner(world.cluster_id, hash_node(node), machine, boot, hash_driver(driver), journal)
        self.heard: list[messages.Message] = []

    def say(self, message: messages.Message) -> None:
        """Send a message, and let the world become quiet."""
        world = self.world
        world.feed(Received(self.node, self.connection, message, world.now_s))

    def greet(self) -> messages.Welcome:
        """Say hello; the welcome is not answered yet."""
        owner = self.owner
        self.say(
            messages.Hello(
                id="hello",
                node=self.node,
                machine=owner.machine,
                boot=owner.boot,
                driver=self.driver,
                journal=owner.journal,
            )
        )
        (welcome,) = self.take(messages.Welcome)
        return welcome

    def claim(self, welcome: messages.Welcome, *, claims: Any = (), let_go: Any = ()) -> None:
        """Answer a welcome in one page."""
        page = {"page": 0, "last": True, "claims": list(claims), "let_go": list(let_go)}
        self.say(messages.Claims(id="claims", welcome=welcome.number, **page))

    def hello(self, *, claims: Any = (), let_go: Any = ()) -> messages.Welcome:
        """Begin a session."""
        welcome = self.greet()
        self.claim(welcome, claims=claims, let_go=let_go)
        return welcome

    def ask(
        self,
        *,
        for_reserve: bool = False,
        ready: int | None = None,
        label: values.Label | None = None,
        **changes: Any,
    ) -> str:
        """Ask for one address; returns the id that was drawn."""
        allocation = str(self.owner.draw(self.world.draw()))
        network = NETWORK.model_copy(update=changes)
        budget_ms = 50_000
        self.say(
            messages.Allocate(
                id=f"ask-{allocation[-12:]}",
                wants=[values.Want(allocation=allocation, network=network)],
                budget_ms=budget_ms,
                for_reserve=for_reserve,
                ready=ready,
                label=label,
            )
        )
        if for_reserve:
            self.world.passes(COMPANY_S)
        return allocation

    def label(self, allocation: str, label: values.Label) -> None:
        """Say which attachment has it, and wait until that is written."""
        self.say(messages.SetLabels(id="l", labels=[values.LabelRow(allocation=allocation, label=label)]))
        self.world.passes(COMPANY_S)

    def let_go(self, *allocations: str, was_held: bool = True, age_ms: int = 0) -> None:
        rows = [
            values.LetGoRow(allocation=each, family=4, age_ms=age_ms, was_held=was_held) for each in allocations
        ]
        self.say(messages.LetGo(id="let-go", allocations=rows))

    def stays(self, seconds: float) -> None:
        """Let time pass while this agent pings, as it does every 10 s."""
        until_s = self.world.now_s + seconds
        while self.world.now_s < until_s:
            self.world.passes(min(10.0, until_s - self.world.now_s))
            self.say(messages.Ping(id="ping"))

    def take(self, kind: type[Any]) -> list[Any]:
        """What was heard of this kind since the last time."""
        taken = [message for message in self.heard if isinstance(message, kind)]
        self.heard = [message for message in self.heard if not isinstance(message, kind)]
        return taken

    def told(self) -> messages.Allocated:
        """The one allocation that was told."""
        (allocated,) = self.take(messages.Allocated)
        return allocated


class World:
    """Everything happens at once; time passes only where the test lets it."""

    def __init__(
        self,
        *,
        listed: bool = True,
        sweep_interval_s: float = 600.0,
        grid: Grid | None = None,
        liveness: LivenessSource | None = None,
        cluster_id: str = CLUSTER,
        cluster_name: str = "prod-1",
        **policy: Any,
    ) -> None:
        self.cluster_id, self.cluster_name = cluster_id, cluster_name
        self._liveness = liveness or NobodyTells()
        self.grid = grid or Grid()
        if grid is None:
            named = {"Network Name": {"value": "pods"}}
            self.grid.create("network", {"network": NETWORK.subnet, "extattrs": named})
        self.now_s = 1_000.0
        self.notes: list[str] = []
        self.changes: list[Change] = []
        """What is told to the history."""
        self.recalls: list[Recall] = []
        """What the history is asked."""
        self.on_note: Callable[[Note], None] = check_names
        """Hears of the notes themselves, of which `notes` has the names."""
        self.expects_mishaps = False
        self.mishaps: list[Mishap] = []
        self.calls = 0
        self.writes = 0
        self.answers: dict[int, list[Any]] = {}
        """What people's commands were answered, by the number of the connection."""
        self._tickets = 0
        self.fate: Callable[[Call], Fate] = lambda call: Fate.ANSWERED
        """What becomes of a call."""
        self.late: list[Call] = []
        """Calls that were lost on their way and are carried out when `commit_late` says so."""
        self._drawn = 0
        self._agents: list[Agent] = []
        self._policy = {"rules": NetworkRules("default", "172.18.0.0/16"), "user": "pods", **policy}
        self._sweep_interval_s = sweep_interval_s
        self._wake_s: float | None = None
        self.restart(listed=listed)

    def restart(self, *, listed: bool = True) -> None:
        """Another coordinator process takes over; connections are lost."""
        self.machine = Machine(
            Policy(self.cluster_id, self.cluster_name, **self._policy),
            b"secret",
            self.draw,
            operations_max=256,
            sweep_interval_s=self._sweep_interval_s,
            liveness=self._liveness,
        )
        if listed:
            self.start()

    def begin(self) -> None:
        """The coordinator hears whoever waited for it, and has not begun to list."""
        self._carry_out(self.machine.start(self.now_s))

    def start(self) -> None:
        """The coordinator has begun, and reads the grid."""
        self.begin()
        self.passes(FIRST_AFTER_S)

    def begin_anew(self) -> None:
        """What the loop does with a machine that has failed."""
        self._carry_out(self.machine.begin_anew(self.now_s))
        self.passes(FIRST_AFTER_S)

    def draw(self) -> str:
        self._drawn += 1
        return f"{self._drawn:012x}"

    def agent(
        self,
        node: str = "node-1",
        *,
        machine: str = "2" * 8,
        boot: str = "3" * 8,
        journal: str = "5" * 8,
        driver: str = "infoblox",
    ) -> Agent:
        agent = Agent(self, node, machine=machine, boot=boot, journal=journal, driver=driver)
        self._agents.append(agent)
        return agent

    def feed(self, *events: Any) -> None:
        self._carry_out(self.machine.handle(events, self.now_s))

    def command(self, request: Any) -> list[Any]:
        """A person's command asks; its answers so far."""
        self._tickets += 1
        self.answers[self._tickets] = []
        self.feed(Asked(self._tickets, request, self.now_s))
        return self.answers[self._tickets]

    def passes(self, seconds: float) -> None:
        """Let time pass, waking the machine whenever it asks to be."""
        until_s = self.now_s + seconds
        while self._wake_s is not None and self._wake_s <= until_s:
            self.now_s, self._wake_s = max(self.now_s, self._wake_s), None
            self.feed(Ticked(self.now_s))
        self.now_s = until_s
        self.feed(Ticked(self.now_s))

    def objects(self) -> dict[str, str]:
        """What the grid holds of ours: address by id."""
        found = {}
        for each in self._search():
            allocation = each.get("extattrs", {}).get("Allocation ID", {}).get("value")
            if allocation:
                found[allocation] = each["ipv4addr"]
        return found

    def names(self) -> list[str]:
        return sorted(each.get("name", "") for each in self._search())

    def delete_by_admin(self, address: str) -> None:
        """Somebody deletes an object in the grid's user interface."""
        (hit,) = [each for each in self._search() if each["ipv4addr"] == address]
        assert self.grid.call(calls.Call("DELETE", hit["_ref"], [], None)).status == 200

    def edit(self, address: str, **fields: Any) -> None:
        """Somebody edits an object in the grid's user interface."""
        (hit,) = [each for each in self._search() if each["ipv4addr"] == address]
        self.grid.update(hit["_ref"], fields)

    def search(self) -> list[Any]:
        """Every fixed address or reservation, of anybody."""
        return self._search()

    @property
    def agents(self) -> list[Agent]:
        """All that were ever made, in that order."""
        return list(self._agents)

    def write_id_by_admin(self, address: str, allocation: str) -> None:
        """Somebody writes an id on the object at this address."""
        (hit,) = [each for each in self._search() if each["ipv4addr"] == address]
        self.grid.update(hit["_ref"], {"extattrs+": {"Allocation ID": {"value": allocation}}})

    def create_by_admin(self, address: str) -> None:
        """Somebody reserves an address in the grid's user interface."""
        self.grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED"})

    def _search(self) -> list[Any]:
        query = [("_return_fields", "ipv4addr,name,comment,extattrs")]
        reply = self.grid.call(calls.Call("GET", "fixedaddress", query, None))
        assert reply.status == 200, reply
        return list(reply.body)

    def _carry_out(self, effects: list[Any]) -> None:
        todo, has_landed = deque(effects), False
        while todo:
            effect = todo.popleft()
            if isinstance(effect, Send):
                self._deliver(effect)
            elif isinstance(effect, WakeAt):
                self._wake_s = effect.at_s
            elif isinstance(effect, AnswerCommand):
                self.answers[effect.ticket].append(effect.message)
            elif isinstance(effect, Call):
                self.calls += 1
                self.writes += sum(map(is_write, effect.operations))
                todo.extend(self.machine.handle([self.perform(effect)], self.now_s))
                has_landed = True
            else:
                self._note(effect)
            if has_landed and not todo:
                # A page that came last is taken in at the next turn.
                has_landed = False
                todo.extend(self.machine.handle([Ticked(self.now_s)], self.now_s))

    def _note(self, effect: Any) -> None:
        if isinstance(effect, Note):
            self.notes.append(effect.event)
            self.on_note(effect)
        elif isinstance(effect, Change | Recall):
            (self.changes if isinstance(effect, Change) else self.recalls).append(effect)
        elif isinstance(effect, Mishap):
            if not self.expects_mishaps:
                raise effect.error
            self.mishaps.append(effect)

    def commit_late(self) -> None:
        """What was lost on its way is carried out after all."""
        late, self.late = self.late, []
        for call in late:
            perform(call, self._transport, lambda: self.now_s)

    def perform(self, call: Call) -> Landing:
        """Make a call of the machine, as the fate of calls is."""
        fate = self.fate(call)
        lost = Lost(call.id, GridUnavailable(grid="grid", cause=fate.name), self.now_s)
        if fate is Fate.LATE:
            self.late.append(call)
        if fate in (Fate.LATE, Fate.DROPPED):
            return lost
        landing = perform(call, self._transport, lambda: self.now_s)
        return lost if fate is Fate.REPLY_LOST else landing

    def _deliver(self, effect: Send) -> None:
        for agent in self._agents:
            if agent.connection == effect.connection:
                agent.heard.append(effect.message)

    def _transport(self, http: Any, read_timeout_s: float) -> Any:
        pairs = calls.parse_query(http.query)
        reply = self.grid.call(calls.Call(http.method, unquote(http.path), pairs, http.body))
        if reply.status >= 400:
            raise RefusedError(classify(reply.status, reply.body))
        return reply.body
