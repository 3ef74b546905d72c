"""What the coordinator was asked for in this session.

An ask ends with its session, and its id is never asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nodeagent import errors
from nodeagent.attachments.node import Node
from nodeagent.domain import wire
from nodeagent.domain.allocation import RESERVE, Label, State
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.effects import Transmit
from protocol.errors import Problem
from protocol.family import Family
from protocol.wire.messages import Allocate, Allocated, Declined, LetGo, Unknown
from protocol.wire.values import Want

LET_GO_MAX: Final = 4096
"""Beyond so many allocations that are let go and not confirmed, nothing is asked for."""


@dataclass(frozen=True)
class Ask:
    """One ask under way. `attachment` is None where it is for the reserve, and `asked_s` counts there alone.

    `pod` is whose it is, for the log.
    """

    allocation: str
    request_id: str
    network: Network
    attachment: AttachmentId | None = None
    asked_s: float = 0.0
    pod: str = RESERVE


class Asks:
    """All asks of this session, in memory only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._asks: dict[str, Ask] = {}
        self._allocated: list[Allocated] = []
        """What was allocated in this turn, and is in the journal only when the turn is over."""

    def __contains__(self, allocation: str) -> bool:
        return allocation in self._asks

    def count_for_reserve(self, network: Network) -> int:
        """How many asks for the reserve of this network are under way."""
        return sum(ask.attachment is None and ask.network == network for ask in self._asks.values())

    def refusal(self) -> Problem | None:
        """Why nothing may be asked for now, None when it may. Says nothing about the session."""
        rows, session = self._node.rows, self._node.session
        if session and rows.count_claims() + len(self._asks) >= session.allocations_max:
            return errors.AllocationsAtLimit(limit=session.allocations_max)
        if rows.count(State.LET_GO) >= LET_GO_MAX:
            return errors.LettingGoBehind(limit=LET_GO_MAX)
        return None

    def ask(self, network: Network, request_id: str, label: Label, budget_ms: int) -> str:
        """Ask for the address of the attachment that `label` names; the id that was drawn for it."""
        ask = Ask(self._draw(), request_id, network, label.attachment, pod=str(label.pod))
        self._asks[ask.allocation] = ask
        message = Allocate(
            id=request_id,
            wants=[Want(allocation=ask.allocation, network=wire.network_ask(network))],
            budget_ms=budget_ms,
            label=wire.wire_label(label),
        )
        self._node.do(Transmit(message))
        return ask.allocation

    def ask_for_reserve(self, network: Network, budget_ms: int, now_s: float) -> None:
        """Ask for an address that nobody waits for; the labels of those just given follow later."""
        ask = Ask(self._draw(), f"reserve-{self._node.draw()}", network, asked_s=now_s)
        self._asks[ask.allocation] = ask
        message = Allocate(
            id=ask.request_id,
            wants=[Want(allocation=ask.allocation, network=wire.network_ask(network))],
            budget_ms=budget_ms,
            for_reserve=True,
            ready=self._node.rows.count_ready(network),
        )
        self._node.do(Transmit(message))

    def withdraw(self, allocation: str) -> None:
        """Nobody waits for this any more: what may come of it is let go."""
        if ask := self._asks.pop(allocation, None):
            self.let_go(allocation, ask.network.family)

    def withdraw_refills(self, asked_until_s: float) -> list[Ask]:
        """Wait no more for those for the reserve that were asked until then; which they were."""
        late = [ask for ask in self._asks.values() if ask.attachment is None and ask.asked_s <= asked_until_s]
        for ask in late:
            self.withdraw(ask.allocation)
        return late

    def let_go(self, allocation: str, family: Family) -> None:
        """Say of an id that is in no row that nobody will ever use it, nor its address of this family."""
        rows = [wire.never_used_row(allocation, family)]
        self._node.do(Transmit(LetGo(id=f"go-{self._node.draw()}", allocations=rows)))

    def answered(self, message: Allocated | Unknown | Declined) -> Ask | None:
        """The ask that ends with this answer, None where there is none under way."""
        if isinstance(message, Allocated) and message.allocation in self._asks:
            self._allocated.append(message)
        if message.allocation is not None:
            return self._asks.pop(message.allocation, None)
        # Of an ask that it cannot read, the coordinator names the message alone.
        allocation = next((ask.allocation for ask in self._asks.values() if ask.request_id == message.id), "")
        return self._asks.pop(allocation, None)

    def session_ended(self) -> None:
        """Forget all asks: what comes of them will be disowned."""
        self._asks.clear()

    def committed(self) -> None:
        """The rows of this turn are in the journal."""
        self._allocated.clear()

    def dropped(self) -> None:
        """The rows of this turn are not in the journal: what they would have held is used by nobody."""
        for message in self._allocated:
            self.let_go(message.allocation, Family.of(message.address))
        self._allocated.clear()

    def _draw(self) -> str:
        owner = self._node.rows.owner
        assert owner is not None, "nothing is asked for before the first welcome"
        return str(owner.draw(self._node.draw()))
