"""What a refusal of the grid is to the one whose request it ends."""

from __future__ import annotations

from typing import Final

from coordinator.core.errors import (
    EaNotWritable,
    EaUndefined,
    GridRefused,
    InternalFailure,
    LicenceMissing,
    NoPermission,
    ObjectsAmbiguous,
)
from coordinator.grid.refusals import Kind, Refusal
from protocol.errors import Problem

_BY_KIND: Final[dict[Kind, type[Problem]]] = {
    Kind.UNKNOWN_EA: EaUndefined,
    Kind.EA_NOT_WRITABLE: EaNotWritable,
    Kind.LICENCE: LicenceMissing,
    Kind.AMBIGUOUS: ObjectsAmbiguous,
    Kind.NO_PERMISSION: NoPermission,
    Kind.INTERNAL: InternalFailure,
}


def as_problem(refusal: Refusal, action: str, user: str) -> Problem:
    """The failure in words. `action` follows "refuses to" and the like; `user` is the WAPI user."""
    facts = {"cause": refusal.text, "user": user, "name": refusal.name, "action": action}
    return _BY_KIND.get(refusal.kind, GridRefused)(**facts)
