"""Answers the request that waits on a record, and takes it off once the answer is made."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator import answers
from coordinator.allocations import Holding, Record
from coordinator.attachment_work import AllocateWork
from coordinator.commands import Command, Note, Reply
from coordinator.core.networks import Network
from coordinator.release_work import ReleaseWork
from protocol.errors import Problem
from protocol.messages import Allocate, Release


def decline(record: Record, problem: Problem) -> Iterator[Command]:
    """The request failed."""
    asked = record.asked
    if asked is None:
        return
    settled = record.work is None and record.unsettled_since_s is None and not record.is_unsure
    answer = answers.decline(asked.message, problem, settled=settled)
    record.asked = None
    yield Reply(record.identity.node, answer)
    yield Note("declined", {**answers.fields(asked.message), "code": problem.code, "reason": problem.msg})


def tell_held(record: Record, network: Network, holding: Holding) -> Iterator[Command]:
    """The attachment has its address already: no call was needed."""
    asked = record.asked
    if asked and isinstance(asked.message, Allocate):
        answer = answers.allocated(asked.message, network, holding.address, answers.NO_COST)
        record.asked = None
        yield Reply(record.identity.node, answer)


def tell_allocated(record: Record, work: AllocateWork, now_s: float) -> Iterator[Command]:
    """The work has found or made the address that the record holds now."""
    asked = record.asked
    if asked is None or record.holding is None or not isinstance(asked.message, Allocate):
        return
    address, node = record.holding.address, record.identity.node
    took_s = now_s - asked.received_at_s
    spent = answers.Cost(work.calls, max(0.0, took_s - work.grid_s), work.grid_s)
    answer = answers.allocated(asked.message, work.network, address, spent)
    record.asked = None
    yield Reply(node, answer)
    yield Note("allocated", answers.allocated_fields(asked.message, node, address, spent, took_s))


def tell_released(record: Record, work: ReleaseWork) -> Iterator[Command]:
    """The grid holds nothing of the attachment; a request that came meanwhile waits on."""
    asked = record.asked
    if asked and isinstance(asked.message, Release):
        answer = answers.released(asked.message)
        record.asked = None
        yield Reply(record.identity.node, answer)
        yield Note("released", {**answers.fields(asked.message), "wapi_calls": work.calls})
