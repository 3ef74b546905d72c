"""Reads page by page what the grid holds of this cluster, between other calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Found, Object, Operation, ReadPage, Reply, Unreadable
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import Failed, Priority, Task
from protocol.wire.allocation_id import AllocationId


@dataclass(frozen=True)
class Page:
    """One page; `next_page_id` names the one after it, None at the end."""

    hits: tuple[Object, ...]
    next_page_id: str | None


class ListTask(Task[Page | Failed]):
    """Reads one page. `operation` makes the read of a page by its id."""

    priority = Priority.LIST
    apart = True
    patient = True

    def __init__(self, operation: Callable[[str | None], ReadPage], page_id: str | None, user: str) -> None:
        super().__init__()
        self._operation = operation
        self._page_id = page_id
        self._user = user

    def operations(self) -> tuple[Operation, ...]:
        return (self._operation(self._page_id),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Page | Failed | None:
        (reply,) = replies
        return Page(reply.hits, reply.next_page_id) if isinstance(reply, Found) else None

    def refused(self, refusal: Refusal, now_s: float) -> Page | Failed:
        return Failed(as_problem(refusal, "list the cluster's addresses", self._user))

    def doubtful(self, now_s: float) -> Page | Failed | None:
        return None

    def unknown(self, now_s: float) -> Page | Failed | None:
        return None


@dataclass(frozen=True)
class Shown:
    """A page as the grid has shown it, and how long that took."""

    page: Page
    grid_s: float


ThenShown = Callable[[Shown | Failed, float], None]


class Pass:
    """One reading of all that the grid holds of this cluster, under its id and those that it had before."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._to_list = [parts.policy.cluster_id, *parts.policy.former]
        """Cluster ids whose objects have still to be read."""
        self._page_id: str | None = None
        self.seen: set[str] = set()
        """The ids of all objects so far."""
        self.unreadable = 0
        """How many objects so far bear none that can be read."""

    @property
    def is_over(self) -> bool:
        """Whether there is no further page."""
        return not self._to_list

    def read(self, then: ThenShown, now_s: float) -> None:
        """Read the next page; `then` is called with it, or with why it was refused, and with the time."""
        operation = partial(self._parts.writer.list_page, self._to_list[0])
        task = ListTask(operation, self._page_id, self._parts.policy.user)

        def listed(outcome: Page | Failed, at_s: float) -> None:
            if isinstance(outcome, Failed):
                then(outcome, at_s)
                return
            self._page_id = outcome.next_page_id
            if self._page_id is None:
                self._to_list.pop(0)
            then(Shown(outcome, task.grid_s), at_s)

        self._parts.runner.submit(task, listed, now_s)

    def objects(self, shown: Shown) -> tuple[AllocationObject, ...]:
        """The objects of a page that bear an id."""
        hits = shown.page.hits
        objects = _with_ids(self._parts.writer, hits)
        self.unreadable += len(hits) - len(objects)
        self.seen.update(each.allocation for each in objects)
        return objects


def _with_ids(writer: Writer, hits: Sequence[Object]) -> tuple[AllocationObject, ...]:
    objects = []
    for hit in hits:
        try:
            found = writer.read(hit)
            AllocationId.parse(found.allocation)
        except (Unreadable, ValueError):
            continue
        objects.append(found)
    return tuple(objects)
