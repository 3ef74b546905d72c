"""Keeps account of the ready allocations of each network, and asks them back where addresses run out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from coordinator.allocation import reserve
from coordinator.allocation.parts import Parts
from coordinator.allocation.reserve import NetworkUse
from coordinator.core.networks import Network
from coordinator.nodes.sessions import Agent, Session
from protocol.wire import messages
from protocol.wire.allocation_id import AllocationId
from protocol.wire.messages import DeclineKind

ASKING_S: Final = 120.0
"""An agent that was declined asks again after a minute: who did not ask for so long wants none any more."""

ASK_BACK_EVERY_S: Final = 10.0
"""An agent that was asked for ready allocations and lets none go is passed over for so long: it may be dead."""

NETWORKS_MAX: Final = 4_096
"""Of more networks, the one that nobody has asked for longest is forgotten: an agent may name ever new ones."""


@dataclass(frozen=True)
class _AskedBack:
    """An agent was asked for ready allocations: how many it has when it has let them go."""

    at_s: float
    left: int


class Grants:
    """Who has asked for ready allocations, and which of those asks are under way."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._asked_at_s: dict[tuple[str, str], dict[Agent, float]] = {}
        self._pending: dict[str, tuple[str, str]] = {}
        """Asks for the reserve that were granted and are not answered yet, with their network."""
        self._asked_back: dict[tuple[str, str], dict[Agent, _AskedBack]] = {}
        self._exhausted: set[tuple[str, str]] = set()
        """Networks that had no address for the reserve, as far as is known since."""

    def ask(
        self, session: Session, allocation: str, ready: int | None, network: Network, now_s: float
    ) -> DeclineKind | None:
        """How an ask for the reserve is declined; None where it is granted, and then `ended` must follow.

        `ready`: how many of this network the agent has, as it says.
        """
        if not self._parts.index.is_complete:
            return DeclineKind.TRY_AGAIN
        place = network.view, network.subnet
        self._note_ask(place, session.owner.agent, now_s)
        if place in self._exhausted:
            return DeclineKind.NO_RESERVE
        use = self._use(network, session, now_s)
        if ready is not None:
            # Which of its claims are held by now, the labels say that follow.
            own = sum(each.is_ready and (each.view, each.subnet) == place for each in session.claims.values())
            given = max(0, own - ready)
            use = replace(use, ready_of_agent=use.ready_of_agent - given)
        if not reserve.is_granted(use, self._parts.policy.reserve):
            return DeclineKind.NO_RESERVE
        self._pending[allocation] = place
        return None

    def ended(self, allocation: str) -> None:
        """The ask was answered."""
        self._pending.pop(allocation, None)

    def exhausted(self, network: Network) -> None:
        """The network has no address left: nothing is granted until one may be free."""
        self._exhausted.add((network.view, network.subnet))

    def freed(self, view: str, subnet: str) -> None:
        """An address of the network is free again."""
        self._exhausted.discard((view, subnet))

    def listed(self, now_s: float) -> None:
        """A sweep is over: what others have freed meanwhile is worth a try; who asked long ago is forgotten."""
        self._exhausted.clear()
        lately = {place: self._asking(place, now_s) for place in self._asked_at_s}
        self._asked_at_s = {place: asking for place, asking in lately.items() if asking}
        asked_back = {place: self._asked_back_lately(place, now_s) for place in list(self._asked_back)}
        self._asked_back = {place: asked for place, asked in asked_back.items() if asked}

    def ask_back(self, network: Network, now_s: float) -> bool:
        """Ask a connected agent to let one ready allocation go. Returns whether there is one to be asked."""
        place, outbox = (network.view, network.subnet), self._parts.outbox
        asked = self._asked_back_lately(place, now_s)
        ready = self._parts.sessions.ready_by_agent(*place)
        for session in self._parts.sessions:
            agent = session.owner.agent
            left = ready.get(agent, 0)
            if before := asked.get(agent):
                left = min(left, before.left)
            if left > 0 and not session.is_silent(now_s):
                asked[agent] = _AskedBack(now_s, left - 1)
                message = messages.PleaseLetGo(id=outbox.draw(), view=network.view, subnet=network.subnet, count=1)
                outbox.send(session.connection, message)
                return True
        return False

    def ask_back_one(self, allocation: str, now_s: float) -> bool:
        """Ask whoever has this one ready to let it go, with all that it has there. Whether anybody has it."""
        sessions, outbox = self._parts.sessions, self._parts.outbox
        session = sessions.of_owner(AllocationId.parse(allocation).owner)
        claim = session.claims.get(allocation) if session else None
        if session is None or session.is_silent(now_s) or claim is None or not claim.is_ready:
            return False
        place, agent = (claim.view, claim.subnet), session.owner.agent
        asked = self._asked_back_lately(place, now_s)
        if agent not in asked or asked[agent].left:
            asked[agent] = _AskedBack(now_s, 0)
            count = sessions.ready_by_agent(*place)[agent]
            message = messages.PleaseLetGo(id=outbox.draw(), view=claim.view, subnet=claim.subnet, count=count)
            outbox.send(session.connection, message)
        return True

    def wanted(self, view: str, subnet: str, now_s: float) -> int:
        """How many ready allocations of a network the agents shall have that have some, or have asked lately."""
        agents = self._asking((view, subnet), now_s).keys()
        return len(agents | self._parts.sessions.ready_by_agent(view, subnet).keys()) * self._parts.policy.reserve

    def held_by_absent(self, network: Network, now_s: float) -> int:
        """How many ready allocations of the network belong to nodes that are not heard."""
        heard = {each.owner.node for each in self._parts.sessions if not each.is_silent(now_s)}
        objects = self._parts.index.in_network(network.view, network.subnet)
        return sum(
            not each.is_labelled and AllocationId.parse(each.allocation).owner.node not in heard
            for each in objects
        )

    def _asking(self, place: tuple[str, str], now_s: float) -> dict[Agent, float]:
        """Who has asked for an address of a network lately, and when."""
        asked_at_s = self._asked_at_s.get(place, {})
        return {agent: at_s for agent, at_s in asked_at_s.items() if now_s - at_s < ASKING_S}

    def _note_ask(self, place: tuple[str, str], agent: Agent, now_s: float) -> None:
        asking = {**self._asking(place, now_s), agent: now_s}
        self._asked_at_s.pop(place, None)
        self._asked_at_s[place] = asking
        if len(self._asked_at_s) > NETWORKS_MAX:
            del self._asked_at_s[next(iter(self._asked_at_s))]

    def _asked_back_lately(self, place: tuple[str, str], now_s: float) -> dict[Agent, _AskedBack]:
        asked = self._asked_back.get(place, {})
        self._asked_back[place] = {
            agent: each for agent, each in asked.items() if now_s - each.at_s < ASK_BACK_EVERY_S
        }
        return self._asked_back[place]

    def _use(self, network: Network, session: Session, now_s: float) -> NetworkUse:
        place, agent = (network.view, network.subnet), session.owner.agent
        ready = self._parts.sessions.ready_by_agent(*place)
        pending = Counter(
            AllocationId.parse(each).owner.agent for each, its_place in self._pending.items() if its_place == place
        )
        asking = self._asking(place, now_s)
        without = [other for other in asking if other != agent and not ready.get(other) and not pending[other]]
        return NetworkUse(
            usable=reserve.usable_addresses(network.prefix_length),
            ours=self._parts.index.count(*place),
            ready=self._parts.index.count_unlabelled(*place) + pending.total(),
            ready_of_agent=ready.get(agent, 0) + pending[agent],
            agents_asking_without=len(without),
        )
