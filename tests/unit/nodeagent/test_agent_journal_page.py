"""What the agent shows of its journal: whose it is and all of its rows, but their seals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_builders import IDENTITY, NOW_S, Core, an_allocation

from nodeagent.cni import journal_page
from nodeagent.cni.frame import Frame
from nodeagent.cni.request import JournalRequest, parse
from nodeagent.domain.allocation import State
from nodeagent.domain.effects import Reply
from nodeagent.domain.events import JournalAsked
from nodeagent.domain.outcomes import Journal
from protocol.journal_view import ASK_JOURNAL, ASK_VARIABLE, JournalView
from protocol.wire.allocation_id import hash_boot


def journal_of(core: Core) -> Journal:
    (reply,) = [each for each in core.handle(JournalAsked(7)) if isinstance(each, Reply)]
    assert reply.caller == 7
    assert isinstance(reply.outcome, Journal)
    return reply.outcome


def test_a_frame_of_a_persons_command_is_read() -> None:
    assert parse(Frame({ASK_VARIABLE: ASK_JOURNAL}), None) == JournalRequest()


def test_all_rows_are_shown_with_whose_they_are_and_without_their_seals() -> None:
    held = an_allocation(1)
    gone = replace(an_allocation(2, State.LET_GO), let_go_s=NOW_S - 5)
    page = journal_page.page(journal_of(Core(held, gone)))
    view = JournalView.model_validate_json(page)
    assert (view.node, view.journal, view.boot) == (IDENTITY.node, IDENTITY.journal, hash_boot(IDENTITY.boot_id))
    rows = {row.allocation: row for row in view.allocations}
    assert rows.keys() == {held.id, gone.id}
    assert (rows[held.id].state, rows[held.id].address, rows[held.id].let_go_s_ago) == ("held", held.address, None)
    assert (rows[gone.id].state, rows[gone.id].let_go_s_ago) == ("let_go", 5.0)
    assert held.seal.encode() not in page


def test_what_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_page, "ROWS_BYTES_MAX", 1_500)
    shown = JournalView.model_validate_json(journal_page.page(journal_of(Core(*map(an_allocation, range(1, 20))))))
    assert 0 < len(shown.allocations) < 19
    assert shown.more == 19 - len(shown.allocations)
