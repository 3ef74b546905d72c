"""The sessions of agents: whose journal speaks on a connection, and what it claims.

A session begins with the last page of a hello, and replaces the one of the same node, boot and driver. What an
unfinished hello said is forgotten with its connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from protocol.wire.allocation_id import AllocationId, Owner, hash_driver, hash_node
from protocol.wire.messages import ClaimRow, Hello, LetGoRow

SILENT_S: Final = 30.0
"""A node that was not heard for so long counts as silent: agents ping every 10 s."""

SESSIONS_OF_NODE_MAX: Final = 16
"""Boots times drivers of one node; one more replaces the one that has been silent longest."""

LET_GO_MAX: Final = 4_096
"""Rows of one hello that are let go and not confirmed."""

REPLACED_REMEMBERED_MAX: Final = 8

SessionKey = tuple[str, str, str]
"""Node, boot, driver."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An allocation that a session has now, at this place."""

    allocation: str
    view: str
    subnet: str
    address: str
    network_name: str
    is_ready: bool


@dataclass(slots=True, eq=False)
class Session:
    """One journal that speaks. `owner` is what the ids that it draws are called by."""

    connection: bytes
    node: str
    driver: str
    owner: Owner
    release: str
    since_s: float
    heard_at_s: float
    claims: dict[str, Claim] = field(default_factory=dict)
    """By id; changed by `Sessions` alone."""
    let_go: set[str] = field(default_factory=set)
    """Let go in this session, and not confirmed."""
    asks: set[str] = field(default_factory=set)
    """Asked for in this session, and neither answered by an address nor let go."""
    questioned: set[str] = field(default_factory=set)
    """Whose answer is awaited."""
    offered: set[str] = field(default_factory=set)
    """Orphans that this session is told, or will be when they are read."""
    put_back: set[str] = field(default_factory=set)
    """Claims that the grid lacked and that were put back while this session was silent."""
    has_orphans: bool = False
    """Whether the complete set that follows a hello was begun."""

    @property
    def key(self) -> SessionKey:
        """What a later hello replaces it by."""
        return self.node, self.owner.boot, self.driver

    def is_silent(self, now_s: float) -> bool:
        """Whether it was not heard for a while."""
        return now_s - self.heard_at_s >= SILENT_S

    def names(self, allocation: str) -> bool:
        """Whether it has said anything of this id that still counts."""
        return allocation in self.claims or allocation in self.let_go or allocation in self.asks


class Greeting(Enum):
    """What a page of a hello leads to."""

    MORE_PAGES = auto()
    OUT_OF_ORDER = auto()
    FINISHED = auto()


