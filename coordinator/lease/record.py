"""A Lease as the election sees it, what may be asked about one, and how that is answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """What a Lease says. `holder` is empty where nobody has it.

    `acquired` and `renewed` are times of day as the holder wrote them: people read them, nothing else does.
    """

    holder: str
    duration_s: float
    acquired: str
    renewed: str
    transitions: int


@dataclass(frozen=True)
class Read:
    """Read the Lease."""


@dataclass(frozen=True)
class Create:
    """Make the Lease, where there is none."""

    record: Record


@dataclass(frozen=True)
class Update:
    """Write the Lease, where it still has this version."""

    record: Record
    version: str


@dataclass(frozen=True)
class Found:
    """The Lease, as it was read, or as it is now that it was written."""

    record: Record
    version: str


@dataclass(frozen=True)
class Absent:
    """There is no Lease."""


@dataclass(frozen=True)
class Conflict:
    """Somebody else has written it meanwhile: nothing was done."""


@dataclass(frozen=True)
class Silence:
    """There is no answer that can be used, so that it may have been done or not."""

    reason: str
    code: int = 0
    """The HTTP status, where there was one."""


Step = Read | Create | Update
Answer = Found | Absent | Conflict | Silence
