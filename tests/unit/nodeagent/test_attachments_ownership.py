"""Mine, disowned, adopted, lost: literal messages in, literal effects out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core_builders import (
    C1,
    C2,
    CLUSTER,
    LABEL,
    MAC,
    NOW_S,
    SEAL,
    WELCOME,
    Core,
    an_add,
    an_allocated,
    an_allocation,
    an_id,
    never_used,
)

from nodeagent.attachments.ownership import ADOPTED_LET_GO_MAX
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.attachment import Namespace, Network
from nodeagent.domain.effects import Effect, Note, ReadMac, Transmit
from nodeagent.domain.events import DelAsked, MacRead, SessionEnded, Ticked
from nodeagent.domain.wire import wire_label
from nodeagent.journal.contents import Changes
from protocol.wire import messages
from protocol.wire.messages import Answer, Lost, Orphans, Unknown, Whose
from protocol.wire.values import OrphanRow

OLD = "0b0b0b0b"
HELD = an_allocation(1)
OTHERS = (
    an_id(7, OLD),
    an_id(7, node="ffffffffffffffff"),
    an_id(7, machine="99999999"),
    an_id(7, boot="99999999"),
    an_id(7, driver="9999"),
    an_id(7, cluster="999999999999"),
)


def whose(*ids: str) -> Whose:
    return Whose(id="w-1", allocations=list(ids))


def answer(mine: list[str], disowned: list[str]) -> Transmit:
    return Transmit(Answer(id="w-1", mine=mine, disowned=disowned))


def notes(effects: list[Effect]) -> list[str]:
    return [each.event for each in effects if isinstance(each, Note)]


def test_what_is_in_the_journal_or_asked_for_is_mine_all_else_that_it_drew_is_disowned() -> None:
    rows = [an_allocation(number, state, id=an_id(number)) for number, state in enumerate(State, 1)]
    core = Core(*rows).asked()
    mine = [*(row.id for row in rows), an_id(100)]

    assert core.receive(whose(*mine, an_id(50))) == [answer(mine, [an_id(50)])]


@pytest.mark.parametrize("other", OTHERS)
def test_an_id_that_this_journal_did_not_draw_is_never_disowned(other: str) -> None:
    effects = Core().receive(whose(other))

    assert effects[-1] == answer([], [])
    assert notes(effects) == ["asked_about_ids_of_others"]


def test_what_it_drew_under_the_clusters_former_id_is_its_own_as_well() -> None:
    core = Core()
    former = an_id(50, cluster="ababababaaba")
    core.handle(replace(WELCOME, clusters=frozenset({CLUSTER, "ababababaaba"})))

    assert core.receive(whose(former)) == [answer([], [former])]


def test_an_ask_that_was_withdrawn_is_disowned() -> None:
    core = Core().asked()
    core.handle(DelAsked(9, C1))

    assert core.receive(whose(an_id(100)))[-1] == answer([], [an_id(100)])


@pytest.mark.parametrize("message", [an_allocated(50), Unknown(id="x", allocation=an_id(50), family=4)])
def test_an_id_that_is_neither_asked_for_nor_claimed_is_let_go_at_once(message: Any) -> None:
    core = Core(HELD)

    assert core.receive(message) == never_used(50, draw=100)
    assert not core.commit()


@pytest.mark.parametrize("state", list(State))
def test_a_repeated_answer_changes_nothing_of_what_is_in_the_journal(state: State) -> None:
    core = Core(an_allocation(1, state), reserve=1, allocations_max=1)

    assert core.receive(an_allocated(1)) == []
    assert not core.commit()


def test_an_answer_for_an_id_of_others_is_ignored() -> None:
    for other in OTHERS:
        assert notes(Core().receive(an_allocated(allocation=other))) == ["told_of_an_id_of_others"]


def lost(row: Allocation) -> Lost:
    return Lost(id="l-1", allocation=row.id, holder="printer")


@pytest.mark.parametrize("state", [State.HELD, State.ADOPTED])
def test_a_lost_address_is_no_claim_any_more_but_mine(state: State) -> None:
    core = Core(an_allocation(1, state))

    assert notes(core.receive(lost(HELD))) == ["address_lost"]

    assert core.rows.in_state(State.LOST) == [an_allocation(1, State.LOST, lost_to="printer", was_held=True)]
    assert core.rows.count_claims() == 0
    assert core.receive(whose(HELD.id)) == [answer([HELD.id], [])]


def test_a_ready_address_that_is_lost_is_let_go_at_once() -> None:
    core = Core(an_allocation(1, State.READY), reserve=1)

    core.receive(lost(HELD))

    assert core.rows.in_state(State.LET_GO)[0].was_held is False


def test_the_loss_of_what_is_not_claimed_is_ignored() -> None:
    for state in (State.LET_GO, State.LOST):
        core = Core(an_allocation(1, state))
        assert core.receive(lost(HELD)) == []
        assert not core.commit()
    assert Core().receive(lost(HELD)) == []


def an_orphan(number: int = 7, journal: str = OLD, **changes: Any) -> OrphanRow:
    fields: dict[str, Any] = {
        "allocation": an_id(number, journal),
        "view": "default",
        "subnet": "10.55.0.0/24",
        "network_name": "pods",
        "address": f"10.55.0.{number + 1}",
        "seal": SEAL,
        "label": wire_label(LABEL),
        **changes,
    }
    return OrphanRow(**fields)


def orphans(*rows: OrphanRow, last: bool = True) -> Orphans:
    return Orphans(id="o-1", rows=list(rows), last=last)


ADOPTED = an_allocation(
    7,
    State.ADOPTED,
    id=an_id(7, OLD),
    network=Network("pods", "default", "10.55.0.0/24"),
    gateway=None,
)


def test_what_another_journal_of_this_boot_has_left_is_adopted_with_its_label() -> None:
    core = Core()

    assert notes(core.receive(orphans(an_orphan(), last=False))) == ["orphan_adopted"]
    assert core.commit() == Changes(allocations={ADOPTED.id: ADOPTED})
    assert core.receive(orphans(an_orphan())) == []
    assert not core.commit()


def test_what_people_adopted_from_the_original_is_of_no_journal_and_adopted_as_well() -> None:
    core = Core()

    core.receive(orphans(an_orphan(journal="00000000")))

    assert [row.id for row in core.rows.in_state(State.ADOPTED)] == [an_id(7, "00000000")]


@pytest.mark.parametrize("other", [*OTHERS[1:], an_id(50)])
def test_what_another_node_boot_or_driver_has_left_is_not_adopted(other: str) -> None:
    core = Core()

    assert notes(core.receive(orphans(an_orphan(allocation=other)))) == ["orphan_of_others"]
    assert not core.commit()


def test_an_orphan_of_a_reserve_has_no_label_and_gets_one_when_it_turns_up_later() -> None:
    core = Core()
    core.receive(orphans(an_orphan(label=None)))
    (row,) = core.rows.in_state(State.ADOPTED)
    assert row.label is None

    core.receive(orphans(an_orphan()))

    assert core.rows.in_state(State.ADOPTED) == [ADOPTED]


@pytest.mark.parametrize("path", ["/" + "n" * 110, "/run/netns/a\nb", "/run/netns/\udcff"])
def test_a_namespace_whose_path_the_grid_cannot_have_as_it_is_is_not_told(path: str) -> None:
    core = Core()
    core.receive(orphans(an_orphan(label=wire_label(replace(LABEL, namespace=Namespace(path, 5))))))

    (row,) = core.rows.in_state(State.ADOPTED)
    assert row.label == replace(LABEL, namespace=None)


def test_an_add_never_gets_what_was_adopted_and_a_del_lets_both_go() -> None:
    core = Core()
    core.receive(orphans(an_orphan()))
    core.commit()

    assert ReadMac in map(type, core.handle(an_add()))
    core.handle(MacRead(1, MAC))
    core.receive(an_allocated())
    core.handle(DelAsked(9, C1))

    assert {row.id for row in core.rows.in_state(State.LET_GO)} == {ADOPTED.id, an_id(100)}


def test_an_orphan_whose_attachment_was_deleted_before_is_let_go_at_once() -> None:
    core = Core()
    core.handle(DelAsked(9, C1))
    core.commit()

    core.receive(orphans(an_orphan(), an_orphan(8, label=wire_label(replace(LABEL, attachment=C2)))), NOW_S + 5)

    (gone,) = core.rows.in_state(State.LET_GO)
    assert (gone.id, gone.was_held, gone.let_go_s) == (ADOPTED.id, True, NOW_S + 5)
    assert [row.id for row in core.rows.in_state(State.ADOPTED)] == [an_id(8, OLD)]


def test_an_adopted_id_that_was_let_go_is_let_go_again_when_it_turns_up_again() -> None:
    core = Core()
    core.receive(orphans(an_orphan()))
    core.rows.let_go(ADOPTED.id, NOW_S)
    core.commit()
    assert core.receive(orphans(an_orphan())) == [], "it is being let go already"
    core.rows.forget(ADOPTED.id)
    core.commit()

    (transmit,) = core.receive(orphans(an_orphan()))
    assert isinstance(transmit, Transmit)
    assert isinstance(transmit.message, messages.LetGo)
    assert [row.allocation for row in transmit.message.allocations] == [ADOPTED.id]
    assert core.rows.count_claims() == 0


def test_beyond_the_limit_of_the_node_nothing_is_adopted_but_what_was_deleted_goes() -> None:
    core = Core(an_allocation(1, label=replace(LABEL, attachment=C2)), allocations_max=1)

    assert notes(core.receive(orphans(an_orphan()))) == ["orphan_not_adopted"]
    core.handle(DelAsked(9, C1))
    core.receive(orphans(an_orphan()))
    assert [row.id for row in core.rows.in_state(State.LET_GO)] == [ADOPTED.id]


def test_so_many_adopted_ids_are_remembered_then_nothing_more_is_adopted() -> None:
    remembered = frozenset(an_id(number, OLD) for number in range(1000, 1000 + ADOPTED_LET_GO_MAX))
    core = Core(adopted_let_go=remembered)
    core.handle(DelAsked(9, C1))
    core.commit()

    assert notes(core.receive(orphans(an_orphan()))) == ["orphan_not_adopted"]
    assert not core.commit()


def test_what_could_not_be_written_is_taken_in_again_though_it_is_not_told_again() -> None:
    core = Core(HELD)
    core.receive(orphans(an_orphan()))
    core.receive(lost(HELD))
    core.drop()
    assert not core.rows.in_state(State.ADOPTED, State.LOST)

    core.handle(Ticked())

    assert [row.id for row in core.rows.in_state(State.ADOPTED, State.LOST)] == [an_id(7, OLD), HELD.id]
    core.commit()
    core.handle(Ticked())
    assert not core.commit()


def test_what_could_not_be_written_is_forgotten_with_its_session() -> None:
    core = Core()
    core.receive(orphans(an_orphan()))
    core.drop()
    core.handle(SessionEnded("cut"))
    core.handle(Ticked())
    assert not core.commit()


@pytest.mark.parametrize("state", [State.HELD, State.ADOPTED])
def test_an_address_that_this_journal_claims_already_is_told_to_nobody_and_asked_for_anew(state: State) -> None:
    core = Core(an_allocation(1, state, label=replace(LABEL, attachment=C2))).asked()

    effects = core.receive(an_allocated(100, address=HELD.address))

    assert notes(effects) == ["address_claimed_here"]
    let_go, again = [each.message for each in effects if isinstance(each, Transmit)]
    assert isinstance(let_go, messages.LetGo)
    assert let_go.allocations[0].allocation == an_id(100)
    assert isinstance(again, messages.Allocate)
    assert again.wants[0].allocation != an_id(100)
    assert not core.commit()


def test_an_address_whose_claim_was_let_go_may_be_told_again() -> None:
    core = Core(an_allocation(1, State.LET_GO)).asked()

    assert not notes(core.receive(an_allocated(100, address=HELD.address)))
    assert [row.address for row in core.rows.in_state(State.HELD)] == [HELD.address]
