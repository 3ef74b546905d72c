"""Deletes by id what was let go or disowned, each when its time has come, and confirms it to who let it go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.core.changes import ChangeKind
from coordinator.core.deadlines import Deadlines
from coordinator.grid.allocation_object import AllocationObject
from coordinator.lane.task import Failed
from coordinator.nodes.sessions import Session
from coordinator.tasks.delete_task import RETRY_S, DeleteTask, Gone
from protocol.family import Family
from protocol.wire import messages
from protocol.wire.allocation_id import ADOPTED_JOURNAL, AllocationId
from protocol.wire.values import PAGE_ROWS_MAX, LetGoRow

WAITING_OF_NODE_MAX: Final = 8_192
"""So many deletions of one node may wait; what a node lets go beyond that it has to say again."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """The name of the node that lets it go, and the family of its address."""

    node: str
    family: Family


class Deletions:
    """Every id that is on its way out of the grid. It stays one whatever becomes of the session that let it go."""

    def __init__(self, parts: Parts, gone: Callable[[str, AllocationObject | None, float], None]) -> None:
        self._parts = parts
        self._tell_gone = gone
        """Told an id of which the grid holds nothing more, what it held if that was known, and the time."""
        self._tasks: dict[str, DeleteTask] = {}
        self._doubted: dict[str, _Doubt] = {}
        """What an adopter lets go while the journal that drew it may be heard.

        Two agents may serve one node, in two containers of one kernel: each takes the other's for its own that was
        lost, and does not see the other's network namespaces.
        """
        self._guarded: dict[str, str] = {}
        """What the name of a node has left that is gone, and nobody has let go: withdrawn if the node is back."""
        self._looks: Deadlines[str] = Deadlines()
        self._requests: dict[str, str] = {}
        """The request of the plugin that led to it, for the log; nothing where none did."""
        self._of_node: dict[str, int] = {}
        self._confirmed: dict[bytes, list[str]] = {}

    def __len__(self) -> int:
        return len(self._tasks) + len(self._doubted)

    def __iter__(self) -> Iterator[str]:
        return iter((*self._tasks, *self._doubted))

    def __contains__(self, allocation: str) -> bool:
        return allocation in self._tasks or allocation in self._doubted

    def is_doubted(self, allocation: str) -> bool:
        """Whether an adopter has let it go, and its own journal may still say whose it is."""
        return allocation in self._doubted

    def let_go(self, session: Session, row: LetGoRow, now_s: float) -> None:
        """The session's journal lets an allocation go: it is deleted when its address has rested."""
        if self._of_node.get(session.owner.node, 0) >= WAITING_OF_NODE_MAX and row.allocation not in self:
            return
        session.let_go.add(row.allocation)
        if row.request:
            self._requests[row.allocation] = row.request
        self._guarded.pop(row.allocation, None)
        self._record_let_go(row, now_s)
        delay_s = self._parts.policy.release_delay_s if row.was_held else 0.0
        due_s = now_s + max(0.0, delay_s - row.age_ms / 1000)
        owner = AllocationId.parse(row.allocation).owner
        if owner.journal in (session.owner.journal, ADOPTED_JOURNAL):
            self._delete(row.allocation, row.family, due_s, now_s)
        elif row.allocation not in self:
            self._count(row.allocation)
            self._doubted[row.allocation] = _Doubt(session.node, row.family)
            self._looks.add(max(due_s, self._parts.sessions.unheard_at_s(session.node, owner)), row.allocation)

    def _record_let_go(self, row: LetGoRow, now_s: float) -> None:
        """Each hello names it again until it is gone, so it is new only where no deletion is under way."""
        known = self._parts.index.get(row.allocation)
        if known and row.allocation not in self:
            self._parts.outbox.record(known.change(ChangeKind.LET_GO, now_s - row.age_ms / 1000))

    def expire(self, now_s: float) -> None:
        """Delete what an adopter has let go when the journal that drew it was not heard for a minute."""
        for allocation in self._looks.take_due(now_s):
            doubt = self._doubted.get(allocation)
            if doubt is None:
                continue
            unheard_s = self._parts.sessions.unheard_at_s(doubt.node, AllocationId.parse(allocation).owner)
            if unheard_s > now_s:
                self._looks.add(unheard_s, allocation)
            else:
                self._delete(allocation, doubt.family, now_s, now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._looks.next_s()

    def confirm(self, session: Session, allocation: str) -> None:
        """The grid surely holds nothing under this id."""
        session.let_go.discard(allocation)
        self._confirmed.setdefault(session.connection, []).append(allocation)

    def disowned(self, allocation: str, family: Family, now_s: float) -> None:
        """The owner says that this is not its own, or its boot is over: it is deleted at once."""
        self._guarded.pop(allocation, None)
        self._delete(allocation, family, now_s, now_s)

    def node_gone(self, seen: AllocationObject, node: str, now_s: float) -> None:
        """The node that this is of is gone, by its name: it is deleted at once, if that is still so then."""
        if seen.allocation not in self:
            self._guarded[seen.allocation] = node
            self._delete(seen.allocation, seen.family, now_s, now_s)

    def reconsider(self, is_gone: Callable[[str], bool]) -> None:
        """Withdraw what is not in a call yet and is of a node that is not gone after all."""
        for node in set(self._guarded.values()):
            if is_gone(node):
                continue
            for allocation in [each for each, its in self._guarded.items() if its == node]:
                if self._parts.runner.withdraw(self._tasks[allocation]):
                    self._forget(allocation)

    def expedite(self, view: str, subnet: str, count: int, now_s: float) -> int:
        """A network needs so many addresses: those that rest longest are deleted now. Returns how many are."""
        resting = [
            task
            for task in self._tasks.values()
            if (known := self._parts.index.get(task.allocation)) and (known.view, known.subnet) == (view, subnet)
        ]
        chosen = sorted(resting, key=lambda task: task.ready_at_s)[:count]
        for task in chosen:
            task.expedite(now_s)
            self._parts.runner.moved(task, now_s)
        return len(chosen)

    def count_resting(self, view: str, subnet: str) -> int:
        """How many addresses of a network are on their way out."""
        index = self._parts.index
        known = (index.get(allocation) for allocation in (*self._tasks, *self._doubted))
        return sum(1 for each in known if each and (each.view, each.subnet) == (view, subnet))

    def flush(self) -> None:
        """Send what was confirmed since the last time, many in one message."""
        outbox = self._parts.outbox
        for connection, allocations in self._confirmed.items():
            for page in _pages(allocations):
                outbox.send(connection, messages.Gone(id=outbox.draw(), allocations=page))
        self._confirmed = {}

    def _delete(self, allocation: str, family: Family, due_s: float, now_s: float) -> None:
        task = self._tasks.get(allocation)
        if task:
            if task.hasten(due_s):
                self._parts.runner.moved(task, now_s)
            return
        if self._doubted.pop(allocation, None) is None:
            self._count(allocation)
        self._submit(allocation, family, due_s, now_s)

    def _submit(self, allocation: str, family: Family, due_s: float, now_s: float) -> None:
        parts, known = self._parts, self._parts.index.get(allocation)
        # What is known of the object counts more than what its node says.
        of = known.family if known else family
        task = DeleteTask(parts.writer.of(of), parts.policy.user, allocation, parts.references, due_s)
        # To delete what is not there is refused, with all that shares the call; so the unknown is searched first.
        task.is_looking = known is None
        self._tasks[allocation] = task
        parts.runner.submit(task, lambda outcome, at_s: self._ended(allocation, of, outcome, at_s), now_s)

    def _count(self, allocation: str) -> None:
        node = _node_of(allocation)
        self._of_node[node] = self._of_node.get(node, 0) + 1

    def _forget(self, allocation: str) -> None:
        del self._tasks[allocation]
        self._guarded.pop(allocation, None)
        self._requests.pop(allocation, None)
        node = _node_of(allocation)
        self._of_node[node] -= 1
        if not self._of_node[node]:
            del self._of_node[node]

    def _ended(self, allocation: str, family: Family, outcome: Gone | Failed, now_s: float) -> None:
        if isinstance(outcome, Gone):
            self._gone(allocation, now_s)
        else:
            # What our own code has failed at may not have been carried out.
            self._submit(allocation, family, now_s + RETRY_S, now_s)

    def _gone(self, allocation: str, now_s: float) -> None:
        left_by = self._guarded.get(allocation)
        request = self._requests.get(allocation, "")
        self._forget(allocation)
        known = self._parts.index.get(allocation)
        self._parts.index.drop(allocation)
        if known:
            self._parts.networks.freed(known.view, known.subnet, known.address)
            self._parts.outbox.note("gone", **known.log_facts(request))
            why = f"node {left_by} is gone" if left_by else ""
            self._parts.outbox.record(known.change(ChangeKind.GONE, now_s, why))
        session = self._parts.sessions.of_owner(AllocationId.parse(allocation).owner)
        if session and allocation in session.let_go:
            self.confirm(session, allocation)
        self._tell_gone(allocation, known, now_s)


def _node_of(allocation: str) -> str:
    return allocation.split("-")[1]


def _pages(allocations: list[str]) -> Iterable[list[str]]:
    for at in range(0, len(allocations), PAGE_ROWS_MAX):
        yield allocations[at : at + PAGE_ROWS_MAX]
