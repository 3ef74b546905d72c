"""Connections between agents and coordinators: bytes in order, some time later, until one is cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgpack
from pydantic import TypeAdapter

from nodeagent.domain.events import Connected, ConnectionLost
from nodeagent.link.dealer import CONNECT_MS, HEARTBEAT_TIMEOUT_MS
from protocol.wire.messages import Message, ToCoordinator
from protocol.wire.values import MESSAGE_BYTES_MAX
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.sim.agent_process import Agent
    from tests.sim.coordinator_process import Coordinator

HEARTBEAT_S: Final = HEARTBEAT_TIMEOUT_MS / 1000
STUCK_S: Final = 40.0
"""What was on the way when a connection broke may be read so much later."""


def encode(message: Message) -> bytes:
    """The message as it goes over the wire."""
    data: bytes = msgpack.packb(message.model_dump(exclude_none=True))
    assert len(data) <= MESSAGE_BYTES_MAX, f"{type(message).__name__} of {len(data)} bytes"
    return data


def decode(data: bytes, adapter: TypeAdapter[Any]) -> Any:
    """The message that arrives; whatever breaks a bound of the wire is raised."""
    return adapter.validate_python(msgpack.unpackb(data))


class Peer(Protocol):
    """Whoever opens a connection with a node's key."""

    node: str
    number: int
    """Of its computer."""

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do this so much later, while it lives."""

    def receive(self, connection: object, payload: bytes) -> None:
        """Take what has arrived."""


class Connection:
    """One connection. What was on the way when it was cut may still arrive at the coordinator, much later."""

    def __init__(
        self,
        identity: bytes,
        agent: Peer,
        coordinator: Coordinator,
        timeline: Timeline,
        random: Random,
        delay_s: float,
    ) -> None:
        self.identity = identity
        self.node = agent.node
        self.agent = agent
        self.coordinator = coordinator
        self.is_cut = False
        self._timeline = timeline
        self._random = random
        self._delay_s = delay_s
        self._loses_rest = False
        self._stuck_until_s = 0.0
        self._up_s = self._down_s = 0.0
        self._up: deque[bytes] = deque()
        self._down: deque[bytes] = deque()
        """What has arrived, and waits for a process that does nothing at the moment."""

    def send_up(self, payload: bytes) -> None:
        """To the coordinator; a connection that was cut swallows it."""
        if not self.is_cut:
            self._up_s = self._arrival_s(self._up_s)
            self._timeline.at(self._up_s, lambda: self._arrive_up(payload))

    def send_down(self, payload: bytes) -> None:
        """To the agent."""
        if not self.is_cut:
            self._down_s = self._arrival_s(self._down_s)
            self._timeline.at(self._down_s, lambda: self._arrive_down(payload))

    def cut(self) -> None:
        """Nothing more is carried; what is on the way to the coordinator is lost, or late, or not."""
        if not self.is_cut:
            self.is_cut = True
            self._loses_rest = self._random.random() < 0.5
            if self._random.random() < 0.5:
                self._stuck_until_s = self._stuck_until()

    def _stuck_until(self) -> float:
        """Of one node all that is stuck comes at once: when a coordinator that hung reads what has arrived."""
        stuck, now_s = self.coordinator.stuck_until_s, self._timeline.now_s
        if stuck.get(self.node, 0.0) <= now_s:
            stuck[self.node] = now_s + STUCK_S * self._random.random() ** 2
        return stuck[self.node]

    def _arrive_up(self, payload: bytes) -> None:
        if self.is_cut and self._loses_rest:
            return
        # Whatever was planned first takes what was sent first.
        self._up.append(payload)
        self._timeline.at(self._stuck_until_s, lambda: self.coordinator.later(0.0, self._take_up))

    def _take_up(self) -> None:
        self.coordinator.receive(self, self._up.popleft())

    def _arrive_down(self, payload: bytes) -> None:
        if not self.is_cut:
            self._down.append(payload)
            self.agent.later(0.0, self._take_down)

    def _take_down(self) -> None:
        payload = self._down.popleft()
        if not self.is_cut:
            self.agent.receive(self, payload)

    def _arrival_s(self, not_before_s: float) -> float:
        return max(not_before_s, self._timeline.now_s + self._delay_s * self._random.expovariate(1.0))


class Lines:
    """The lines between the nodes and the coordinators of one cluster."""

    def __init__(self, timeline: Timeline, random: Random, delay_s: float, replicas: int) -> None:
        self.coordinators: list[Coordinator | None] = [None] * replicas
        self._timeline = timeline
        self._random = random
        self._delay_s = delay_s
        self._parted_until_s: dict[int, float] = {}
        self._dealers: list[Dealer] = []
        self._identities = 0

    def part(self, computer: int, seconds: float) -> None:
        """Nothing gets through between this computer and any coordinator for a while, and nobody is told."""
        self._parted_until_s[computer] = self._timeline.now_s + seconds
        self._break_where(lambda dealer: dealer.agent.number == computer, HEARTBEAT_S)

    def heal(self) -> None:
        """Every node reaches every coordinator."""
        self._parted_until_s.clear()

    def hang_up_all(self, coordinator: Coordinator) -> None:
        """A coordinator's process is gone."""
        self._break_where(
            lambda dealer: dealer.connection is not None and dealer.connection.coordinator is coordinator,
            self._delay_s,
        )

    def cut_one(self) -> None:
        """Some connection breaks."""
        connected = [dealer for dealer in self._dealers if dealer.connection and not dealer.connection.is_cut]
        if connected:
            self._random.choice(connected).break_off(self._random.choice((0.0, self._delay_s, HEARTBEAT_S)))

    def break_off(self, computer: int) -> None:
        """The connections of this computer break, which it notices at once."""
        self._break_where(lambda dealer: dealer.agent.number == computer, 0.0)

    def dealer(self, agent: Agent) -> Dealer:
        """The socket of an agent that has just started."""
        self._dealers = [dealer for dealer in self._dealers if dealer.agent.is_alive]
        dealer = Dealer(self, agent, self._random)
        self._dealers.append(dealer)
        return dealer

    def connect(self, agent: Peer, number: int | None = None) -> Connection | None:
        """A new connection to this coordinator, or to any; None when nobody answers."""
        coordinator = self._random.choice(self.coordinators) if number is None else self.coordinators[number]
        is_parted = self._timeline.now_s < self._parted_until_s.get(agent.number, 0.0)
        if coordinator is None or not coordinator.is_alive or is_parted:
            return None
        self._identities += 1
        identity = f"c{self._identities}".encode()
        connection = Connection(identity, agent, coordinator, self._timeline, self._random, self._delay_s)
        coordinator.admit(connection)
        return connection

    def _break_where(self, is_hit: Callable[[Dealer], bool], noticed_s: float) -> None:
        for dealer in [each for each in self._dealers if is_hit(each)]:
            dealer.break_off(noticed_s * self._random.uniform(1.0, 1.3))


