"""Sweeps: lists the grid now and then, or when a person asks, and frees what two looks have found orphaned.

The listing goes page by page through the lane, between other calls. What a look finds is only remembered; an
object is released when a second look, begun long enough after the first, finds it orphaned for the same reason,
and then by a work that looks at that very object once more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from coordinator.assignment import Policy
from coordinator.attachment_work import Place
from coordinator.cluster.liveness import LivenessSource, NobodyTells
from coordinator.commands import Command, Note
from coordinator.comparison import (
    Comparison,
    Missing,
    Orphan,
    Picture,
    SweepRules,
    compare,
    reason_to_stop,
)
from coordinator.core.networks import Network
from coordinator.course import (
    LET_GO,
    Course,
    Coverage,
    Doing,
    Finding,
    Mandate,
    missing_finding,
    orphan_finding,
    remarks_of,
)
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.task import Failed, Work
from coordinator.lookups import Lookups
from coordinator.objects import FixedAddress
from coordinator.ownership import Identity
from coordinator.preparation_work import Listed, ListWork
from coordinator.registrar import Registrar
from coordinator.repair_work import OrphanWork, RestoreWork
from coordinator.sessions import Sessions
from protocol.status import SweepStatus

UNREADABLE: Final = "the grid's listing is incomplete"
AWAY: Final = "the cluster's nodes and pods are not known at the moment"
FORCE: Final = "cni-infoblox verify shows them; with --repair --force they are released nevertheless"
REPAIR: Final = "cni-infoblox verify --repair"
DEFAULT_NAME: Final = "under the default --cluster-name objects of other clusters look like this one's"


@dataclass(frozen=True)
class Sweeping:
    """How this coordinator sweeps, who tells it what lives."""

    rules: SweepRules = field(default_factory=SweepRules)
    liveness: LivenessSource = field(default_factory=NobodyTells)


@dataclass
class _Look:
    course: Course
    began_at_s: float
    work: ListWork
    listed: list[FixedAddress] = field(default_factory=list)
    unreadable: int = 0


@dataclass(frozen=True)
class Suspect:
    """An object that a look found orphaned."""

    orphan: Orphan
    since_s: float


@dataclass(frozen=True)
class Use:
    """What the last listing shows of a network: pods' addresses, others of this cluster such as gateways."""

    pods: int
    others: int


