"""How one attachment gives back to the grid what it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final

from coordinator import objects
from coordinator.attachment_work import COMMIT_LATE_S, AttachmentWork, Place, later
from coordinator.grid.operations import Found, Operation, Reply, Unreadable
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Priority
from coordinator.objects import read_fixed_address
from coordinator.ownership import Identity, Owner

RELEASE_RETRY_S: Final = 60.0
"""How long a release rests after its deletion has failed twice."""


@dataclass(frozen=True)
class Gone:
    """The grid holds nothing of the attachment that should not be there."""


class _Step(Enum):
    LOOK_UP = auto()
    DELETE = auto()


class ReleaseWork(AttachmentWork):
    """Removes what the grid holds of one attachment, all of it or all but `keep`. Ends `Gone`.

    It is never given up: a release that the grid refuses is tried again every minute. Nothing makes it delete
    before `not_before_s`: a write by reference that comes late would hit whoever had got the address meanwhile.
    `others_until_s`: until then a write by reference from before may come, where the grid takes no others.
    """

    priority = Priority.RELEASE
    patient = True

    def __init__(
        self,
        owner: Owner,
        identity: Identity,
        user: str,
        due_s: float,
        keep: Place | None = None,
        others_until_s: float = 0.0,
    ) -> None:
        super().__init__(owner, identity, user)
        self.due_s = due_s
        self.not_before_s = 0.0
        self._others_until_s = others_until_s
        self.keep = keep
        self._step = _Step.LOOK_UP
        self._failures = 0
        self._targets: list[Place | None] = []
        self._looked_at_s = -inf

    def known(self, place: Place, unsettled_since_s: float | None) -> ReleaseWork:
        """The grid is believed to hold exactly this object: it is deleted without a look when it is due."""
        self.unsettled_since_s = unsettled_since_s
        self._delete([place], now_s=0.0)
        return self

    def search_first(self, unsettled_since_s: float | None) -> ReleaseWork:
        """Nobody knows whether the grid holds anything, or how much."""
        self.unsettled_since_s = unsettled_since_s
        self.is_unsure = True
        return self

    def watch_since(self, unsettled_since_s: float | None) -> None:
        """Look for what a create that was sent at this time, if there was one, may still bring."""
        self.unsettled_since_s = later(self.unsettled_since_s, unsettled_since_s)

    def expedite(self) -> None:
        """The address is needed: do not wait for the rest of the delay."""
        self.due_s = 0.0
        if self.is_delayed:
            self.ready_at_s = self.not_before_s
            self.priority = Priority.PREPARE

    def endanger(self, until_s: float) -> None:
        super().endanger(until_s)
        self._hold_back(until_s)

    def goes_separately(self) -> None:
        self._hold_back(self._others_until_s)

    @property
    def is_delayed(self) -> bool:
        """Whether it has found what to delete, so that it waits for nothing but its time."""
        return self._step is _Step.DELETE and self._failures == 0

    def operations(self) -> tuple[Operation, ...]:
        if self._step is _Step.LOOK_UP:
            return (objects.find_address(self.owner, self.identity),)
        view, address = self._targets[0] or (None, None)
        return (objects.delete_address(self.owner, self.identity, view, address),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if isinstance(reply, Found):
            return self._looked_up(reply, now_s)
        self.is_unsure = True
        self._failures = 0
        del self._targets[0]
        if self._targets:
            return None
        return self._all_deleted(now_s)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        return self._failed(now_s)

    def doubtful(self, now_s: float) -> object | None:
        self.is_unsure = True
        self._step = _Step.LOOK_UP
        return None

    def unknown(self, now_s: float) -> object | None:
        if self._step is not _Step.DELETE:
            return None
        self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        if self.is_sent_separately:
            self.not_before_s = self.endangered_until_s
        return self._failed(now_s)

    def _hold_back(self, until_s: float) -> None:
        self.not_before_s = max(self.not_before_s, until_s)
        if self._step is _Step.DELETE:
            self.ready_at_s = max(self.ready_at_s, self.not_before_s)

    def _failed(self, now_s: float) -> object | None:
        # A deletion that finds nothing fails as well: only after a second failure there is something to wait for.
        if self._step is _Step.LOOK_UP or self._failures:
            self.ready_at_s = now_s + RELEASE_RETRY_S
        self._failures += 1
        self.is_unsure = True
        self._step = _Step.LOOK_UP
        return None

    def _looked_up(self, found: Found, now_s: float) -> object | None:
        try:
            fixed = [read_fixed_address(hit) for hit in found.hits]
        except Unreadable:
            return self._failed(now_s)
        self._looked_at_s = self.sent_at_s
        places = [place for each in fixed if (place := (each.view, each.address)) != self.keep]
        if not places:
            return self._all_deleted(now_s)
        if now_s < self.not_before_s:
            self.ready_at_s = self.not_before_s
            return None
        # One object needs no address to be told from others, unless there is one that must stay.
        is_single = len(places) == 1 and self.keep is None
        self._delete([None] if is_single else list(places), now_s)
        return None

    def _delete(self, targets: list[Place | None], now_s: float) -> None:
        self._step = _Step.DELETE
        self._targets = targets
        self.ready_at_s = max(self.due_s, now_s, self.not_before_s)

    def _all_deleted(self, now_s: float) -> object | None:
        # A create of unknown outcome may have come unseen: with its MAC too, once the first object was deleted.
        if self.unsettled_since_s is None or self._looked_at_s >= self.settled_at_s:
            return Gone()
        self._step = _Step.LOOK_UP
        self.ready_at_s = max(self.settled_at_s, now_s)
        return None
