"""Whose journal this is, and the pages that follow a welcome: what it claims, what it lets go."""

from __future__ import annotations

from nodeagent.domain import wire
from nodeagent.domain.allocation import CLAIMS, State
from nodeagent.journal.rows import Rows
from protocol.wire.allocation_id import hash_boot
from protocol.wire.messages import Claims, Hello
from protocol.wire.pages import pages_of
from protocol.wire.values import ClaimRow, LetGoRow


def hello(rows: Rows, release: str, greeting: str) -> Hello:
    """Whose journal this is; `greeting` is the id of the message."""
    identity = rows.identity
    return Hello(
        id=greeting,
        node=identity.node,
        machine=identity.machine,
        boot=hash_boot(identity.boot_id),
        driver=identity.driver,
        journal=identity.journal,
        release=release,
    )


def claims(rows: Rows, welcome: int, now_s: float) -> list[Claims]:
    """At least one page, for the welcome of this number."""
    told: list[ClaimRow | LetGoRow] = [wire.claim_row(row) for row in rows.in_state(*CLAIMS)]
    told += [wire.let_go_row(row, now_s) for row in rows.in_state(State.LET_GO)]
    pages = pages_of(told)
    return [
        Claims(
            id=f"claims-{welcome}-{number}",
            welcome=welcome,
            page=number,
            last=number == len(pages) - 1,
            claims=[row for row in page if isinstance(row, ClaimRow)],
            let_go=[row for row in page if isinstance(row, LetGoRow)],
        )
        for number, page in enumerate(pages)
    ]
