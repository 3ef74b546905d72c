"""What a request of the plugin can end with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodeagent.domain.allocation import Allocation
from protocol.errors import Problem


@dataclass(frozen=True)
class Address:
    """One address of a result, with the prefix length of its subnet."""

    address: str
    gateway: str | None = None


@dataclass(frozen=True)
class Granted:
    """ADD: these are the attachment's addresses, from these allocations.

    `wapi_calls`: what they cost; 0 where the journal or the reserve had them.
    """

    addresses: tuple[Address, ...]
    allocations: tuple[str, ...] = ()
    wapi_calls: int = 0


@dataclass(frozen=True)
class Done:
    """CHECK, DEL, GC, STATUS: success, which says nothing. `let_go`: what the log says of what a DEL let go."""

    let_go: tuple[Mapping[str, object], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Failure:
    """A CNI error."""

    code: int
    msg: str
    details: str

    @classmethod
    def of(cls, problem: Problem) -> Failure:
        """The failure that `problem` describes."""
        return cls(problem.code, problem.msg, problem.details)


@dataclass(frozen=True)
class NotDurable:
    """DEL: the journal cannot be written, so the plugin must keep it."""


@dataclass(frozen=True)
class Journal:
    """What the journal holds, for people: whose it is, as ids name it, and its allocations at this time."""

    node: str
    driver: str
    machine: str
    boot: str
    journal: str
    cluster: str | None
    allocations: tuple[Allocation, ...]
    now_s: float


Outcome = Granted | Done | Failure | NotDurable | Journal
