"""The sessions of agents: whose journal speaks on a connection, and what it claims.

A hello is answered by a welcome, which has a number, and a session begins with the last page of what answers it.
It replaces the one of the same node, boot and driver, if that has answered an earlier welcome: what a dead
connection has left may be read last. What was said before the last page is forgotten with its connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from protocol.family import Family
from protocol.wire.allocation_id import AllocationId, Owner, hash_driver, hash_node
from protocol.wire.messages import Claims, Hello
from protocol.wire.values import ClaimRow, LetGoRow

SILENT_S: Final = 30.0
"""A node that was not heard for so long counts as silent: agents ping every 10 s."""

SESSIONS_OF_NODE_MAX: Final = 16
"""Boots times drivers of one node; one more replaces the one that has been silent longest."""

WELCOMES_OF_NODE_MAX: Final = 16
"""Welcomes of one node that are not answered; one more, and the oldest is void."""

LET_GO_MAX: Final = 4_096
"""Rows of one answer to a welcome that are let go and not confirmed."""

REPLACED_REMEMBERED_MAX: Final = 64
"""Journals of one node that others of their boot and driver have replaced."""

JOURNALS_OF_NODE_MAX: Final = 16
"""More journals of one node than that are forgotten, the one first that was not heard for longest."""

UNHEARD_S: Final = 60.0
"""A journal that was not heard for so long speaks no more."""

Agent = tuple[str, str]
"""NODE and DRIVER of the ids that an agent draws."""
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

    @property
    def family(self) -> Family:
        """The family of its address."""
        return Family.of(self.address)

    @property
    def place(self) -> tuple[str, str]:
        """Its network view and its address."""
        return self.view, self.address


@dataclass(slots=True, eq=False)
class Session:
    """One journal that speaks. `owner` is what the ids that it draws are called by."""

    connection: bytes
    node: str
    driver: str
    owner: Owner
    release: str
    welcome: int
    """The number of the welcome that it has answered."""
    since_s: float
    heard_at_s: float
    claims: dict[str, Claim] = field(default_factory=dict)
    """By id; changed by `Sessions` alone."""
    let_go: set[str] = field(default_factory=set)
    """Let go in this session, and not confirmed."""
    asks: set[str] = field(default_factory=set)
    """Asked for in this session, and neither answered by an address nor let go."""
    questioned: dict[str, Family] = field(default_factory=dict)
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


class Unbegun(Enum):
    """Why a page begins no session."""

    MORE_PAGES = auto()
    OUT_OF_ORDER = auto()
    SUPERSEDED = auto()
    """A session has answered a later welcome."""


@dataclass(slots=True)
class _Welcomed:
    number: int
    owner: Owner
    driver: str
    release: str
    pages: int = 0
    claims: list[ClaimRow] = field(default_factory=list)
    let_go: list[LetGoRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has begun: the claims and deletions to be judged, the sessions that ended by that."""

    session: Session
    claims: tuple[ClaimRow, ...]
    let_go: tuple[LetGoRow, ...]
    replaced: tuple[Session, ...]
    """Of the same node, boot and driver, or on the same connection."""
    is_second_agent: bool
    """Whether this journal was replaced by another one of the same boot, and speaks again."""


