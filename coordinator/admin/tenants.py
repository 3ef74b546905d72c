"""Lists all objects of the grid that bear this cluster's name, whoever has made them."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.admin import bare_object
from coordinator.admin.bare_object import BareObject, Place
from coordinator.allocation.parts import Parts
from coordinator.core.errors import EaUndefined
from coordinator.grid.allocation_object import ORIGINAL_NAMES
from coordinator.grid.operations import Unreadable
from coordinator.lane.task import Failed
from coordinator.sweep.listing import ListTask, Page

Then = Callable[[list[BareObject] | Failed, float], None]


class TenantListing:
    """One listing for one command; `then` is called once, with all that can be read, and the time."""

    def __init__(self, parts: Parts, then: Then, now_s: float) -> None:
        self._parts = parts
        self._then = then
        self._found: dict[Place, BareObject] = {}
        self._own_list = parts.writer.list_tenant_page
        self._lists = [self._own_list]
        if parts.writer.names != ORIGINAL_NAMES:
            self._lists.append(parts.writer.list_original_page)
        self._task: ListTask | None = None
        self._read(None, now_s)

    def leave(self) -> None:
        """Nobody waits for it any more."""
        if self._task and self._parts.runner.withdraw(self._task):
            self._task = None
        self._then = _nobody

    def _read(self, page_id: str | None, now_s: float) -> None:
        task = ListTask(self._lists[0], page_id, self._parts.policy.user)
        self._task = self._parts.runner.submit(task, self._listed, now_s)

    def _listed(self, outcome: Page | Failed, now_s: float) -> None:
        self._task = None
        if isinstance(outcome, Failed):
            # Where the original's attributes are not even defined, it has never been.
            is_without = self._lists[0] != self._own_list and isinstance(outcome.problem, EaUndefined)
            self._then(list(self._found.values()) if is_without else outcome, now_s)
            return
        for hit in outcome.hits:
            try:
                read = bare_object.read(self._parts.writer, hit)
            except Unreadable:
                continue
            self._found[read.place] = read
        if outcome.next_page_id is None:
            self._lists.pop(0)
        if not self._lists:
            self._then(list(self._found.values()), now_s)
        elif self._then is not _nobody:
            self._read(outcome.next_page_id, now_s)


def _nobody(outcome: list[BareObject] | Failed, now_s: float) -> None:
    """For what nobody waits for."""
