"""What one look of a sweep leads to: what differs, what is done about it, what became of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from coordinator.attachment_work import Held, Place
from coordinator.comparison import Comparison, Missing, Orphan
from coordinator.lane.task import Failed
from coordinator.ownership import VM_NAME, Identity
from coordinator.repair_work import Freed, OrphanWork, RestoreWork, Spared
from protocol.errors import Problem
from protocol.operator import DifferenceKind

Doing = OrphanWork | RestoreWork

LET_GO: Final = "kept: its node has asked about it meanwhile"


class Mandate(Enum):
    """What a look may lead to: nothing; releases; restored objects as well; both in spite of a mass of them."""

    LOOK = auto()
    RELEASE = auto()
    REPAIR = auto()
    FORCE = auto()


@dataclass
class Finding:
    """One difference between grid and cluster. `outcome` says what was done, `is_settled` that it is mended."""

    kind: DifferenceKind
    identity: Identity
    place: Place
    why: str
    name: str = ""
    outcome: str = ""
    is_settled: bool = False


@dataclass(frozen=True)
class Coverage:
    """How many addresses of the grid a look compared, how many not, since their nodes are away or since the grid
    shows them in an unreadable way."""

    compared: int
    uncompared: int
    nodes_away: int
    unreadable: int


@dataclass(eq=False)
class Course:
    """From a look to the last of its repairs.

    `coverage` is None before the look has ended. `stopped` says why nothing was released, `problem` why it failed.
    """

    mandate: Mandate
    coverage: Coverage | None = None
    stopped: str = ""
    problem: Problem | None = None
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    doings: dict[Doing, Finding] = field(default_factory=dict)

    @property
    def may_release(self) -> bool:
        """Whether orphans are released."""
        return self.mandate is not Mandate.LOOK

    @property
    def may_restore(self) -> bool:
        """Whether the grid gets back what it has lost."""
        return self.mandate in (Mandate.REPAIR, Mandate.FORCE)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.problem is not None or (self.coverage is not None and not self.doings)

    def let_go(self, doing: Doing) -> None:
        """The work made way for a request of its node."""
        self.doings.pop(doing).outcome = LET_GO

    def done(self, doing: Doing, outcome: object) -> Finding:
        """The work has ended like this."""
        finding = self.doings.pop(doing)
        finding.is_settled = isinstance(outcome, Freed | Held)
        finding.outcome = _outcome_text(outcome)
        return finding


def orphan_finding(orphan: Orphan, wait_s: float) -> Finding:
    """`wait_s`: how long until a look may confirm it, 0 or less when this one does."""
    fixed = orphan.fixed
    later = f"; released when a look in {wait_s:.0f} s or later finds the same" if wait_s > 0 else ""
    return Finding(
        DifferenceKind.GRID_ONLY,
        orphan.identity,
        (fixed.view, fixed.address),
        orphan.why.value + later,
        fixed.eas.get(VM_NAME, "") or fixed.name,
    )


def missing_finding(missing: Missing) -> Finding:
    """An address that a journal holds and the grid does not, or not for it."""
    if missing.holder is None:
        kind, why = DifferenceKind.CLUSTER_ONLY, "its node's journal holds it, the grid does not"
    else:
        kind, why = DifferenceKind.TWICE, f"{missing.holder} on {missing.holder.node} has it too"
    return Finding(kind, missing.identity, missing.holding.place, why)


def remarks_of(found: Comparison) -> list[str]:
    """What could not be compared."""
    remarks = [
        f"{node}: {count} addresses not compared, since its agent is not connected"
        for node, count in sorted(found.unknown.items())
    ]
    remarks += [
        f"{each.address} in view {each.view}: in no journal, but of the running boot, so it counts as alive"
        for each in found.unclaimed
    ]
    return [*remarks, *([found.why_not_nodes] if found.why_not_nodes else [])]


def _outcome_text(outcome: object) -> str:
    if isinstance(outcome, Freed):
        return "released"
    if isinstance(outcome, Held):
        return "restored"
    if isinstance(outcome, Spared):
        return f"kept: {outcome.why}"
    assert isinstance(outcome, Failed)
    return f"failed: {outcome.problem.msg}. {outcome.problem.details}"
