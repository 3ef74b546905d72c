"""Several nodes before the real desk; the simulator's model is a grid that loses, delays, refuses calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from coordinator.assignment import Policy
from coordinator.commands import AnswerOperator, Effect, Send
from coordinator.core.errors import GridForbids, GridLoginRefused, GridUnavailable
from coordinator.core.networks import NetworkRules
from coordinator.core.outbox import Note
from coordinator.desk import Desk, DeskEvent, Received
from coordinator.grid.calls import Call, Landing
from coordinator.grid.exchange import LostError, NotSentError, RefusedError, perform
from coordinator.grid.operations import Create, DeleteFound, HttpCall, Operation, UpdateFound
from coordinator.grid.refusals import classify
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import Ticked
from coordinator.ownership import Owner
from coordinator.sweeper import Sweeping
from gridsim import calls as gridsim_calls
from gridsim.model import Grid
from protocol.messages import (
    Address,
    Allocate,
    Allocated,
    Attachment,
    Declined,
    Hello,
    Holding,
    Message,
    NetworkAsk,
    Pod,
    Release,
    Released,
    ReleaseReason,
)

SUBNET = "10.55.0.0/24"

GONE = "request lost"
CUT = "reply lost"
LATE = "committed later"
DOWN = "unavailable"
LOGIN = "login refused"
FORBIDDEN = "forbidden"


@dataclass
class Rule:
    """The next HTTP calls that match, so many of them, end like this."""

    matches: Callable[[HttpCall], bool]
    fate: str
    left: int


@dataclass(frozen=True)
class Setup:
    """How the coordinator is configured."""

    cluster: str = "blue"
    rules: NetworkRules = field(default_factory=lambda: NetworkRules("default", SUBNET))
    may_create_networks: bool = True
    release_delay_s: float = 30.0
    operations_max: int = 256
    lookup_ttl_s: float = 1e6
    sweeping: Sweeping | None = None


class DeskWorld:
    """Moves messages, calls, time between nodes, a desk and a grid."""

    def __init__(self, setup: Setup | None = None, grid: Grid | None = None, network: str | None = SUBNET) -> None:
        self.setup = setup or Setup()
        self.grid = grid or Grid()
        self.now_s = 1000.0
        self.call_s = 0.05
        self.late_s = 10.0
        self.calls: list[Call] = []
        self.notes: list[Note] = []
        self.answers: dict[str, Message] = {}
        self.sent: list[tuple[bytes, Message]] = []
        self.told: list[AnswerOperator] = []
        self.expects_mishaps = False
        self.mishaps: list[Mishap] = []
        self.rules: list[Rule] = []
        self.flight: Call | None = None
        self._starts = 0
        self.connections: dict[str, bytes] = {}
        self._late: list[tuple[float, HttpCall]] = []
        self._wake_at_s = 0.0
        self._seq = 0
        self._ids = 0
        if network:
            self.make_network(network)

    def make_network(self, subnet: str, name: str = "pods") -> None:
        """A network that the network configuration of this name may use."""
        self.grid.create("network", {"network": subnet, "extattrs": {"Network Name": {"value": name}}})

    # The coordinator's life

    def start(self) -> DeskWorld:
        """A coordinator that has read the grid; an earlier one is gone, with what it had in a call."""
        self.start_unsettled()
        self.settle()
        return self

    def start_unsettled(self) -> None:
        """A coordinator that knows nothing yet."""
        self._starts += 1
        setup, owner = self.setup, Owner(self.setup.cluster)
        policy = Policy(
            self.coordinator_id, owner, "admin", setup.rules, setup.may_create_networks, setup.release_delay_s
        )
        self.flight = None
        self.desk = Desk(policy, setup.operations_max, setup.lookup_ttl_s, "test", self.now_s, setup.sweeping)
        self._carry_out(self.desk.start(self.now_s))

    def begin_anew(self) -> None:
        """The machine has failed in a way that leaves nothing to rely upon."""
        assert self.flight is None
        self._starts += 1
        self._carry_out(self.desk.begin_anew(self.coordinator_id, self.now_s))
        self.settle()

    @property
    def coordinator_id(self) -> str:
        """What the coordinator calls itself."""
        return f"c{self._starts}"

    def handle(self, events: Iterable[DeskEvent]) -> None:
        """Hand in events that come at one moment."""
        self._carry_out(self.desk.handle(list(events), self.now_s))

    def land(self) -> Landing:
        """The call under way ends."""
        assert self.flight
        call, self.flight = self.flight, None
        self.now_s += self.call_s
        landing = perform(call, self._send, lambda: self.now_s)
        self.handle([landing])
        return landing

    def settle(self) -> None:
        """Let calls land until none is under way."""
        for _ in range(400):
            if self.flight is None:
                return
            self.land()
        raise AssertionError(f"still calling: {self.described()[-6:]}")

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that falls due meanwhile."""
        until_s = self.now_s + seconds
        self.settle()
        while (due_s := self._next_s()) <= until_s:
            self.now_s = max(self.now_s, due_s)
            self._commit_late()
            if self._wake_at_s <= self.now_s:
                self.handle([Ticked(self.now_s)])
            self.settle()
        self.now_s = max(self.now_s, until_s)

    # What nodes say

    def connect(self, node: str = "n1", holdings: Iterable[Holding] = (), **fields: Any) -> bytes:
        """A node says hello on a new connection."""
        connection = f"{node}-{self.next_id()}".encode()
        self.hello(connection, node, holdings, **fields)
        self.connections[node] = connection
        return connection

    def hello(self, connection: bytes, node: str = "n1", holdings: Iterable[Holding] = (), **fields: Any) -> str:
        """A page of a hello; returns its id."""
        about = {"boot_id": f"boot-{node}", "journal_id": f"journal-{node}", "page": 0, "last": True, **fields}
        message = Hello(id=self.next_id(), holdings=list(holdings), **about)
        self.handle([Received(node, connection, message, self.now_s)])
        return message.id

    def next_id(self) -> str:
        """An id for a message."""
        self._ids += 1
        return f"m{self._ids}"

    def next_seq(self) -> int:
        """The next number of the journals, which share one counter here."""
        self._seq += 1
        return self._seq

    def an_allocate(self, container: str, node: str = "n1", **fields: Any) -> Allocate:
        """The message of an ADD; `subnet`, `gateway`, `view`, `name` go into its network."""
        about = {name: fields.pop(name) for name in ("subnet", "gateway", "view", "is_gateway") if name in fields}
        network = NetworkAsk(name=fields.pop("name", "pods"), **{"subnet": SUBNET, **about})
        return Allocate(network=network, **self._request(container, node, {"pod": Pod(name=container), **fields}))

    def a_release(self, container: str, node: str = "n1", **fields: Any) -> Release:
        """The message of a DEL."""
        return Release(reason=ReleaseReason.DEL, **self._request(container, node, fields))

    def _request(self, container: str, node: str, fields: dict[str, Any]) -> dict[str, Any]:
        attachment = Attachment(container_id=container, ifname=fields.pop("ifname", "eth0"))
        return {
            "id": self.next_id(),
            "attachment": attachment,
            "seq": fields.pop("seq", None) or self.next_seq(),
            "journal_id": f"journal-{node}",
            "attempt": 1,
            "first_sent_ms_ago": 0,
            "budget_ms": 60_000,
            **fields,
        }

    def ask(self, *messages: Allocate | Release, node: str = "n1") -> list[str]:
        """Messages of one node arrive together; returns their ids."""
        connection = self.connections.get(node) or self.connect(node)
        self.handle(Received(node, connection, message, self.now_s) for message in messages)
        return [message.id for message in messages]

    def add(self, container: str, node: str = "n1", **fields: Any) -> Message | None:
        """ADD, until nothing more happens at this moment."""
        (request,) = self.ask(self.an_allocate(container, node, **fields), node=node)
        self.settle()
        return self.answers.get(request)

    def delete(self, container: str, node: str = "n1", **fields: Any) -> Message | None:
        """DEL, until nothing more happens at this moment."""
        (request,) = self.ask(self.a_release(container, node, **fields), node=node)
        self.settle()
        return self.answers.get(request)

    # What there is to see

    def holding(
        self, container: str, address: str, seq: int = 1, subnet: str = SUBNET, ifname: str = "eth0"
    ) -> Holding:
        """An attachment as a journal has it."""
        return Holding(
            attachment=Attachment(container_id=container, ifname=ifname),
            seq=seq,
            network_name="pods",
            view="default",
            subnet=subnet,
            addresses=[Address(address=f"{address}/24")],
        )

    def fixed(self) -> dict[str, str]:
        """The grid's fixed addresses, by address, with their container IDs; empty for reservations."""
        return {
            found["ipv4addr"]: found["extattrs"].get("VM ID", {}).get("value", "")
            for found in self.grid.objects("fixedaddress")
        }

    def pods(self) -> dict[str, str]:
        """The addresses of pods, by container ID."""
        pods = [(container, address) for address, container in self.fixed().items() if container]
        assert len(dict(pods)) == len(pods), f"two objects for one container: {pods}"
        return dict(pods)

    def remove(self, address: str) -> None:
        """An administrator deletes the object at an address."""
        self.grid.delete(self.at(address)["_ref"])

    def at(self, address: str) -> dict[str, Any]:
        """The object at an address."""
        (found,) = (each for each in self.grid.objects("fixedaddress") if each["ipv4addr"] == address)
        return found

    def plant(self, address: str, container: str, node: str = "n1", **data: Any) -> None:
        """An object of this cluster for an attachment, as an earlier coordinator may have left it."""
        eas = {
            "VM ID": container,
            "Interface Name": "eth0",
            "Location": node,
            "Tenant ID": self.setup.cluster,
            "CMP Type": "Kubernetes",
        }
        wrapped = {name: {"value": value} for name, value in eas.items()}
        self.grid.create(
            "fixedaddress", {"ipv4addr": address, "match_client": "RESERVED", "extattrs": wrapped, **data}
        )

    def described(self, since: int = 0) -> list[list[str]]:
        """The calls as words."""
        return [[describe(operation) for operation in call.operations] for call in self.calls[since:]]

    def noted(self, event: str) -> list[Note]:
        """The notes of an event."""
        return [note for note in self.notes if note.event == event]

    def next_calls(self, fate: str, count: int = 1, only: str = "") -> None:
        """The next so many HTTP calls (whose text contains `only`) end like this."""
        self.rules.append(Rule(lambda http: only in _text(http), fate, count))

    # Inside

    def _send(self, http: HttpCall, read_timeout_s: float) -> Any:
        fate = self._fate(http)
        unavailable = GridUnavailable(grid="grid", cause=fate)
        if fate == DOWN:
            raise NotSentError(unavailable)
        if fate == LOGIN:
            raise NotSentError(GridLoginRefused(user="admin"))
        if fate == FORBIDDEN:
            raise NotSentError(GridForbids(user="admin"))
        if fate == GONE:
            raise LostError(unavailable)
        if fate == LATE:
            self._late.append((self.now_s + self.late_s, http))
            raise LostError(unavailable)
        reply = self._call_grid(http)
        if fate == CUT:
            raise LostError(unavailable)
        return _outcome(reply)

    def _call_grid(self, http: HttpCall) -> gridsim_calls.Reply:
        arguments = gridsim_calls.parse_query(http.query)
        return self.grid.call(gridsim_calls.Call(http.method, http.path, arguments, http.body))

    def _fate(self, http: HttpCall) -> str:
        for rule in self.rules:
            if rule.left and rule.matches(http):
                rule.left -= 1
                return rule.fate
        return ""

    def _commit_late(self) -> None:
        due = [http for at_s, http in self._late if at_s <= self.now_s]
        self._late = [(at_s, http) for at_s, http in self._late if at_s > self.now_s]
        for http in due:
            self._call_grid(http)

    def _next_s(self) -> float:
        return min([self._wake_at_s, *(at_s for at_s, _ in self._late)])

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Call):
                assert self.flight is None, "two calls at once"
                self.flight = effect
                self.calls.append(effect)
            elif isinstance(effect, WakeAt):
                self._wake_at_s = effect.at_s
            elif isinstance(effect, Note):
                self.notes.append(effect)
            elif isinstance(effect, Mishap):
                if not self.expects_mishaps:
                    raise effect.error
                self.mishaps.append(effect)
            elif isinstance(effect, AnswerOperator):
                self.told.append(effect)
            elif isinstance(effect, Send):
                self.sent.append((effect.connection, effect.message))
                self.answers[effect.message.id] = effect.message


