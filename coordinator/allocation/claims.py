"""Which of the claims that a hello names count."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern

from coordinator.allocation.parts import Parts
from coordinator.nodes.sessions import Claim, Session, is_of
from protocol.wire.values import ClaimRow, State


def count_claim(parts: Parts, session: Session, row: ClaimRow) -> Iterator[str]:
    """A claim counts where the grid is known to hold it, or where its seal is right; others are ignored.

    Yields all ids that claim one address, of which the grid has one at most: a session may be long dead, and
    what the index knows may be old, so the grid is asked which.
    """
    known = parts.index.get(row.allocation)
    is_known = known is not None and (known.view, known.address) == (row.view, row.address)
    is_sealed = parts.sealer.is_right(row.seal, row.allocation, row.view, row.address)
    if not is_of(session, row.allocation, parts.policy.cluster_ids) or not (is_known or is_sealed):
        parts.outbox.alarm("claim_ignored", **parts.facts_of(session.node, row))
        return
    is_ready = row.state is State.READY
    # There are as many as there are pods, so they share their texts with the index, and with each other.
    same = known if known and is_known else row
    claim = Claim(
        same.allocation,
        intern(row.view),
        intern(row.subnet),
        same.address,
        intern(row.network_name),
        is_ready,
    )
    rivals = parts.sessions.claims_at(row.view, row.address).keys() - {row.allocation}
    if rivals:
        yield from (row.allocation, *sorted(rivals))
    parts.sessions.claim(session, claim)
