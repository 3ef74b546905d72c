"""Keeps allocations ready for the networks that this node uses, so that an ADD need not wait for the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nodeagent.attachments.asks import Ask, Asks
from nodeagent.attachments.node import Node
from nodeagent.domain import wire
from nodeagent.domain.allocation import IN_USE, Allocation, State
from nodeagent.domain.attachment import Network
from nodeagent.domain.effects import Transmit
from protocol.wire.allocation_id import JOURNAL_DIGITS
from protocol.wire.messages import Allocated, Declined, DeclineKind, LetGo, PleaseLetGo, Unknown

UNUSED_S: Final = 3600.0
"""A network that no ADD has used for so long needs no reserve."""
REFILL_AGAIN_S: Final = 60.0
"""A network's reserve is left alone for so long after the coordinator had none to grant, or asked some back."""
REFILL_SOON_S: Final = 1.0
"""After a refill that has failed otherwise: so long at least, twice that at most, and twice as long each time."""
REFILL_BUDGET_MS: Final = 60_000
REFILL_ANSWER_S: Final = 120.0
"""A refill that has no answer after so long, though the coordinator is heard, never gets one: it is asked anew."""
REFILLS_MAX: Final = 64
"""Asks for the reserve of one network that are under way at a time; those that come together share calls."""
NETWORKS_MAX: Final = 64
"""Networks for which a reserve is kept; more different configurations than these wait for the grid."""


@dataclass
class _Use:
    """When a network was used last, and when its reserve may be filled again."""

    used_s: float
    refill_s: float = 0.0
    rest_s: float = 0.0
    """How long it was left alone after the last of several failures in a row."""


class Reserve:
    """The ready allocations of all networks."""

    def __init__(self, node: Node, asks: Asks) -> None:
        self._node = node
        self._asks = asks
        self._networks: dict[Network, _Use] = {}
        self._is_closed = False

    def started(self, now_s: float) -> None:
        """What the journal has addresses of, the coordinator has answered in this boot."""
        for row in self._node.rows.in_state(State.READY, State.HELD):
            self.answered(row.network, now_s)

    def used(self, network: Network, now_s: float) -> None:
        """An ADD wants an address of this network."""
        use = self._networks.get(network)
        if use:
            use.used_s = now_s

    def answered(self, network: Network, now_s: float) -> None:
        """The coordinator has answered an ask for this network: it can be kept ready."""
        if network not in self._networks and len(self._networks) < NETWORKS_MAX:
            self._networks[network] = _Use(now_s)

    def session_began(self, now_s: float) -> None:
        """A coordinator has welcomed this node: what others could not grant, it may."""
        for use in self._networks.values():
            use.refill_s = use.rest_s = 0.0
        self.ticked(now_s)

    def allocated(self, ask: Ask, message: Allocated, now_s: float) -> None:
        """One more is ready."""
        self._node.rows.make_ready(wire.allocation_of(message, ask.network))
        self._asks.drafted([ask.allocation])
        if use := self._networks.get(ask.network):
            use.rest_s = 0.0

    def not_allocated(self, ask: Ask, message: Unknown | Declined, now_s: float) -> None:
        """A refill was declined, or its outcome cannot be known."""
        use = self._networks.get(ask.network)
        if use and isinstance(message, Declined) and message.kind is DeclineKind.NO_RESERVE:
            use.refill_s = now_s + REFILL_AGAIN_S
        elif use:
            self._rest(use, now_s)

    def asked_back(self, message: PleaseLetGo, now_s: float) -> None:
        """Others need the addresses: let ready ones go; without any, say so."""
        ready = [row for row in self._node.rows.in_state(State.READY) if _is_of(row, message)]
        for row in ready[: message.count]:
            self._node.rows.let_go(row.id, now_s)
        if not ready:
            self._node.do(Transmit(LetGo(id=message.id, allocations=[])))
        for row in [*ready, *self._node.rows.in_state(*IN_USE)]:
            if _is_of(row, message) and row.network in self._networks:
                self._networks[row.network].refill_s = now_s + REFILL_AGAIN_S

    def close(self, now_s: float) -> None:
        """Keep nothing ready any more."""
        self._is_closed = True
        self.ticked(now_s)

    def open(self) -> None:
        """Keep ready what this node uses, as before."""
        self._is_closed = False

    def ticked(self, now_s: float) -> None:
        """Let go what is ready in vain, and what was asked for in vain."""
        for ask in self._asks.withdraw_refills(now_s - REFILL_ANSWER_S):
            if use := self._networks.get(ask.network):
                self._rest(use, now_s)
        for network, use in list(self._networks.items()):
            if now_s - use.used_s >= UNUSED_S:
                del self._networks[network]
        for network in dict.fromkeys(row.network for row in self._node.rows.in_state(State.READY)):
            wanted = self._wanted(network)
            if wanted is not None:
                for row in self._node.rows.ready(network)[wanted:]:
                    self._node.let_go(row, "surplus", now_s)

    def refill(self, now_s: float) -> None:
        """Ask for what is missing."""
        for network, use in self._networks.items():
            if self._node.session is None or now_s < use.refill_s:
                continue
            under_way = self._asks.count_for_reserve(network)
            missing = (self._wanted(network) or 0) - self._node.rows.count_ready(network) - under_way
            for _ in range(min(missing, REFILLS_MAX - under_way)):
                if self._asks.refusal():
                    return
                self._asks.ask_for_reserve(network, REFILL_BUDGET_MS, now_s)

    def dropped(self, now_s: float) -> None:
        """The journal cannot be written: ask for nothing that it could not hold."""
        for use in self._networks.values():
            use.refill_s = now_s + REFILL_AGAIN_S

    def counts(self) -> dict[Network, tuple[int, int]]:
        """For people: of each network how many are wanted, how many are ready."""
        return {
            network: (self._wanted(network) or 0, self._node.rows.count_ready(network))
            for network in self._networks
        }

    def _rest(self, use: _Use, now_s: float) -> None:
        """Leave a network alone for a while; refills that fail together count as one."""
        if now_s < use.refill_s:
            return
        # All nodes may have failed at one moment: their journals were drawn at random, which spreads them.
        spread = int(self._node.rows.identity.journal, 16) / 16**JOURNAL_DIGITS
        use.rest_s = min(2 * use.rest_s or REFILL_SOON_S * (1 + spread), REFILL_AGAIN_S)
        use.refill_s = now_s + use.rest_s

    def _wanted(self, network: Network) -> int | None:
        """How many shall be ready; None where nobody has said it in this run."""
        if self._is_closed or network not in self._networks:
            return 0
        return self._node.session.reserve if self._node.session else None


def _is_of(row: Allocation, message: PleaseLetGo) -> bool:
    return (row.view, row.subnet) == (message.view, message.subnet)
