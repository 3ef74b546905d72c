"""A mistake that somebody could make in the product, as a replacement in its source.

A text that is not in its module exactly once is a mutant that has to follow a change of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Promise(StrEnum):
    """What the product promises (docs/safety.md); a mistake is listed under the promise that it breaks."""

    ONE_OBJECT = "an id is drawn once, and names one object"
    JOURNAL = "what a journal has let go or disowned it never uses again"
    TOLD = "an address is told when its journal holds it, and nobody else claims it"
    DELETED = "deleted is by id, what was let go or disowned, or is of a boot that is over"
    NOTHING_BEHIND = "nothing stays behind"
    SAME_ANSWER = "a repeated ADD has the same answer"
    ONLY_OURS = "a key acts on its own node's ids alone"
    FEW_CALLS = "few calls"
    DEL_NEVER_WAITS = "DEL never waits"
    ONE_WRITER = "by reference writes the leader alone, and nobody who knows better than to lead"
    CLEAR_FAILURE = "every failure is clear"


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in the source of `module`."""

    name: str
    promise: Promise
    module: str
    old: str
    new: str