class Sweeper:
    """Looks, suspects, the work that follows."""

    def __init__(
        self,
        policy: Policy,
        sweeping: Sweeping,
        lane: Lane,
        lookups: Lookups,
        registrar: Registrar,
        sessions: Sessions,
    ) -> None:
        self._policy = policy
        self._rules = sweeping.rules
        self._liveness = sweeping.liveness
        self._lane = lane
        self._lookups = lookups
        self._registrar = registrar
        self._sessions = sessions
        self._look: _Look | None = None
        self._courses: deque[Course] = deque()
        self._busy: list[Course] = []
        self._next_at_s: float | None = None
        self._distrust = ""
        self._suspects: dict[tuple[Identity, Place], Suspect] = {}
        self._last = Comparison()
        self._stopped = ""
        self._looked_at_s: float | None = None
        self._uses: dict[tuple[str, str], Use] = {}

    # What others say

    def ask(self, course: Course) -> None:
        """A look for a person, after those that were asked for before."""
        self._courses.append(course)

    def unask(self, course: Course) -> None:
        """Nobody waits for it any more, so it need not begin."""
        if course in self._courses:
            self._courses.remove(course)

    def looked_s_ago(self, now_s: float) -> float | None:
        """How long ago the grid was last compared."""
        return None if self._looked_at_s is None else now_s - self._looked_at_s

    def distrust(self, reason: str) -> None:
        """Objects may have lost what tells whose they are: nothing is released until a person says so."""
        self._distrust = reason

    def finished(self, work: Work, outcome: object, now_s: float) -> Iterator[Command] | None:
        """A work has ended; None when it is not one of these."""
        if self._look and work is self._look.work:
            return self._listed(self._look, outcome, now_s)
        if isinstance(work, OrphanWork | RestoreWork):
            return self._repaired(work, outcome)
        return None

    def proceed(self, now_s: float) -> None:
        """Begin what is due, let go of work that has made way for a request of its node."""
        for course in self._busy:
            for work in [each for each in course.doings if not self._registrar.is_at_work(each)]:
                course.let_go(work)
        self._busy = [course for course in self._busy if course.doings]
        if self._look is None:
            self._begin(now_s)

    def next_deadline_s(self) -> float | None:
        """When the next sweep is due."""
        return None if self._look else self._next_at_s

    def usage(self, view: str, subnet: str) -> Use:
        """What the last listing shows of a network."""
        return self._uses.get((view, subnet), Use(0, 0))

    def suspicion(self, place: Place) -> Suspect | None:
        """What is held against the object at a place."""
        return next((each for (_, its), each in self._suspects.items() if its == place), None)

    def status(self, now_s: float) -> SweepStatus:
        """What the last look found, for people."""
        last, looked_s_ago = self._last, self.looked_s_ago(now_s)
        return SweepStatus(
            looked_s_ago=None if looked_s_ago is None else round(looked_s_ago, 1),
            compared=last.compared,
            grid_only=len(last.orphans),
            cluster_only=len(last.lost),
            twice=len(last.twice),
            unclaimed=len(last.unclaimed),
            unknown=last.uncompared,
            stopped=self._stopped,
        )

    # A look

    def _begin(self, now_s: float) -> None:
        if self._next_at_s is None and self._rules.interval_s and self._registrar.is_listed:
            self._next_at_s = now_s + self._rules.interval_s
        is_due = self._next_at_s is not None and now_s >= self._next_at_s
        if not (is_due or self._courses):
            return
        course = self._courses.popleft() if self._courses else Course(Mandate.RELEASE)
        self._look = _Look(course, now_s, ListWork(self._policy.owner, self._policy.user))
        self._lane.handle(Submitted((self._look.work,), now_s))

    def _listed(self, look: _Look, outcome: object, now_s: float) -> Iterator[Command]:
        if isinstance(outcome, Failed):
            self._end(now_s)
            look.course.problem = outcome.problem
            yield Note("listing_refused", {"reason": outcome.problem.msg})
            return
        assert isinstance(outcome, Listed)
        look.listed += outcome.addresses
        look.unreadable += outcome.unreadable
        if outcome.next_page is not None:
            look.work = outcome.next_page
            self._lane.handle(Submitted((look.work,), now_s))
            return
        self._end(now_s)
        yield from self._conclude(look, now_s)

    def _end(self, now_s: float) -> None:
        self._look = None
        if self._rules.interval_s:
            self._next_at_s = now_s + self._rules.interval_s

    def _picture(self, now_s: float) -> Picture:
        sessions = self._sessions.all()
        live = {node: its for node, its in sessions.items() if its.speaks(now_s)}
        return Picture(
            allocations=self._registrar.allocations,
            journals={node: its.journal_id for node, its in live.items()},
            boots={node: its.boot_id for node, its in live.items()},
            heard_at_s={node: its.heard_at_s for node, its in sessions.items()},
            liveness=self._liveness.look(now_s),
            now_s=now_s,
        )

    def _conclude(self, look: _Look, now_s: float) -> Iterator[Command]:
        course, picture = look.course, self._picture(now_s)
        found = self._last = compare(self._policy.owner, look.listed, picture, look.began_at_s, self._rules)
        self._looked_at_s = now_s
        self._suspect(found, now_s)
        self._count(look.listed)
        course.coverage = Coverage(found.compared, found.uncompared, len(found.unknown), look.unreadable)
        course.remarks += remarks_of(found)
        blind = UNREADABLE if look.unreadable else "" if picture.liveness.is_fresh else AWAY
        stopped = self._reason_to_stop(found, picture)
        if course.mandate is Mandate.FORCE:
            self._distrust = stopped = ""
        only_look = "" if self._policy.owner.may_release_by_listing else DEFAULT_NAME
        self._stopped = course.stopped = blind or stopped or only_look
        yield from _notes(found, blind or stopped)
        for record in found.stale if not blind else ():
            self._registrar.allocations.forget_freed(record)
        may_release = course.may_release and not course.stopped
        for orphan in found.orphans:
            self._treat_orphan(course, orphan, look.began_at_s, now_s, may_release=may_release)
        may_restore = course.may_restore and not (blind or stopped)
        for missing in found.missing:
            self._treat_missing(course, missing, picture, now_s, may_restore=may_restore)
        self._busy.append(course)

    def _reason_to_stop(self, found: Comparison, picture: Picture) -> str:
        if not (found.orphans or found.missing):
            return ""
        return self._distrust or reason_to_stop(found, picture)

    def _suspect(self, found: Comparison, now_s: float) -> None:
        before, self._suspects = self._suspects, {}
        for orphan in found.orphans:
            known = before.get(orphan.key)
            is_same = known is not None and known.orphan == orphan
            self._suspects[orphan.key] = known if known and is_same else Suspect(orphan, now_s)

    def _count(self, listed: list[FixedAddress]) -> None:
        owner = self._policy.owner
        pods, others = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for fixed in {(each.view, each.address): each for each in listed}.values():
            (pods if owner.identity_of(fixed.eas) else others)[fixed.view, fixed.subnet] += 1
        self._uses = {key: Use(pods[key], others[key]) for key in pods.keys() | others.keys()}

    # What is done about it

    def _treat_orphan(
        self, course: Course, orphan: Orphan, began_at_s: float, now_s: float, *, may_release: bool
    ) -> None:
        first_seen_s = self._suspects[orphan.key].since_s
        wait_s = first_seen_s + self._rules.apart_s - began_at_s
        finding = orphan_finding(orphan, wait_s)
        course.findings.append(finding)
        if may_release and wait_s <= 0:
            work = OrphanWork(self._policy.owner, orphan.identity, self._policy.user, orphan.fixed)
            self._start(course, work, finding, now_s)

    def _treat_missing(
        self, course: Course, missing: Missing, picture: Picture, now_s: float, *, may_restore: bool
    ) -> None:
        finding = missing_finding(missing)
        course.findings.append(finding)
        if not may_restore or missing.holder:
            return
        holding, identity = missing.holding, missing.identity
        network = Network(holding.view, holding.subnet, None, self._lookups.name_of(holding.view, holding.subnet))
        boot_id = picture.boots[identity.node]
        owner, user = self._policy.owner, self._policy.user
        work = RestoreWork(owner, identity, user, network, holding.address, boot_id)
        self._start(course, work, finding, now_s)

    def _start(self, course: Course, work: Doing, finding: Finding, now_s: float) -> None:
        record = self._registrar.allocations.open(finding.identity)
        if record.identity != finding.identity or record.work:
            finding.outcome = LET_GO
            return
        work.unsettled_since_s, work.is_unsure = record.unsettled_since_s, record.is_unsure
        work.endangered_until_s = record.endangered_until_s
        work.ready_at_s = max(now_s, record.endangered_until_s)
        course.doings[work] = finding
        self._registrar.start(record, work, now_s)

    def _repaired(self, work: Doing, outcome: object) -> Iterator[Command]:
        course = next((each for each in self._busy if work in each.doings), None)
        if course is None:
            return
        finding = course.done(work, outcome)
        fields = {"attachment": str(work.identity), "node": work.identity.node, "address": finding.place[1]}
        event = finding.outcome.partition(":")[0]
        yield Note(f"sweep_{event}", {**fields, "why": finding.why, "outcome": finding.outcome})


def _notes(found: Comparison, stopped: str) -> Iterator[Command]:
    counts = {"grid_only": len(found.orphans), "cluster_only": len(found.lost), "twice": len(found.twice)}
    yield Note("swept", {"compared": found.compared, "not_compared": found.uncompared, **counts})
    if stopped:
        yield Note("sweep_stopped", {"reason": stopped, "remedy": FORCE})
    if found.lost:
        first = ", ".join(each.holding.address for each in found.lost[:5])
        yield Note("grid_lacks_addresses", {"addresses": len(found.lost), "first": first, "remedy": REPAIR})
    for each in found.twice[:5]:
        names = {"one": str(each.identity), "two": str(each.holder)}
        yield Note("address_twice", {"address": each.holding.address, **names})
