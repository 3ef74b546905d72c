"""The messages that answer a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coordinator.core.errors import Overtaken, Withdrawn, kind_of
from coordinator.core.networks import Network
from protocol.errors import Problem
from protocol.messages import Address, Allocate, Allocated, Declined, Release, Released
from protocol.operator import SENTENCE_LENGTH_MAX, TurnedDown

MSG_LENGTH_MAX: Final = 1000
DETAILS_LENGTH_MAX: Final = 4000


@dataclass(frozen=True)
class Cost:
    """What an answer took: WAPI calls, seconds in the lane, seconds at the grid."""

    wapi_calls: int
    lane_s: float
    grid_s: float


NO_COST: Final = Cost(0, 0.0, 0.0)


def allocated(message: Allocate, network: Network, address: str, cost: Cost) -> Allocated:
    """The attachment has its address."""
    return Allocated(
        id=message.id,
        attachment=message.attachment,
        seq=message.seq,
        view=network.view,
        subnet=network.subnet,
        addresses=[Address(address=f"{address}/{network.prefix_length}", gateway=network.gateway)],
        wapi_calls=cost.wapi_calls,
        lane_ms=round(cost.lane_s * 1000, 3),
        grid_ms=round(cost.grid_s * 1000, 3),
    )


def released(message: Release) -> Released:
    """The grid holds nothing of the attachment."""
    return Released(id=message.id, attachment=message.attachment, seq=message.seq)


def decline(message: Allocate | Release, problem: Problem, *, settled: bool = False) -> Declined:
    """The request failed. `settled` where the grid has decided about all that was sent for the attachment."""
    return declined(message.id, problem, settled=settled)


def declined(message_id: str, problem: Problem, *, settled: bool = False) -> Declined:
    """The message of that id cannot be served."""
    return Declined(
        id=message_id,
        kind=kind_of(problem),
        code=problem.code,
        msg=problem.msg[:MSG_LENGTH_MAX],
        details=problem.details[:DETAILS_LENGTH_MAX],
        settled=settled,
    )


def turned_down(request_id: str, problem: Problem) -> TurnedDown:
    """A person's request cannot be served. What the grid says of it may be of any length."""
    msg, details = problem.msg[:SENTENCE_LENGTH_MAX], problem.details[:SENTENCE_LENGTH_MAX]
    return TurnedDown(id=request_id, msg=msg, details=details)


def overtaken(old: Allocate | Release, new: Allocate | Release) -> Declined:
    """A newer request of the same attachment took the old one's place."""
    if isinstance(old, Allocate) and isinstance(new, Release):
        return decline(old, Withdrawn())
    return decline(old, Overtaken(seq=old.seq, newer=new.seq))


def allocated_fields(message: Allocate, node: str, address: str, cost: Cost, took_s: float) -> dict[str, Any]:
    """What the log says of an allocation."""
    return {
        **fields(message),
        "node": node,
        "address": address,
        "wapi_calls": cost.wapi_calls,
        "grid_ms": round(cost.grid_s * 1000, 1),
        "took_ms": round(took_s * 1000, 1),
    }


def fields(message: Allocate | Release) -> dict[str, Any]:
    """What names the request in a log line."""
    attachment = message.attachment
    return {"container": attachment.container_id, "ifname": attachment.ifname, "request": message.id}