class Dealer:
    """One socket at a time."""

    def __init__(self, lines: Lines, agent: Agent, random: Random) -> None:
        self.agent = agent
        self.connection: Connection | None = None
        self._lines = lines
        self._random = random
        self._age = 0

    def addresses(self) -> tuple[str, ...]:
        """Of all coordinators, whether they run or not."""
        return tuple(map(str, range(len(self._lines.coordinators))))

    def renew(self, address: str) -> None:
        """Throw the socket away, connect a fresh one."""
        self.close()
        age = self._age
        self.agent.later(self._random.random() * CONNECT_MS / 1000, lambda: self._connect(age, int(address)))

    def close(self) -> None:
        """Let go of the connection."""
        self._age += 1
        if self.connection:
            self.connection.cut()
        self.connection = None

    def send(self, message: ToCoordinator) -> None:
        """Send, or drop what cannot leave."""
        if self.connection:
            self.connection.send_up(encode(message))

    def break_off(self, noticed_s: float) -> None:
        """The connection breaks now; the agent notices so much later."""
        connection = self.connection
        if connection:
            connection.cut()
            self.agent.later(noticed_s, lambda: self._notice(connection))

    def _notice(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None
            self.agent.happened(ConnectionLost("closed the connection"))

    def _connect(self, age: int, number: int) -> None:
        if age != self._age:
            return
        self.connection = self._lines.connect(self.agent, number)
        lost = ConnectionLost("accepts no connection")
        self.agent.happened(Connected() if self.connection else lost)
