"""What the coordinator was asked for in this session.

An ask ends with its session, and its id is never asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nodeagent import errors
from nodeagent.attachments.node import Node
from nodeagent.domain import wire
from nodeagent.domain.allocation import RESERVE, Label, State
from nodeagent.domain.attachment import AttachmentId, Network, Want
from nodeagent.domain.effects import Transmit
from protocol.errors import Problem
from protocol.family import Family
from protocol.wire import values
from protocol.wire.messages import Allocate, Allocated, Declined, LetGo, Unknown

LET_GO_MAX: Final = 4096
"""Beyond so many allocations that are let go and not confirmed, nothing is asked for."""


@dataclass(frozen=True)
class Ask:
    """An ask for one address. `attachment` is None where it is for the reserve, and `asked_s` counts there alone.

    `pod` is whose it is, for the log.
    """

    allocation: str
    request_id: str
    want: Want
    attachment: AttachmentId | None = None
    asked_s: float = 0.0
    pod: str = RESERVE

    @property
    def network(self) -> Network:
        """Where the address shall come from."""
        return self.want.network


class Asks:
    """All asks of this session, in memory only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._asks: dict[str, Ask] = {}
        self._unheld: dict[str, Family] = {}
        """What was allocated and is in no row so far: it waits for the other address of its attachment."""
        self._drafted: dict[str, Family] = {}
        """What was allocated and is in the journal only when this turn is over."""

    def __contains__(self, allocation: str) -> bool:
        return allocation in self._asks or allocation in self._unheld

    def count_for_reserve(self, network: Network) -> int:
        """How many asks for the reserve of this network are under way."""
        return sum(ask.attachment is None and ask.network == network for ask in self._asks.values())

    def refusal(self, count: int = 1) -> Problem | None:
        """Why no `count` addresses may be asked for now, None when they may. Says nothing about the session."""
        rows, session = self._node.rows, self._node.session
        known = rows.count_claims() + len(self._asks) + len(self._unheld)
        if session and known + count > session.allocations_max:
            return errors.AllocationsAtLimit(limit=session.allocations_max)
        if rows.count(State.LET_GO) >= LET_GO_MAX:
            return errors.LettingGoBehind(limit=LET_GO_MAX)
        return None

    def ask(self, wants: Sequence[Want], request_id: str, label: Label, budget_ms: int) -> list[str]:
        """Ask for these addresses of the attachment that `label` names; the ids that were drawn for them."""
        pod = str(label.pod)
        asks = [Ask(self._draw(), request_id, want, label.attachment, pod=pod) for want in wants]
        self._asks |= {ask.allocation: ask for ask in asks}
        message = Allocate(
            id=request_id,
            wants=list(map(_worded, asks)),
            budget_ms=budget_ms,
            label=wire.wire_label(label),
        )
        self._node.do(Transmit(message))
        return [ask.allocation for ask in asks]

    def ask_for_reserve(self, network: Network, budget_ms: int, now_s: float) -> None:
        """Ask for an address that nobody waits for; the labels of those just given follow later."""
        ask = Ask(self._draw(), f"reserve-{self._node.draw()}", Want(network), asked_s=now_s)
        self._asks[ask.allocation] = ask
        message = Allocate(
            id=ask.request_id,
            wants=[_worded(ask)],
            budget_ms=budget_ms,
            for_reserve=True,
            ready=self._node.rows.count_ready(network),
        )
        self._node.do(Transmit(message))

    def withdraw(self, *allocations: str) -> None:
        """Nobody waits for these any more: what may come of them, or has come already, is let go."""
        families = {}
        for each in allocations:
            ask = self._asks.pop(each, None)
            family = ask.network.family if ask else self._unheld.pop(each, None)
            if family:
                families[each] = family
        self._say_unused(families)

    def withdraw_refills(self, asked_until_s: float) -> list[Ask]:
        """Wait no more for those for the reserve that were asked until then; which they were."""
        late = [ask for ask in self._asks.values() if ask.attachment is None and ask.asked_s <= asked_until_s]
        for ask in late:
            self.withdraw(ask.allocation)
        return late

    def let_go(self, allocation: str, family: Family) -> None:
        """Say of an id that is in no row that nobody will ever use it."""
        self._unheld.pop(allocation, None)
        self._say_unused({allocation: family})

    def answered(self, message: Allocated | Unknown | Declined) -> Ask | None:
        """The ask that ends with this answer, None where there is none under way."""
        if message.allocation is not None:
            return self._end(message.allocation, message)
        # Of an ask that it cannot read, the coordinator names the message alone.
        allocation = next((ask.allocation for ask in self._asks.values() if ask.request_id == message.id), "")
        return self._end(allocation, message)

    def drafted(self, allocations: Iterable[str]) -> None:
        """These are in rows of this turn: who holds them is the journal's to say when it is over."""
        for each in allocations:
            if each in self._unheld:
                self._drafted[each] = self._unheld.pop(each)

    def session_ended(self) -> None:
        """Forget all asks: what comes of them will be disowned."""
        self._asks.clear()
        self._unheld.clear()

    def committed(self) -> None:
        """The rows of this turn are in the journal."""
        self._drafted.clear()

    def dropped(self) -> None:
        """The rows of this turn are not in the journal: what they would have held is used by nobody."""
        self._say_unused(self._drafted)
        self._drafted.clear()

    def _end(self, allocation: str, message: Allocated | Unknown | Declined) -> Ask | None:
        ask = self._asks.pop(allocation, None)
        if ask and isinstance(message, Allocated):
            self._unheld[allocation] = ask.network.family
        return ask

    def _say_unused(self, families: Mapping[str, Family]) -> None:
        rows = [wire.never_used_row(*each) for each in families.items()]
        if rows:
            self._node.do(Transmit(LetGo(id=f"go-{self._node.draw()}", allocations=rows)))

    def _draw(self) -> str:
        owner = self._node.rows.owner
        assert owner is not None, "nothing is asked for before the first welcome"
        return str(owner.draw(self._node.draw()))


def _worded(ask: Ask) -> values.Want:
    network = wire.network_ask(ask.want.network)
    return values.Want(allocation=ask.allocation, network=network, address=ask.want.address)
