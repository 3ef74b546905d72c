"""Mistakes that somebody could make in the new core, each as a replacement in its source.

A text that is not in its module exactly once is a mutant that has to follow a change of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in the source of `module`."""

    name: str
    module: str
    old: str
    new: str


MUTANTS: Final = (
    Mutant(
        "an answer does not wait for its rows",
        "nodeagent.machine",
        "            Reply(each.caller, each.otherwise or failure) if isinstance(each, OnceCommitted) else each\n",
        "            Reply(each.caller, each.outcome) if isinstance(each, OnceCommitted) else each\n",
    ),
    Mutant(
        "an id that was let go is kept ready when it is allocated late",
        "nodeagent.attachments.asks",
        "        if self._asks.pop(allocation, None):\n            self.let_go(allocation)\n",
        "        ask = self._asks.get(allocation)\n        if ask:\n"
        "            self._asks[allocation] = Ask(ask.allocation, ask.request_id, ask.network)\n"
        "            self.let_go(allocation)\n",
    ),
    Mutant(
        "what another journal has drawn counts as drawn here",
        "nodeagent.attachments.node",
        "        return self.is_neighbour(allocation) and owner.journal == self.rows.identity.journal\n",
        "        return self.is_neighbour(allocation)\n",
    ),
    Mutant(
        "orphans are not adopted",
        "nodeagent.attachments.ownership",
        '            self._node.note("orphan_adopted", orphan.log_fields())\n            rows.adopt(orphan)\n',
        '            self._node.note("orphan_adopted", orphan.log_fields())\n',
    ),
    Mutant(
        "orphans are deleted without asking",
        "coordinator.sweep.comparison",
        "        offered = [each for each in verdicts.get(Verdict.OFFER, []) if each not in session.offered]\n",
        "        offered: list[str] = []\n        for each in verdicts.get(Verdict.OFFER, []):\n"
        "            self._deletions.disowned(each, now_s)\n",
    ),
    Mutant(
        "a deletion finds its object by what several have",
        "coordinator.grid.allocation_object",
        "        return DeleteFound(OBJECT_TYPE, self.by_id(allocation), FIELDS)\n",
        '        found = {f"*{self.names.allocation_id}~": f"^{allocation[:-13]}"}\n'
        "        return DeleteFound(OBJECT_TYPE, found, FIELDS)\n",
    ),
    Mutant(
        "any machine proves that a boot is over",
        "coordinator.nodes.boots",
        "        if by.machine == UNKNOWN_MACHINE or by.machine != boot.machine:\n            return None\n",
        "",
    ),
    Mutant(
        "an address is told whoever claims it",
        "coordinator.allocation.asks",
        "        if any(other != ask.allocation for other in",
        "        if any(False for other in",
    ),
    Mutant(
        "what a silent session claims is put back at every sweep",
        "coordinator.allocation.repairs",
        "        if not session.is_silent(now_s):\n            self._repair(allocation, now_s)\n",
        "        if True:\n            self._repair(allocation, now_s)\n",
    ),
    Mutant(
        "an ask in a call outlives its session",
        "coordinator.allocation.asks",
        "                if ask.task:\n                    self._parts.runner.withdraw(ask.task)\n"
        "                self._close(ask)\n",
        "                if ask.task is None or self._parts.runner.withdraw(ask.task):\n"
        "                    self._close(ask)\n",
    ),
    Mutant(
        "an address does not rest",
        "coordinator.allocation.deletions",
        "        delay_s = self._parts.policy.release_delay_s if row.was_held else 0.0\n",
        "        delay_s = 0.0\n",
    ),
    Mutant(
        "a delete is confirmed that is not in the journal",
        "nodeagent.machine",
        "            Reply(each.caller, each.otherwise or failure) if isinstance(each, OnceCommitted) else each\n",
        "            Reply(each.caller, each.outcome if each.otherwise else failure)\n"
        "            if isinstance(each, OnceCommitted)\n            else each\n",
    ),
    Mutant(
        "an ADD takes what is ready for another network",
        "nodeagent.attachments.add",
        "        ready = self._node.rows.next_ready(event.network)\n",
        "        ready = next(iter(self._node.rows.in_state(State.READY)), None)\n",
    ),
)
