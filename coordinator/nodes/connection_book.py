"""Decides which connections have to go, where there are more than the coordinator can bear.

A connection is *keyless* until its handshake is done, then *unknown* while its key speaks for no node, else
*known*.
A newcomer is never refused. Where a limit is reached, the connections that got least far are closed, oldest
first.
So an agent that has a known key or a ticket, and shows it at once, gets through any crowd of strangers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final
from zlib import crc32

KEYLESS_MAX: Final = 6000
"""After a restart the nodes of a large cluster come all at once. Each connection takes some 30 kB."""

KEYLESS_PER_ORIGIN_MAX: Final = 5000
"""From one address (of IPv6 one /64), behind which there may be a proxy with all nodes."""

KEYLESS_BYTES_MAX: Final = 2048
"""Who has sent more, and is not through, sends no handshake."""

HANDSHAKE_S: Final = 5.0
"""How long a peer may be silent when it is its turn to speak; how long it waits for us is not its fault."""

UNKNOWN_MAX: Final = 6000
"""After a restart the nodes of a large cluster come all at once, each with a key that is not known yet."""

PER_NODE_MAX: Final = 4
"""Of one node: answers go to the newest, and those before may not be known to be dead yet."""

MISREAD_MAX: Final = 8
"""Messages with an id that cannot be read, for instance of another version: each is answered, so many of them."""

CONDEMNED_MAX: Final = 4096
"""Closed connections of which messages may still wait to be read: so many are remembered."""

SENT_AFTER_HELLO: Final = 200
"""Who was sent more has said HELLO: a greeting has 64 bytes, a WELCOME 170."""

SENT_WHEN_THROUGH: Final = 266
"""Who was sent more has a key that was let in: an ERROR has 12 bytes, a READY 67."""

RECEIVED_WITH_HELLO: Final = 266
"""Who has sent so much has said greeting and HELLO (202)."""

RECEIVED_WITH_INITIATE: Final = 500
"""Who has sent so much has said INITIATE too (some 300)."""

ROOM: Final = 0.1
"""Where a limit is reached, this part of it is freed at once, so that not each newcomer leads to a search."""

Peer = tuple[str, int]
"""Address and port."""


class Standing(StrEnum):
    """How far a connection has come."""

    KEYLESS = "keyless"
    UNKNOWN = "unknown"
    KNOWN = "known"


@dataclass(frozen=True)
class Limits:
    """How many connections there may be: `in_all` is what descriptors allow."""

    in_all: int
    keyless: int = KEYLESS_MAX
    keyless_per_origin: int = KEYLESS_PER_ORIGIN_MAX
    unknown: int = UNKNOWN_MAX
    per_node: int = PER_NODE_MAX


@dataclass(frozen=True)
class Closing:
    """This connection has to go, for the limit of this name."""

    descriptor: int
    peer: Peer
    bound: str


@dataclass(eq=False)
class _Connection:
    descriptor: int
    peer: Peer
    since_s: float
    standing: Standing = Standing.KEYLESS
    sent_bytes: int = 0
    received_bytes: int = 0
    routing_id: bytes | None = None
    node: str | None = None
    misread: int = 0
    origin: str = field(init=False)

    def __post_init__(self) -> None:
        self.origin = _origin(self.peer[0])

    @property
    def step(self) -> int:
        """How far the handshake is: nothing of use was said; HELLO was; it was answered."""
        if self.sent_bytes > SENT_AFTER_HELLO:
            return 2
        return int(self.received_bytes >= RECEIVED_WITH_HELLO)

    def is_silent(self, now_s: float) -> bool:
        """Whether the peer has not spoken in time, though it is its turn."""
        said = RECEIVED_WITH_INITIATE if self.sent_bytes > SENT_AFTER_HELLO else RECEIVED_WITH_HELLO
        return self.received_bytes < said and now_s - self.since_s >= HANDSHAKE_S


class ConnectionBook:
    """All connections by descriptor, each with its standing, in the order in which they came to it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: dict[int, _Connection] = {}
        self._standing: dict[Standing, dict[int, _Connection]] = {standing: {} for standing in Standing}
        self._keyless_of: Counter[str] = Counter()
        self._by_routing_id: dict[bytes, _Connection] = {}
        self._of_node: dict[str, list[_Connection]] = {}
        self._condemned: dict[bytes, None] = {}

    def counts(self) -> dict[str, int]:
        """How many connections there are of each standing."""
        return {standing.value: len(its) for standing, its in self._standing.items()}

    def accepted(self, descriptor: int, peer: Peer, now_s: float) -> None:
        """A peer has connected; that may be told twice."""
        known = self._all.get(descriptor)
        if known is not None and known.peer == peer:
            return
        self.ended(descriptor)
        connection = _Connection(descriptor, peer, now_s)
        self._all[descriptor] = connection
        self._standing[Standing.KEYLESS][descriptor] = connection
        self._keyless_of[connection.origin] += 1

    def ended(self, descriptor: int) -> None:
        """The connection is no more."""
        connection = self._all.pop(descriptor, None)
        if connection is None:
            return
        self._leave_standing(connection)
        if connection.routing_id is not None:
            self._by_routing_id.pop(connection.routing_id, None)

    def clear(self) -> None:
        """All connections have ended."""
        for descriptor in list(self._all):
            self.ended(descriptor)

    def has_met(self, routing_id: bytes, node: str | None) -> bool:
        """Whether this connection was heard before, for the same node."""
        connection = self._by_routing_id.get(routing_id)
        return connection is not None and connection.node == node

    def heard(self, routing_id: bytes, descriptor: int, address: str, node: str | None) -> list[Closing]:
        """A message came; `node` is None where its key is unknown. Returns what a node has too many of."""
        connection = self._by_routing_id.get(routing_id) or self._all.get(descriptor)
        if connection is None or connection.peer[0] != address or connection.routing_id not in (None, routing_id):
            return []  # The connection has ended, and another one may have its descriptor by now.
        connection.routing_id = routing_id
        self._by_routing_id[routing_id] = connection
        if not self._counts(connection):
            return []
        self._leave_standing(connection)
        connection.node = node
        connection.standing = Standing.UNKNOWN if node is None else Standing.KNOWN
        self._standing[connection.standing][connection.descriptor] = connection
        if node is None:
            return []
        fellows = self._of_node.setdefault(node, [])
        fellows.append(connection)
        return self._close(fellows[: -self._limits.per_node], "connections_per_node")

    def misread(self, routing_id: bytes) -> list[Closing]:
        """A message could not be read, though its id could be; returns the connection where there were many."""
        connection = self._by_routing_id.get(routing_id)
        if connection is None:
            return []
        connection.misread += 1
        return self.condemn(routing_id, "unreadable_messages") if connection.misread > MISREAD_MAX else []

    def condemn(self, routing_id: bytes, bound: str) -> list[Closing]:
        """Nothing more is wanted of this connection."""
        self._condemned[routing_id] = None
        if len(self._condemned) > CONDEMNED_MAX:
            del self._condemned[next(iter(self._condemned))]
        connection = self._by_routing_id.get(routing_id)
        return self._close([connection] if connection else [], bound)

    def is_condemned(self, routing_id: bytes) -> bool:
        """Whether what this connection has said is not to be read."""
        return routing_id in self._condemned

    def keyless(self) -> list[tuple[int, Peer]]:
        """The connections that have shown no key, as far as is known; `progressed` tells more."""
        return [(each.descriptor, each.peer) for each in self._standing[Standing.KEYLESS].values()]

    @property
    def is_crowded(self) -> bool:
        """Whether it must be known how far the keyless connections have come, because some may have to go."""
        limits, keyless = self._limits, len(self._standing[Standing.KEYLESS])
        return keyless > limits.keyless or self._in_all() > limits.in_all or bool(self._crowded_origins())

    def progressed(self, descriptor: int, sent_bytes: int, received_bytes: int, now_s: float) -> None:
        """So much was sent and received on a connection so far."""
        connection = self._standing[Standing.KEYLESS].get(descriptor)
        if connection is None:
            return
        if connection.sent_bytes <= SENT_AFTER_HELLO < sent_bytes:
            connection.since_s = now_s
        connection.sent_bytes, connection.received_bytes = sent_bytes, received_bytes
        if sent_bytes > SENT_WHEN_THROUGH:
            self._leave_standing(connection)
            connection.standing = Standing.UNKNOWN
            self._standing[Standing.UNKNOWN][descriptor] = connection

    def excess(self, now_s: float) -> list[Closing]:
        """What has to go: any keyless connections that got least far, the oldest unknown, the newest known.

        A quick peer is hardly ever met by chance, a silent one is in the end. To close the oldest would hit those
        that are nearly through, where thousands of honest handshakes wait for this machine.
        """
        limits, standing = self._limits, self._standing
        keyless = list(standing[Standing.KEYLESS].values())
        closings = self._close([each for each in keyless if each.is_silent(now_s)], "handshake_time")
        talkative = [each for each in keyless if each.received_bytes > KEYLESS_BYTES_MAX]
        closings += self._close(talkative, "bytes_without_key")
        for origin in self._crowded_origins():
            same = [each for each in self._keyless() if each.origin == origin]
            closings += self._close(_over(same, limits.keyless_per_origin), "connections_per_address")
        if len(standing[Standing.KEYLESS]) > limits.keyless:
            closings += self._close(_over(self._keyless(), limits.keyless), "connections_without_key")
        if len(standing[Standing.UNKNOWN]) > limits.unknown:
            unknown = list(standing[Standing.UNKNOWN].values())
            closings += self._close(_over(unknown, limits.unknown), "connections_unknown")
        if self._in_all() > limits.in_all:
            others = [*standing[Standing.UNKNOWN].values(), *reversed(standing[Standing.KNOWN].values())]
            closings += self._close(_over([*self._keyless(), *others], limits.in_all), "connections")
        return closings

    def without_key(self) -> list[Closing]:
        """Every connection that has shown no key, where descriptors are short."""
        return self._close(self._keyless(), "connections_without_key")

    def _in_all(self) -> int:
        return sum(len(its) for its in self._standing.values())

    def _crowded_origins(self) -> list[str]:
        if len(self._standing[Standing.KEYLESS]) <= self._limits.keyless_per_origin:
            return []
        return [each for each, count in self._keyless_of.items() if count > self._limits.keyless_per_origin]

    def _keyless(self) -> list[_Connection]:
        """Those who got least far first, of these those with most of their kind, of these any."""
        keyless = self._standing[Standing.KEYLESS].values()
        return sorted(keyless, key=lambda each: (each.step, -self._keyless_of[each.origin], _chance(each)))

    def _close(self, connections: Iterable[_Connection], bound: str) -> list[Closing]:
        closing = [each for each in connections if self._counts(each)]
        for each in closing:
            self._leave_standing(each)
        return [Closing(each.descriptor, each.peer, bound) for each in closing]

    def _counts(self, connection: _Connection) -> bool:
        return self._standing[connection.standing].get(connection.descriptor) is connection

    def _leave_standing(self, connection: _Connection) -> None:
        """It counts no more, though it stays in the book until it has ended."""
        if not self._counts(connection):
            return
        del self._standing[connection.standing][connection.descriptor]
        if connection.standing is Standing.KEYLESS:
            self._keyless_of[connection.origin] -= 1
            if not self._keyless_of[connection.origin]:
                del self._keyless_of[connection.origin]
        if connection.node is not None:
            fellows = self._of_node[connection.node]
            fellows.remove(connection)
            if not fellows:
                del self._of_node[connection.node]


def _over(connections: list[_Connection], most: int) -> list[_Connection]:
    """The first of more than `most` connections: as many as leave room."""
    return connections[: len(connections) - int(most * (1 - ROOM))]


def _chance(connection: _Connection) -> int:
    """A number that has nothing to do with the order in which connections came."""
    return crc32(b"%d %d" % (connection.descriptor, connection.peer[1]))


def _origin(address: str) -> str:
    """Whose address it is: of IPv6 a site has 2^64."""
    if ":" not in address:
        return address
    return IPv6Address(address.partition("%")[0]).exploded[:19]
