"""What the comparison makes of one object of the grid, given who speaks for its owner."""

from __future__ import annotations

from enum import Enum, auto

from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.boots import Boot
from coordinator.nodes.sessions import Session
from protocol.wire.allocation_id import AllocationId, Owner


class Verdict(Enum):
    """What is done about an object."""

    FINE = auto()
    """Its owner claims it, or has asked for it, or lets it go."""
    LABEL = auto()
    """It is claimed and not ready, and bears no label: its owner is asked for one."""
    ASK = auto()
    """Its journal speaks and has not named it: that is asked whether it is its own."""
    OFFER = auto()
    """It is of another journal of a boot that speaks: that is told of it."""
    OTHER_BOOT = auto()
    """A boot or machine of its node speaks, and it is of another one: rule B decides."""
    NOT_CONNECTED = auto()
    """Nobody speaks who could say anything about it."""


def judge(seen: AllocationObject, node_sessions: list[Session]) -> Verdict:
    """The verdict on an object of our cluster. `node_sessions` are those of the node that its id names."""
    owner = AllocationId.parse(seen.allocation).owner
    of_boot = [each for each in node_sessions if _is_of_boot(each, owner)]
    if node_sessions and not of_boot:
        return Verdict.OTHER_BOOT
    session = next((each for each in of_boot if each.owner.driver == owner.driver), None)
    if session is None:
        return Verdict.NOT_CONNECTED
    claim = session.claims.get(seen.allocation)
    if claim:
        return Verdict.LABEL if not seen.is_labelled and not claim.is_ready else Verdict.FINE
    if session.names(seen.allocation):
        return Verdict.FINE
    return Verdict.ASK if owner.journal == session.owner.journal else Verdict.OFFER


def boot_of(seen: AllocationObject) -> Boot:
    """The boot that an object's id names."""
    return Boot.of(AllocationId.parse(seen.allocation).owner)


def _is_of_boot(session: Session, owner: Owner) -> bool:
    return (session.owner.machine, session.owner.boot) == (owner.machine, owner.boot)
