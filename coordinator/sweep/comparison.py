"""Compares what the grid holds of a node with what its journals say, and acts on each verdict.

It runs after an agent's hello, after the first listing, when a network is exhausted, and at every sweep. No
failure path needs a clean-up of its own.
"""

from __future__ import annotations

from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.allocation.repairs import Repairs
from coordinator.core.deadlines import Deadlines
from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Session
from coordinator.sweep.questions import Questions
from coordinator.sweep.verdict import Verdict, boot_of, judge
from protocol.family import Family
from protocol.wire.allocation_id import AllocationId, hash_node

PROBE_AGAIN_S: Final = 60.0
"""A probe that was not answered is repeated after this time, while something of the other boot is left."""


class Comparison:
    """Acts on the difference between grid and journals, node by node."""

    def __init__(
        self, parts: Parts, boots: Boots, deletions: Deletions, repairs: Repairs, questions: Questions
    ) -> None:
        self._parts = parts
        self._boots = boots
        self._deletions = deletions
        self._repairs = repairs
        self._questions = questions
        self._probes: Deadlines[tuple[str, Boot]] = Deadlines()
        self._probing: set[tuple[str, Boot]] = set()

    def node(self, node: str, now_s: float) -> None:
        """Compare one node, by name; nothing is decided before the listing is complete."""
        if not self._parts.index.is_complete:
            return
        sessions = self._parts.sessions.of_node(node)
        objects = self._parts.index.of_node(hash_node(node))
        for session in sessions:
            # A silent one may speak to another coordinator by now, to which it has let go what it claims here.
            if not session.is_silent(now_s):
                self._session(session, objects, now_s)
        boots = sorted({boot_of(seen) for seen in objects})
        for boot in boots:
            self._boot(node, boot, now_s)
        if not all(session.is_silent(now_s) for session in sessions):
            self._look_for_stale(node, boots, now_s)

    def all(self, now_s: float) -> None:
        """Compare every node that is connected."""
        for node in sorted({session.node for session in self._parts.sessions}):
            self.node(node, now_s)

    def owner_of(self, allocation: str, family: Family) -> None:
        """Ask the journal that has drawn this id for an address of a family, if it speaks."""
        owner = AllocationId.parse(allocation).owner
        session = self._parts.sessions.of_owner(owner)
        if session and session.owner.is_same_journal(owner):
            self._questions.whose(session, {allocation: family})

    def expire(self, now_s: float) -> None:
        """Send the probes whose time has come."""
        for node, boot in self._probes.take_due(now_s):
            self._probing.discard((node, boot))
            if not any(boot_of(each) == boot for each in self._parts.index.of_node(hash_node(node))):
                continue
            provers = self._provers(node, boot)
            for session, at_s in provers:
                if at_s <= now_s:
                    self._questions.probe(session, now_s)
            if provers:
                later_s = min(at_s for _, at_s in provers)
                self._watch(node, boot, later_s if later_s > now_s else now_s + PROBE_AGAIN_S)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._probes.next_s()

    def over(self, node: str, boots: list[Boot], now_s: float) -> None:
        """These boots of a node are over: whatever they have left is deleted."""
        for seen in self._parts.index.of_node(hash_node(node)):
            if boot_of(seen) in boots:
                self._deletions.disowned(seen.allocation, seen.family, now_s)

    def _session(self, session: Session, objects: list[AllocationObject], now_s: float) -> None:
        verdicts: dict[Verdict, dict[str, Family]] = {}
        for seen in objects:
            if not _is_of(session, seen) or self._is_on_its_way(session, seen):
                continue
            verdicts.setdefault(judge(seen, [session]), {})[seen.allocation] = seen.family
        self._questions.please_label(session, list(verdicts.get(Verdict.LABEL, {})))
        self._questions.whose(session, verdicts.get(Verdict.ASK, {}))
        offered = [each for each in verdicts.get(Verdict.OFFER, {}) if each not in session.offered]
        if offered or not session.has_orphans:
            session.offered.update(offered)
            session.has_orphans = True
            self._questions.offer(session, offered, now_s)
        for allocation in list(session.claims):
            if not self._repairs.is_in_place(allocation):
                self._repairs.missing(allocation, now_s)

    def _is_on_its_way(self, session: Session, seen: AllocationObject) -> bool:
        """Whether it is being deleted; about what an adopter lets go, the journal that drew it is asked first."""
        is_own = AllocationId.parse(seen.allocation).owner.journal == session.owner.journal
        is_doubtful = is_own and self._deletions.is_doubted(seen.allocation)
        return seen.allocation in self._deletions and not is_doubtful

    def _boot(self, node: str, boot: Boot, now_s: float) -> None:
        if self._boots.is_over(node, boot):
            self.over(node, [boot], now_s)
            return
        self._boots.saw(node, boot, now_s)
        if provers := self._provers(node, boot):
            self._watch(node, boot, max(now_s, min(at_s for _, at_s in provers)))

    def _look_for_stale(self, node: str, boots: list[Boot], now_s: float) -> None:
        """Of a machine that was rebuilt under its old name only a person knows that it is another one."""
        stale = [boot for boot in boots if self._boots.needs_a_person(node, boot, now_s)]
        if not stale:
            self._parts.alarms.close("boot_not_over", node)
            return
        text = f"addresses of an earlier boot or machine stay; if that is gone: cni-infoblox node replace {node}"
        told = ", ".join(boot.boot for boot in stale)
        self._parts.alarms.open("boot_not_over", node, text, now_s, boots=told)

    def _provers(self, node: str, boot: Boot) -> list[tuple[Session, float]]:
        """Whose answer to a probe would prove that a boot of its node is over, and from when."""
        times = [
            (session, self._boots.probe_at_s(node, boot, Boot.of(session.owner)))
            for session in self._parts.sessions.of_node(node)
        ]
        return [(session, at_s) for session, at_s in times if at_s is not None]

    def _watch(self, node: str, boot: Boot, at_s: float) -> None:
        if (node, boot) not in self._probing:
            self._probing.add((node, boot))
            self._probes.add(at_s, (node, boot))


def _is_of(session: Session, seen: AllocationObject) -> bool:
    owner = AllocationId.parse(seen.allocation).owner
    return (owner.machine, owner.boot, owner.driver) == (
        session.owner.machine,
        session.owner.boot,
        session.owner.driver,
    )