def describe(operation: Operation) -> str:
    """An operation in words: what it does to whom."""
    if isinstance(operation, Create):
        who = operation.data.get("extattrs", {}).get("VM ID", {}).get("value") or operation.data.get("name", "")
        return f"create {who or operation.object_type}"
    verb = {DeleteFound: "delete", UpdateFound: "update"}.get(type(operation), "find")
    return f"{verb} {operation.criteria.get('*VM ID') or operation.object_type}"


def address_of(answer: Message | None) -> str:
    """The address of an allocation that succeeded."""
    assert isinstance(answer, Allocated), answer
    return answer.addresses[0].address.partition("/")[0]


def refusal_of(answer: Message | None) -> tuple[str, int]:
    """Kind and code of a request that was declined."""
    assert isinstance(answer, Declined), answer
    return answer.kind, answer.code


def has_released(answer: Message | None) -> bool:
    """Whether a release was confirmed."""
    return isinstance(answer, Released)


def a_mac(number: int) -> str:
    """A MAC of its own for each number."""
    return f"0a:58:00:00:{number >> 8:02x}:{number & 255:02x}"


def _text(http: HttpCall) -> str:
    return f"{http.method} {http.path} {http.query} {http.body}"


def _outcome(reply: gridsim_calls.Reply) -> Any:
    if reply.status == 403:
        raise NotSentError(GridForbids(user="admin"))
    if reply.status >= 400:
        raise RefusedError(classify(reply.status, reply.body))
    return reply.body