class Sessions:
    """All sessions, by connection and by node. `claims_max` bounds what one session may begin with."""

    def __init__(self, cluster_id: str, claims_max: int) -> None:
        self._cluster_id = cluster_id
        self._claims_max = claims_max
        self._by_connection: dict[bytes, Session] = {}
        self._by_node: dict[str, dict[SessionKey, Session]] = {}
        self._welcomes = 0
        self._began_s = 0.0
        """When the first welcome was said: who was heard before that is not known."""
        self._heard_s: dict[str, dict[str, float]] = {}
        """When each journal without a session was heard last, by node."""
        self._welcomed: dict[str, dict[bytes, _Welcomed]] = {}
        """Whoever has not answered yet, by node and connection."""
        self._replaced: dict[str, list[Owner]] = {}
        """The journals that were replaced by others of their boot and driver, by node."""
        self._by_journal: dict[tuple[str, str, str, str], Session] = {}
        self._places: dict[str, dict[str, tuple[str, ...]]] = {}
        """The ids that claim an address: by view, then by address."""
        self._ready: dict[tuple[str, str], Counter[Agent]] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_connection.values()))

    def __len__(self) -> int:
        return len(self._by_connection)

    def hear(self, connection: bytes, node: str, now_s: float) -> Session | None:
        """The session that this node's connection speaks for, None where it must say hello first."""
        session = self._by_connection.get(connection)
        if session is None or session.node != node:
            return None
        if session.is_silent(now_s):
            # It speaks to nobody else, and still claims what was put back.
            session.put_back.clear()
        session.heard_at_s = now_s
        return session

    def of_node(self, node: str) -> list[Session]:
        """All sessions of a node, by name."""
        return list(self._by_node.get(node, {}).values())

    def nodes(self) -> set[str]:
        """The names of all nodes of which anything is known here."""
        return {*self._by_node, *self._heard_s, *self._welcomed, *self._replaced}

    def forget(self, node: str) -> None:
        """A node whose sessions have ended is gone, and was not heard for long."""
        for known in (self._heard_s, self._welcomed, self._replaced):
            known.pop(node, None)

    def of_owner(self, owner: Owner) -> Session | None:
        """The session of the journal that has drawn an id, or of another one of the same driver and boot."""
        return self._by_journal.get(_journal_of(owner))

    def node_heard_s(self, node: str) -> float | None:
        """When any agent of a node was heard last, in any boot; None where none was."""
        heard = [each.heard_at_s for each in self.of_node(node)] + list(self._heard_s.get(node, {}).values())
        return max(heard, default=None)

    def unheard_at_s(self, node: str, owner: Owner) -> float:
        """From when on a journal of this node was not heard for a minute, if it is not heard again."""
        session = self.of_owner(owner)
        if session and session.owner.journal == owner.journal:
            return session.heard_at_s + UNHEARD_S
        return self._heard_s.get(node, {}).get(owner.journal, self._began_s) + UNHEARD_S

    def welcome(self, connection: bytes, hello: Hello, now_s: float) -> int:
        """The number of the welcome for a node whose key has opened the connection."""
        self._began_s = self._began_s if self._welcomes else now_s
        self._remember(hello.node, hello.journal, now_s)
        self._welcomes += 1
        welcomed = self._welcomed.setdefault(hello.node, {})
        welcomed.pop(connection, None)
        welcomed[connection] = _Welcomed(self._welcomes, self._owner(hello), hello.driver, hello.release)
        if len(welcomed) > WELCOMES_OF_NODE_MAX:
            del welcomed[next(iter(welcomed))]
        return self._welcomes

    def declined(self, node: str, connection: bytes) -> None:
        """The welcome is not answered: the node is of another cluster."""
        self._take_welcome(node, connection)

    def answered(self, node: str, connection: bytes, page: Claims, now_s: float) -> Unbegun | Begun:
        """Take a page of the answer to a welcome."""
        welcomed = self._welcomed.get(node, {}).get(connection)
        if welcomed is None or (welcomed.number, welcomed.pages) != (page.welcome, page.page):
            return Unbegun.OUT_OF_ORDER
        welcomed.pages += 1
        welcomed.claims += page.claims[: self._claims_max - len(welcomed.claims)]
        welcomed.let_go += page.let_go[: LET_GO_MAX - len(welcomed.let_go)]
        if not page.last:
            return Unbegun.MORE_PAGES
        self._take_welcome(node, connection)
        session = Session(
            connection, node, welcomed.driver, welcomed.owner, welcomed.release, welcomed.number, now_s, now_s
        )
        standing = self._by_node.get(node, {}).get(session.key)
        if standing and standing.welcome > session.welcome:
            return Unbegun.SUPERSEDED
        return self._begin(session, welcomed)

    def end(self, session: Session) -> None:
        """Nobody speaks for this journal any more."""
        for allocation in list(session.claims):
            self.unclaim(session, allocation)
        self._remember(session.node, session.owner.journal, session.heard_at_s)
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
        addresses = self._places.setdefault(claim.view, {})
        addresses[claim.address] = (*addresses.get(claim.address, ()), claim.allocation)
        self._count_ready(claim, session.owner.agent)

    def unclaim(self, session: Session, allocation: str) -> None:
        """The session has let this allocation go, or lost it."""
        claim = session.claims.pop(allocation, None)
        if claim is None:
            return
        self._uncount_ready(claim, session.owner.agent)
        addresses = self._places[claim.view]
        others = tuple(each for each in addresses[claim.address] if each != allocation)
        if others:
            addresses[claim.address] = others
        else:
            del addresses[claim.address]

    def hold(self, session: Session, allocation: str) -> None:
        """What the session has is not ready any more: a pod has it."""
        self._change(session, replace(session.claims[allocation], is_ready=False))

    def put_in_network(self, session: Session, allocation: str, subnet: str) -> None:
        """The address that the session has lies in this network, as the grid says by now."""
        self._change(session, replace(session.claims[allocation], subnet=subnet))

    def ready_by_agent(self, view: str, subnet: str) -> Mapping[Agent, int]:
        """How many ready allocations of a network each connected agent claims."""
        return self._ready.get((view, subnet), {})

    def claims_at(self, view: str, address: str) -> dict[str, Session]:
        """Every claim to an address, of any session: who makes it, by id."""
        ids = self._places.get(view, {}).get(address, ())
        found = ((each, self.of_owner(AllocationId.parse(each).owner)) for each in ids)
        return {allocation: session for allocation, session in found if session}

    def earlier_claim(self, claim: Claim, now_s: float) -> str:
        """The id of a claim to the same address that was there first, of a session that is heard; else empty."""
        for allocation, session in self.claims_at(*claim.place).items():
            if allocation == claim.allocation:
                break
            if not session.is_silent(now_s):
                return allocation
        return ""

    def _owner(self, hello: Hello) -> Owner:
        return Owner(
            cluster=self._cluster_id,
            node=hash_node(hello.node),
            machine=hello.machine,
            boot=hello.boot,
            driver=hash_driver(hello.driver),
            journal=hello.journal,
        )

    def _remember(self, node: str, journal: str, heard_s: float) -> None:
        heard = self._heard_s.setdefault(node, {})
        heard[journal] = max(heard_s, heard.get(journal, heard_s))
        if len(heard) > JOURNALS_OF_NODE_MAX:
            del heard[min(heard, key=heard.__getitem__)]

    def _change(self, session: Session, claim: Claim) -> None:
        """A claim to the same address: of two to one address, the earlier stays the earlier."""
        self._uncount_ready(session.claims[claim.allocation], session.owner.agent)
        session.claims[claim.allocation] = claim
        self._count_ready(claim, session.owner.agent)

    def _count_ready(self, claim: Claim, agent: Agent) -> None:
        if claim.is_ready:
            self._ready.setdefault((claim.view, claim.subnet), Counter())[agent] += 1

    def _uncount_ready(self, claim: Claim, agent: Agent) -> None:
        if not claim.is_ready:
            return
        place = claim.view, claim.subnet
        ready = self._ready[place]
        ready[agent] -= 1
        if not ready[agent]:
            del ready[agent]
        if not ready:
            del self._ready[place]

    def _take_welcome(self, node: str, connection: bytes) -> None:
        welcomed = self._welcomed.get(node, {})
        welcomed.pop(connection, None)
        if not welcomed:
            self._welcomed.pop(node, None)

    def _begin(self, session: Session, told: _Welcomed) -> Begun:
        sessions = self._by_node.get(session.node, {})
        replaced = sessions.get(session.key)
        was_replaced = self._replaced.get(session.node, [])
        is_second = session.owner in was_replaced
        if replaced and replaced.owner.journal != session.owner.journal:
            self._replaced[session.node] = [*was_replaced, replaced.owner][-REPLACED_REMEMBERED_MAX:]
        if replaced is None and len(sessions) >= SESSIONS_OF_NODE_MAX:
            replaced = min(sessions.values(), key=lambda each: each.heard_at_s)
        standing = dict.fromkeys((replaced, self._by_connection.get(session.connection)))
        ended = tuple(each for each in standing if each)
        for each in ended:
            self.end(each)
        self._by_node.setdefault(session.node, {})[session.key] = session
        self._by_connection[session.connection] = session
        self._by_journal[_journal_of(session.owner)] = session
        return Begun(session, tuple(told.claims), tuple(told.let_go), ended, is_second)


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
