"""From an agent's hello to its session: the welcome, and what the agent claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coordinator.allocation.claims import count_claim
from coordinator.allocation.parts import Parts
from coordinator.core import errors
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.events import Received
from coordinator.nodes.notices import Notices
from coordinator.nodes.sessions import Begun, Session, Unbegun
from protocol.wire import messages
from protocol.wire.messages import Claims, Hello, WrongCluster
from protocol.wire.values import LetGoRow


@dataclass(frozen=True)
class Reactions:
    """What others do about a session that begins.

    `let_go`: what it names that it lets go. `ended`: a session that it replaces. `contested`: an id of several
    that claim one address. `compare`: the grid with what its node claims, by the name of that.
    """

    let_go: Callable[[Session, Iterable[LetGoRow], float], None]
    ended: Callable[[Session], None]
    contested: Callable[[str, float], None]
    compare: Callable[[str, float], None]


class Hellos:
    """Answers hellos, and begins the sessions that follow."""

    def __init__(self, parts: Parts, boots: Boots, notices: Notices, reactions: Reactions) -> None:
        self._parts = parts
        self._boots = boots
        self._notices = notices
        self._reactions = reactions

    def take(self, event: Received, message: Hello | Claims | WrongCluster) -> None:
        """A message of somebody who has no session yet."""
        if isinstance(message, Hello):
            self._greet(event, message)
        elif isinstance(message, Claims):
            self._welcome_answered(event, message)
        else:
            own = self._parts.policy.cluster_id
            self._notices.wrong_cluster(event.node, message.cluster, own, event.now_s)
            self._parts.sessions.declined(event.node, event.connection)

    def _greet(self, event: Received, hello: Hello) -> None:
        policy, outbox = self._parts.policy, self._parts.outbox
        if hello.node != event.node:
            problem = errors.NodeDiffers(claimed=hello.node, proof="key", node=event.node)
            outbox.decline(event.connection, hello.id, problem)
            return
        self._boots.said_hello(hello.node, Boot(hello.machine, hello.boot), event.now_s)
        welcome = messages.Welcome(
            id=hello.id,
            number=self._parts.sessions.welcome(event.connection, hello, event.now_s),
            cluster=policy.cluster_id,
            former=list(policy.former),
            reserve=policy.reserve,
            allocations_max=policy.allocations_max,
            release=policy.release,
        )
        outbox.send(event.connection, welcome)

    def _welcome_answered(self, event: Received, page: Claims) -> None:
        begun = self._parts.sessions.answered(event.node, event.connection, page, event.now_s)
        if isinstance(begun, Begun):
            self._begin(begun, event.now_s)
        elif begun is not Unbegun.MORE_PAGES:
            self._parts.outbox.send(event.connection, messages.HelloFirst(id=page.id))

    def _begin(self, begun: Begun, now_s: float) -> None:
        session, react = begun.session, self._reactions
        for each in begun.replaced:
            react.ended(each)
        contested = [each for row in begun.claims for each in count_claim(self._parts, session, row)]
        react.let_go(session, begun.let_go, now_s)
        facts = {"node": session.node, "driver": session.driver, "release": session.release}
        self._parts.outbox.note("node_connected", **facts, claims=len(session.claims))
        for allocation in contested:
            react.contested(allocation, now_s)
        if begun.is_second_agent:
            self._notices.two_agents(session, now_s)
        if self._boots.greeted(session.node, Boot.of(session.owner), session.welcome, now_s):
            self._notices.two_machines(session.node, now_s)
        react.compare(session.node, now_s)
