"""Which coordinator answers at which endpoint, and how an agent's socket keeps a connection to it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from nodeagent.dealer import HEARTBEAT_TIMEOUT_MS, RECONNECT_MS, RECONNECT_MS_MAX, SPREAD_S
from nodeagent.events import ConnectionLost, Handshaken
from protocol.codec import encode
from protocol.messages import ToCoordinator
from tests.sim.coordinator_process import Coordinator
from tests.sim.timeline import Timeline
from tests.sim.wire import Connection

if TYPE_CHECKING:
    from tests.sim.agent_process import Agent

HEARTBEAT_S: Final = HEARTBEAT_TIMEOUT_MS / 1000


class Network:
    """The lines between nodes and coordinators."""

    def __init__(self, timeline: Timeline, random: Random, delay_s: float, endpoints: int) -> None:
        self.coordinators: list[Coordinator | None] = [None] * endpoints
        self._timeline = timeline
        self._random = random
        self._delay_s = delay_s
        self._parted_until_s: dict[str, float] = {}
        self._dealers: list[Dealer] = []
        self._identities = 0

    def part(self, node: str, seconds: float) -> None:
        """Nothing gets through between this node and any coordinator for a while, and nobody is told."""
        self._parted_until_s[node] = self._timeline.now_s + seconds
        for dealer in self._dealers:
            if dealer.agent.node == node:
                dealer.break_off(HEARTBEAT_S * self._random.uniform(1.0, 1.3))

    def heal(self) -> None:
        """Every node reaches every coordinator."""
        self._parted_until_s.clear()

    def hang_up_all(self, coordinator: Coordinator) -> None:
        """A coordinator's process is gone."""
        for dealer in self._dealers:
            if dealer.connection and dealer.connection.coordinator is coordinator:
                dealer.break_off(self._delay_s * self._random.random())

    def break_off(self, node: str) -> None:
        """The node's connection breaks."""
        for dealer in self._dealers:
            if dealer.agent.node == node:
                dealer.break_off(self._delay_s)

    def cut_one(self) -> None:
        """Some connection breaks."""
        connected = [dealer for dealer in self._dealers if dealer.connection and not dealer.connection.is_cut]
        if connected:
            self._random.choice(connected).break_off(self._random.choice((0.0, self._delay_s, HEARTBEAT_S)))

    def dealer(self, agent: Agent) -> Dealer:
        """The socket of an agent that has just started."""
        self._dealers = [dealer for dealer in self._dealers if dealer.agent.is_alive]
        dealer = Dealer(self, agent, self._random)
        self._dealers.append(dealer)
        return dealer

    def connect(self, agent: Agent, endpoint: int) -> Connection | None:
        """A new connection, None when nobody answers there."""
        coordinator = self.coordinators[endpoint]
        is_parted = self._timeline.now_s < self._parted_until_s.get(agent.node, 0.0)
        if coordinator is None or not coordinator.is_alive or is_parted:
            return None
        self._identities += 1
        identity = f"c{self._identities}".encode()
        connection = Connection(identity, agent, coordinator, self._timeline, self._random, self._delay_s)
        coordinator.admit(connection)
        return connection


class Dealer:
    """One socket at a time, which connects again by itself."""

    def __init__(self, network: Network, agent: Agent, random: Random) -> None:
        self.agent = agent
        self.connection: Connection | None = None
        self._network = network
        self._random = random
        self._endpoint = 0
        self._age = 0
        self._pause_s = 0.0

    def renew(self, endpoint: int) -> None:
        """Throw the socket away, connect a fresh one."""
        self.close()
        self._endpoint, self._pause_s = endpoint, 0.0
        self._connect_later(self._random.random() * RECONNECT_MS / 1000)

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
        if connection is None:
            return
        connection.cut()
        self.agent.later(noticed_s, lambda: self._notice(connection))

    def _notice(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None
            self._lost("closed the connection")

    def _connect_later(self, delay_s: float) -> None:
        age = self._age
        self.agent.later(delay_s, lambda: self._connect(age))

    def _connect(self, age: int) -> None:
        if age != self._age or self.connection:
            return
        self.connection = self._network.connect(self.agent, self._endpoint)
        if self.connection is None:
            self._lost("accepts no connection")
            return
        self._pause_s = 0.0
        self.agent.happened(Handshaken(self.agent.clock(), spread_s=self._random.random() * SPREAD_S))

    def _lost(self, why: str) -> None:
        self._pause_s = min(max(RECONNECT_MS, 2000 * self._pause_s), RECONNECT_MS_MAX) / 1000
        self._connect_later(self._pause_s)
        self.agent.happened(ConnectionLost(self.agent.clock(), why))