@dataclass(slots=True)
class _Unfinished:
    owner: Owner
    pages: int = 0
    claims: list[ClaimRow] = field(default_factory=list)
    let_go: list[LetGoRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Greeted:
    """A finished hello: its session, the claims and deletions to be judged, what went with the session before."""

    session: Session
    claims: tuple[ClaimRow, ...]
    let_go: tuple[LetGoRow, ...]
    replaced: Session | None
    is_second_agent: bool
    """Whether this journal was replaced by another one of the same boot, and speaks again."""


class Sessions:
    """All sessions, by connection and by node. `claims_max` bounds what one hello may claim."""

    def __init__(self, cluster_id: str, claims_max: int) -> None:
        self._cluster_id = cluster_id
        self._claims_max = claims_max
        self._by_connection: dict[bytes, Session] = {}
        self._by_node: dict[str, dict[SessionKey, Session]] = {}
        self._unfinished: dict[str, tuple[bytes, _Unfinished]] = {}
        self._replaced: dict[SessionKey, list[str]] = {}
        self._by_journal: dict[tuple[str, str, str, str], Session] = {}
        self._places: dict[tuple[str, str], dict[str, Session]] = {}
        self._ready: dict[tuple[str, str], Counter[str]] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_connection.values()))

    def __len__(self) -> int:
        return len(self._by_connection)

    def hear(self, connection: bytes, now_s: float) -> Session | None:
        """The session that this connection speaks for, None where it must say hello first."""
        session = self._by_connection.get(connection)
        if session:
            session.heard_at_s = now_s
        return session

    def of_node(self, node: str) -> list[Session]:
        """All sessions of a node, by name."""
        return list(self._by_node.get(node, {}).values())

    def of_owner(self, owner: Owner) -> Session | None:
        """The session of the journal that has drawn an id, or of another one of the same driver and boot."""
        return self._by_journal.get(_journal_of(owner))

    def greet(self, connection: bytes, hello: Hello, now_s: float) -> Greeting | Greeted:
        """Take a page of a hello of a node whose key has opened the connection."""
        if hello.page == 0:
            self._unfinished[hello.node] = connection, _Unfinished(self._owner(hello))
        started = self._unfinished.get(hello.node)
        if started is None or started[0] != connection or started[1].pages != hello.page:
            return Greeting.OUT_OF_ORDER
        unfinished = started[1]
        if unfinished.owner != self._owner(hello):
            return Greeting.OUT_OF_ORDER
        unfinished.pages += 1
        unfinished.claims += hello.claims[: self._claims_max - len(unfinished.claims)]
        unfinished.let_go += hello.let_go[: LET_GO_MAX - len(unfinished.let_go)]
        if not hello.last:
            return Greeting.MORE_PAGES
        del self._unfinished[hello.node]
        return self._begin(connection, hello, unfinished, now_s)

    def end(self, session: Session) -> None:
        """Nobody speaks for this journal any more."""
        for allocation in list(session.claims):
            self.unclaim(session, allocation)
        self._by_connection.pop(session.connection, None)
        if self._by_journal.get(_journal_of(session.owner)) is session:
            del self._by_journal[_journal_of(session.owner)]
        sessions = self._by_node.get(session.node, {})
        if sessions.get(session.key) is session:
            del sessions[session.key]
        if not sessions:
            self._by_node.pop(session.node, None)

    def claim(self, session: Session, claim: Claim) -> None:
        """The session has this allocation now."""
        self.unclaim(session, claim.allocation)
        session.claims[claim.allocation] = claim
        self._places.setdefault((claim.view, claim.address), {})[claim.allocation] = session
        if claim.is_ready:
            self._ready.setdefault((claim.view, claim.subnet), Counter())[session.owner.node] += 1

    def unclaim(self, session: Session, allocation: str) -> None:
        """The session has let this allocation go, or lost it."""
        claim = session.claims.pop(allocation, None)
        if claim is None:
            return
        if claim.is_ready:
            ready = self._ready[claim.view, claim.subnet]
            ready[session.owner.node] -= 1
            if not ready[session.owner.node]:
                del ready[session.owner.node]
        at_place = self._places.get((claim.view, claim.address), {})
        if at_place.get(allocation) is session:
            del at_place[allocation]
        if not at_place:
            self._places.pop((claim.view, claim.address), None)

    def ready_by_node(self, view: str, subnet: str) -> Mapping[str, int]:
        """How many ready allocations of a network each connected node claims (NODE of its ids)."""
        return self._ready.get((view, subnet), {})

    def claims_at(self, view: str, address: str) -> dict[str, Session]:
        """Every claim to an address, of any session: who makes it, by id."""
        return dict(self._places.get((view, address), {}))

    def _owner(self, hello: Hello) -> Owner:
        return Owner(
            cluster=self._cluster_id,
            node=hash_node(hello.node),
            machine=hello.machine,
            boot=hello.boot,
            driver=hash_driver(hello.driver),
            journal=hello.journal,
        )

    def _begin(self, connection: bytes, hello: Hello, told: _Unfinished, now_s: float) -> Greeted:
        session = Session(connection, hello.node, hello.driver, told.owner, hello.release, now_s, now_s)
        sessions = self._by_node.setdefault(hello.node, {})
        replaced = sessions.get(session.key)
        was_replaced = self._replaced.setdefault(session.key, [])
        is_second = session.owner.journal in was_replaced
        if replaced and replaced.owner.journal != session.owner.journal:
            was_replaced.append(replaced.owner.journal)
            del was_replaced[:-REPLACED_REMEMBERED_MAX]
        if replaced is None and len(sessions) >= SESSIONS_OF_NODE_MAX:
            replaced = min(sessions.values(), key=lambda each: each.heard_at_s)
        if replaced:
            self.end(replaced)
        previous = self._by_connection.get(connection)
        if previous:
            self.end(previous)
        self._by_node.setdefault(hello.node, {})[session.key] = session
        self._by_connection[connection] = session
        self._by_journal[_journal_of(session.owner)] = session
        return Greeted(session, tuple(told.claims), tuple(told.let_go), replaced or previous, is_second)


def _journal_of(owner: Owner) -> tuple[str, str, str, str]:
    return owner.node, owner.machine, owner.boot, owner.driver


def is_of(session: Session, allocation: str, cluster_ids: frozenset[str]) -> bool:
    """Whether an id names the session's own node, machine, boot and driver, in one of our clusters."""
    owner, own = AllocationId.parse(allocation).owner, session.owner
    return owner.cluster in cluster_ids and (owner.node, owner.machine, owner.boot, owner.driver) == (
        own.node,
        own.machine,
        own.boot,
        own.driver,
    )
