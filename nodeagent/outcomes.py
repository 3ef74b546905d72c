"""What a request of the plugin can end with."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.attachment import Address
from protocol.errors import Problem


@dataclass(frozen=True)
class Granted:
    """ADD: these are the attachment's addresses. `wapi_calls` is 0 where the journal had them."""

    addresses: tuple[Address, ...]
    wapi_calls: int = 0


@dataclass(frozen=True)
class Done:
    """CHECK, DEL, GC, STATUS: success, which says nothing."""


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
    """DEL: the release could not be made durable here, the plugin must keep it."""


Outcome = Granted | Done | Failure | NotDurable
