"""Mistakes in whom the coordinator believes, and in how it compares grid and journals."""

from __future__ import annotations

from typing import Final

from tests.sim.mutants.mutant import Mutant, Promise

IN_SWEEP: Final = (
    Mutant(
        "a claim counts for nobody until the grid was listed",
        Promise.TOLD,
        "coordinator.allocation.claims",
        "not (is_known or is_sealed):\n",
        "not is_known:\n",
    ),
    Mutant(
        "orphans are deleted without asking",
        Promise.DELETED,
        "coordinator.sweep.comparison",
        "        offered = [each for each in verdicts.get(Verdict.OFFER, {}) if each not in session.offered]\n",
        "        offered: list[str] = []\n"
        "        for each, family in verdicts.get(Verdict.OFFER, {}).items():\n"
        "            self._deletions.disowned(each, family, now_s)\n",
    ),
    Mutant(
        "what a journal has not named is deleted without asking",
        Promise.DELETED,
        "coordinator.sweep.comparison",
        "        self._questions.whose(session, verdicts.get(Verdict.ASK, {}))\n",
        "        for each, family in verdicts.get(Verdict.ASK, {}).items():\n"
        "            self._deletions.disowned(each, family, now_s)\n",
    ),
    Mutant(
        "any machine proves that a boot is over",
        Promise.DELETED,
        "coordinator.nodes.boots",
        "        if by.machine == UNKNOWN_MACHINE or by.machine != boot.machine:\n            return None\n",
        "",
    ),
    Mutant(
        "a boot is over without a minute of silence",
        Promise.DELETED,
        "coordinator.nodes.boots",
        "        return heard.last_s + SILENCE_S\n",
        "        return heard.last_s\n",
    ),
    Mutant(
        "what a boot says that was over is not heard",
        Promise.DELETED,
        "coordinator.nodes.boots",
        "        heard.last_s = now_s\n        heard.is_over = False\n",
        "        heard.is_over = False\n",
    ),
    Mutant(
        "a node that is not listed is gone at once",
        Promise.DELETED,
        "coordinator.sweep.gone_nodes",
        "        return now_s - latest_s >= self._parts.policy.node_gone_after_s\n",
        "        return now_s - latest_s >= 0.0\n",
    ),
    Mutant(
        "nothing is swept",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.sweeper",
        "        self._next_s = now_s + self._interval_s if self._interval_s else None\n",
        "        self._next_s = None\n",
    ),
    Mutant(
        "nobody is asked whose an object is",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.comparison",
        "        self._questions.whose(session, verdicts.get(Verdict.ASK, {}))\n",
        "",
    ),
    Mutant(
        "a claim that the grid lacks is not repaired",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.comparison",
        "            if not self._repairs.is_in_place(allocation):\n"
        "                self._repairs.missing(allocation, now_s)\n",
        "            pass\n",
    ),
    Mutant(
        "what was offered is not offered again after it was let go",
        Promise.NOTHING_BEHIND,
        "coordinator.machine",
        "            session.offered.discard(row.allocation)\n",
        "",
    ),
    Mutant(
        "a label that was wiped is not asked for",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.comparison",
        "        self._questions.please_label(session, list(verdicts.get(Verdict.LABEL, {})))\n",
        "",
    ),
    Mutant(
        "a boot that is over keeps its addresses",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.comparison",
        "            if boot_of(seen) in boots:\n"
        "                self._deletions.disowned(seen.allocation, seen.family, now_s)\n",
        "            pass\n",
    ),
    Mutant(
        "a node that is gone keeps its addresses",
        Promise.NOTHING_BEHIND,
        "coordinator.sweep.gone_nodes",
        "                self._deletions.node_gone(seen, node, now_s)\n",
        "                pass\n",
    ),
    Mutant(
        "a node lets go what another node has",
        Promise.ONLY_OURS,
        "coordinator.machine",
        "            if not is_of(session, row.allocation, self._policy.cluster_ids):\n"
        '                self._outbox.alarm("not_yours"',
        '            if False:\n                self._outbox.alarm("not_yours"',
    ),
    Mutant(
        "a node disowns what another node has",
        Promise.ONLY_OURS,
        "coordinator.sweep.questions",
        "session.questioned.pop(each) for each in allocations if each in session.questioned}\n",
        "session.questioned.pop(each, Family.IPV4) for each in allocations}\n",
    ),
)
