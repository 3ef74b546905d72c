"""Mistakes in how the coordinator makes, labels, repairs and deletes objects."""

from __future__ import annotations

from typing import Final

from tests.sim.mutants.mutant import Mutant, Promise

IN_ALLOCATION: Final = (
    Mutant(
        "a create of unknown outcome is sent again without a look",
        Promise.ONE_OBJECT,
        "coordinator.tasks.create_task",
        "        self._is_unsettled = True\n",
        "        return None\n",
    ),
    Mutant(
        "an ask in a call outlives its session",
        Promise.ONE_OBJECT,
        "coordinator.allocation.asks",
        "                self._withdraw(ask)\n                self._close(ask)\n",
        "                if self._withdraw(ask):\n                    self._close(ask)\n",
    ),
    Mutant(
        "an address is told whoever claims it",
        Promise.TOLD,
        "coordinator.allocation.asks",
        "        if any(other != ask.allocation for other in",
        "        if any(False for other in",
    ),
    Mutant(
        "claims that the grid forgot are not searched before the next create",
        Promise.TOLD,
        "coordinator.allocation.repairs",
        "        if place in self._unsearched:\n"
        "            self._waiting.setdefault(place, {})[allocation] = then\n"
        "        else:\n"
        "            then(now_s)\n",
        "        then(now_s)\n",
    ),
    Mutant(
        "a deletion finds its object by what several have",
        Promise.DELETED,
        "coordinator.grid.writer",
        "        return DeleteFound(self.kind.fixed, self.by_id(allocation), self.kind.fields)\n",
        '        found = {f"*{self.names.allocation_id}~": f"^{allocation[:-13]}"}\n'
        "        return DeleteFound(self.kind.fixed, found, self.kind.fields)\n",
    ),
    Mutant(
        "an address does not rest",
        Promise.DELETED,
        "coordinator.allocation.deletions",
        "        delay_s = self._parts.policy.release_delay_s if row.was_held else 0.0\n",
        "        delay_s = 0.0\n",
    ),
    Mutant(
        "a silent session's claims are put back at every sweep",
        Promise.NOTHING_BEHIND,
        "coordinator.allocation.repairs",
        "        if found and not found[0].is_silent(now_s):\n",
        "        if found:\n",
    ),
    Mutant(
        "an occupant that was adopted is waited for",
        Promise.NOTHING_BEHIND,
        "coordinator.allocation.repairs",
        "                if is_there and self._is_undecided(occupant, now_s):\n",
        "                if is_there:\n",
    ),
    Mutant(
        "a deletion without an outcome counts as done",
        Promise.NOTHING_BEHIND,
        "coordinator.tasks.delete_task",
        "    def doubtful(self, now_s: float) -> Gone | None:\n"
        "        self.is_looking = True\n"
        "        return None\n",
        "    def doubtful(self, now_s: float) -> Gone | None:\n        return Gone()\n",
    ),
    Mutant(
        "a node labels what another node has",
        Promise.ONLY_OURS,
        "coordinator.allocation.labels",
        "        if allocation not in session.claims or allocation in self._tasks:\n"
        "            return\n        self._parts.sessions.hold(session, allocation)\n",
        "        if allocation in self._tasks:\n"
        "            return\n        if allocation in session.claims:\n"
        "            self._parts.sessions.hold(session, allocation)\n",
    ),
    Mutant(
        "the listing reads every cluster's objects",
        Promise.ONLY_OURS,
        "coordinator.grid.writer",
        '{f"*{self.names.allocation_id}~": f"^{cluster_id}-"}',
        '{f"*{self.names.allocation_id}~": "^[0-9a-f]"}',
    ),
    Mutant(
        "the reserve takes any share of a network",
        Promise.FEW_CALLS,
        "coordinator.allocation.reserve",
        "    if use.ready >= max(1, int(RESERVE_SHARE_MAX * use.usable)):\n        return False\n",
        "",
    ),
    Mutant(
        "two tasks of one id share a call",
        Promise.FEW_CALLS,
        "coordinator.lane.batch",
        "            if task.subject in self._subjects:\n                continue\n",
        "",
    ),
    Mutant(
        "deletions go before ADDs",
        Promise.FEW_CALLS,
        "coordinator.lane.task",
        "    LABEL = 4\n    RELEASE = 5\n    REFILL = 6\n",
        "    LABEL = 4\n    RELEASE = 1\n    REFILL = 6\n",
    ),
    Mutant(
        "a full network is a wrong configuration",
        Promise.CLEAR_FAILURE,
        "coordinator.core.errors",
        "class NetworkExhausted(TryAgain):\n",
        "class NetworkExhausted(errors.Refused):\n    code = INVALID_NETWORK_CONFIG\n",
    ),
    Mutant(
        "what a call by reference without outcome names is written again at once",
        Promise.DELETED,
        "coordinator.tasks.references",
        "        self._doubtful_until_s[allocation] = now_s + SETTLED_S\n",
        "        self._doubtful_until_s[allocation] = now_s\n",
    ),
    Mutant(
        "a coordinator that has just taken over writes by reference",
        Promise.DELETED,
        "coordinator.tasks.references",
        "        self._settled_at_s = now_s + SETTLED_S if self._are_allowed else inf\n",
        "        self._settled_at_s = now_s if self._are_allowed else inf\n",
    ),
    Mutant(
        "what an adopter lets go is deleted though its journal is heard",
        Promise.DELETED,
        "coordinator.allocation.deletions",
        "        if owner.journal in (session.owner.journal, ADOPTED_JOURNAL):\n",
        "        if True:\n",
    ),
)
