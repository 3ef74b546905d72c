"""Reads page by page what the grid holds of this cluster, between other calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.grid.allocation_object import AllocationObject, Writer
from coordinator.grid.operations import Found, Object, Operation, ReadPage, Reply, Unreadable
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Failed, Priority, Task
from protocol.wire.allocation_id import AllocationId


@dataclass(frozen=True)
class Page:
    """One page; `next_page_id` names the one after it, None at the end."""

    hits: tuple[Object, ...]
    next_page_id: str | None


@dataclass(frozen=True)
class Listed:
    """The objects of a page that bear an id, and how many could not be read."""

    objects: tuple[AllocationObject, ...]
    unreadable: int


def read_objects(writer: Writer, hits: Sequence[Object]) -> Listed:
    """What a page of our objects tells."""
    objects = []
    for hit in hits:
        try:
            seen = writer.read(hit)
            AllocationId.parse(seen.allocation)
        except (Unreadable, ValueError):
            continue
        objects.append(seen)
    return Listed(tuple(objects), len(hits) - len(objects))


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
