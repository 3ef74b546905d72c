"""The state that the grid's operations share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from gridsim.database.faults import Faults
from gridsim.database.schema import VERSIONS
from gridsim.database.store import Store


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing by pages stands: the keys of all hits, the fields to show, the next position."""

    kind: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    size: int
    position: int

    def advanced(self, position: int) -> Cursor:
        """Return the cursor at another position of the same listing."""
        return dataclasses.replace(self, position=position)


@dataclass(slots=True)
class State:
    """The database, the switches, the open listings.

    `has_cna` says whether the grid has a cloud licence. `unseen` holds (view, address) of next-available answers
    given earlier in the `request` under way, for the reading in which later operations do not see them. `draws`
    counts addresses that were drawn instead of counted up.
    """

    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    has_cna: bool = False
    unseen: set[tuple[int, int]] | None = None
    cursors: dict[str, Cursor] = field(default_factory=dict)
    pages_made: int = 0
    draws: int = 0
    versions: tuple[str, ...] = VERSIONS

    @property
    def is_cloud_user(self) -> bool:
        """Tell whether calls come from a cloud API user."""
        return self.faults.user_kind == "cloud"

    @property
    def is_superuser(self) -> bool:
        """Tell whether calls come from a superuser."""
        return self.faults.user_kind == "superuser"
