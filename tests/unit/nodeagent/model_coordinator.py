"""A grid and its coordinator as simply as they can be, for the tests of the agent's machine in any order.

The coordinator knows the whole grid. It deletes by id alone, and only what a journal has let go or disowned; the
world around it checks that no pod has what is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core_builders import CLUSTER, SEAL

from protocol.family import Family
from protocol.wire.messages import (
    Allocate,
    Allocated,
    Answer,
    Claims,
    Declined,
    DeclineKind,
    Gone,
    Hello,
    Labelled,
    LetGo,
    Lost,
    Orphans,
    PleaseLabel,
    SetLabels,
    ToAgent,
    ToCoordinator,
    Unknown,
    Welcome,
    Whose,
)
from protocol.wire.values import ClaimRow, Label, LetGoRow, OrphanRow, Want

SUBNETS = {Family.IPV4: "10.55.0.0/24", Family.IPV6: "fd00:55::/64"}
_PLACES = {Family.IPV4: "10.55.0.{}", Family.IPV6: "fd00:55::{:x}"}


@dataclass
class GridObject:
    """What the grid holds under an id."""

    address: str
    label: Label | None


class Grid:
    """Addresses, each held by one object at a time."""

    def __init__(self) -> None:
        self.objects: dict[str, GridObject] = {}
        self.foreign: set[str] = set()
        self.lost: set[str] = set()
        """Ids whose address somebody else has now."""

    def create(self, want: Want, label: Label | None) -> GridObject | None:
        """An object at the lowest free address: what was let go is given out again at once.

        None where the address that is named is taken.
        """
        taken = {each.address for each in self.objects.values()} | self.foreign
        places = [_PLACES[want.network.family].format(n) for n in range(1, 250)]
        wanted = [want.address] if want.address else places
        address = next((each for each in wanted if each not in taken), None)
        if address is None:
            return None
        self.objects[want.allocation] = GridObject(address, label)
        return self.objects[want.allocation]


@dataclass
class ModelCoordinator:
    """One coordinator; `begin` makes it forget, as its death does."""

    grid: Grid
    reserve: int
    journal: str = ""
    is_greeted: bool = False
    welcomes: int = 0
    claims: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    let_go: set[str] = field(default_factory=set)
    disowned: set[str] = field(default_factory=set)
    late: list[tuple[Want, Label | None]] = field(default_factory=list)
    """Creates of unknown outcome that the grid may still carry out."""
    families: dict[str, Family] = field(default_factory=dict)
    """Of every id that was asked for."""

    def begin(self) -> None:
        """A new connection, or a new coordinator: nothing of the session before counts."""
        self.is_greeted = False
        for known in (self.claims, self.asked, self.let_go, self.disowned):
            known.clear()

    def take(self, message: ToCoordinator, outcomes: tuple[str, str]) -> list[ToAgent]:
        """The answers to a message; `outcomes` say what becomes of its creates: now, late, never, lost."""
        if isinstance(message, Hello):
            return self._greet(message)
        if isinstance(message, Claims):
            self._begin(message)
            return []
        if not self.is_greeted:
            return []
        if isinstance(message, Allocate):
            return [
                answer
                for want, outcome in zip(message.wants, outcomes, strict=False)
                for answer in self._allocate(message, want, outcome)
            ]
        if isinstance(message, SetLabels):
            return self._set_labels(message)
        if isinstance(message, LetGo):
            self._let_go(message.allocations)
        elif isinstance(message, Answer):
            self.disowned |= set(message.disowned)
        return []

    def commit_late(self) -> None:
        """The grid carries out a create that nobody waits for any more."""
        self.grid.create(*self.late.pop(0))

    def compare(self) -> list[ToAgent]:
        """Ask the owner of what is in the grid and not claimed; hand over what other journals have left."""
        known = self.claims | self.asked | self.let_go
        unclaimed = [each for each in self.grid.objects if each not in known and each not in self.disowned]
        own = [each for each in unclaimed if each.split("-")[5] == self.journal]
        others = [each for each in unclaimed if each.split("-")[5] != self.journal]
        unlabelled = [each for each in sorted(self.claims & set(self.grid.objects)) if not self._has_label(each)]
        messages: list[ToAgent] = [Orphans(id="o", rows=[self._orphan(each) for each in others], last=True)]
        messages += self._tell_of_loss()
        self.claims |= set(others)
        if own:
            messages.append(Whose(id="w", allocations=own))
        if unlabelled:
            messages.append(PleaseLabel(id="l", allocations=unlabelled))
        return messages

    def doubt(self) -> list[ToAgent]:
        """Ask about all that there is of the journal, as one might whose own memory is not sure."""
        own = {each for each in {*self.grid.objects, *self.asked} if each.split("-")[5] == self.journal}
        return [Whose(id="w", allocations=sorted(own))] if own else []

    def deletable(self) -> list[str]:
        """Ids that their journal has let go or disowned."""
        return sorted(self.let_go | self.disowned)

    def delete(self, allocation: str) -> list[ToAgent]:
        """Delete by id; what the grid does not have is gone as well."""
        self.grid.objects.pop(allocation, None)
        self.disowned.discard(allocation)
        if allocation not in self.let_go:
            return []
        self.let_go.discard(allocation)
        return [Gone(id="g", allocations=[allocation])]

    def lose(self, allocation: str) -> list[ToAgent]:
        """An admin has deleted the object, and somebody else has its address."""
        self.grid.foreign.add(self.grid.objects.pop(allocation).address)
        self.grid.lost.add(allocation)
        return self._tell_of_loss()

    def _tell_of_loss(self) -> list[ToAgent]:
        lost = sorted(self.claims & self.grid.lost)
        self.claims -= self.grid.lost
        return [Lost(id="x", allocation=each, holder="printer") for each in lost]

    def _greet(self, hello: Hello) -> list[ToAgent]:
        self.begin()
        self.journal = hello.journal
        self.welcomes += 1
        return [Welcome(id=hello.id, number=self.welcomes, cluster=CLUSTER, reserve=self.reserve)]

    def _begin(self, page: Claims) -> None:
        assert page.welcome == self.welcomes
        self.claims |= {row.allocation for row in page.claims}
        self._let_go(page.let_go)
        assert all(self._is_true(row) for row in page.claims)
        self.is_greeted = page.last

    def _is_true(self, row: ClaimRow) -> bool:
        known = self.grid.objects.get(row.allocation)
        return known is None or known.address == row.address

    def _allocate(self, message: Allocate, want: Want, outcome: str) -> list[ToAgent]:
        allocation = want.allocation
        assert allocation not in self.families, "an id is asked for once"
        family = self.families[allocation] = want.network.family
        made = None if outcome in ("never", "late") else self.grid.create(want, message.label)
        if made is None and outcome != "late":
            kind = DeclineKind.NO_RESERVE if message.for_reserve else DeclineKind.TRY_AGAIN
            text = {"msg": "no", "details": "later"}
            return [Declined(id=message.id, allocation=allocation, kind=kind, code=11, **text)]
        self.asked.add(allocation)
        if outcome == "late":
            self.late.append((want, message.label))
            self.asked.discard(allocation)
            return [Unknown(id=message.id, allocation=allocation, family=family)]
        if made is None or outcome == "lost":
            return []
        self.asked.discard(allocation)
        self.claims.add(allocation)
        return [
            Allocated(
                id=message.id,
                allocation=allocation,
                view="default",
                subnet=SUBNETS[family],
                address=made.address,
                seal=SEAL,
            )
        ]

    def _set_labels(self, message: SetLabels) -> list[ToAgent]:
        for row in message.labels:
            if row.allocation in self.grid.objects:
                self.grid.objects[row.allocation].label = row.label
        return [Labelled(id=message.id, allocations=[row.allocation for row in message.labels])]

    def _let_go(self, rows: list[LetGoRow]) -> None:
        for row in rows:
            assert row.family is self.families[row.allocation]
            self.claims.discard(row.allocation)
            self.asked.discard(row.allocation)
            self.let_go.add(row.allocation)

    def _has_label(self, allocation: str) -> bool:
        return self.grid.objects[allocation].label is not None

    def _orphan(self, allocation: str) -> OrphanRow:
        held = self.grid.objects[allocation]
        return OrphanRow(
            allocation=allocation,
            view="default",
            subnet=SUBNETS[self.families[allocation]],
            network_name="pods",
            address=held.address,
            seal=SEAL,
            label=held.label,
        )
