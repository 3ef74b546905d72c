"""The rows of the journal: drafts, commits, drops, and what is looked up."""

from __future__ import annotations

from dataclasses import replace

from core_builders import (
    C1,
    C2,
    CLUSTER,
    IDENTITY,
    JOURNAL,
    LABEL,
    NAMESPACE,
    NOW_S,
    PODS,
    UNNAMED,
    an_allocation,
    an_id,
    some_rows,
)
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.domain.allocation import Attachment, State
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.journal.contents import Changes, Contents, draw_journal
from nodeagent.journal.rows import DELETES_REMEMBERED_MAX, Rows

READY = an_allocation(1, State.READY)
HELD = an_allocation(1)
OLD_JOURNAL = "0b0b0b0b"


def test_what_is_ready_is_found_by_its_network_the_longest_waiting_first() -> None:
    rows = some_rows(READY, an_allocation(2, State.READY), an_allocation(3, State.READY, network=Network("blue")))

    assert [row.id for row in rows.ready(PODS)] == [an_id(1), an_id(2)]
    assert rows.count_ready(PODS) == 2
    assert rows.ready(Network("green")) == []


def test_holding_names_the_allocation_and_its_attachment_in_one_draft() -> None:
    rows = some_rows(READY)

    rows.hold([READY], LABEL)

    held = replace(HELD, is_labelled=False)
    assert rows.changes() == Changes(
        allocations={HELD.id: held}, attachments={C1: Attachment(C1, (HELD.id,), NAMESPACE)}
    )
    assert rows.of(C1) == rows.unlabelled() == rows.naming(C1, State.HELD) == [held]
    assert rows.ready(PODS) == []


def test_a_dropped_draft_leaves_rows_and_indexes_as_they_were() -> None:
    rows = some_rows(READY, an_allocation(2, label=replace(LABEL, attachment=C2)))
    before = rows.contents()

    rows.hold([READY], LABEL)
    rows.let_go(an_id(2), NOW_S)
    rows.remember_delete(AttachmentId("c9", "eth0"))
    rows.name_cluster("ffffffffffff")
    rows.drop()

    assert rows.contents() == before
    assert not rows.changes()
    assert (rows.count(State.LET_GO), rows.count_ready(PODS), rows.unlabelled()) == (0, 1, [])


def test_a_committed_draft_is_no_change_any_more() -> None:
    rows = some_rows(READY)
    rows.hold([READY], LABEL)
    rows.commit()
    rows.drop()

    assert not rows.changes()
    assert rows.count(State.HELD) == 1


def test_letting_go_ends_the_attachment_and_keeps_the_allocation_until_it_is_forgotten() -> None:
    rows = some_rows(HELD)

    rows.let_go(HELD.id, NOW_S)

    assert rows.of(C1) == []
    assert rows.in_state(State.LET_GO) == [replace(HELD, state=State.LET_GO, let_go_s=NOW_S)]
    assert rows.changes().adopted_let_go == {}
    rows.forget(HELD.id)
    assert rows.changes() == Changes(allocations={HELD.id: None}, attachments={C1: None})


def test_letting_go_twice_keeps_the_first_time() -> None:
    rows = some_rows(HELD)
    rows.let_go(HELD.id, NOW_S)
    rows.let_go(HELD.id, NOW_S + 10)

    assert rows.allocations[HELD.id].let_go_s == NOW_S


def test_of_two_allocations_of_an_attachment_one_can_be_let_go() -> None:
    second = an_allocation(2)
    rows = some_rows()
    rows.hold([HELD, second], LABEL)

    rows.let_go(HELD.id, NOW_S)

    assert [row.id for row in rows.of(C1)] == [second.id]


def test_an_adopted_id_that_was_let_go_is_remembered() -> None:
    adopted = an_allocation(1, State.ADOPTED, id=an_id(1, OLD_JOURNAL))
    rows = some_rows()
    rows.adopt(adopted)
    assert rows.count_claims() == 1
    rows.let_go(adopted.id, NOW_S)
    rows.forget(adopted.id)

    assert adopted.id in rows.adopted_let_go
    assert an_id(1) not in rows.adopted_let_go


def test_ready_held_and_adopted_are_claims() -> None:
    rows = some_rows(*(an_allocation(number, state) for number, state in enumerate(State, 1)))

    assert rows.count_claims() == 3


def test_of_deletes_the_newest_are_remembered() -> None:
    rows = some_rows()
    for number in range(DELETES_REMEMBERED_MAX + 1):
        rows.remember_delete(AttachmentId(f"c{number}", "eth0"))

    assert len(rows.deletes) == DELETES_REMEMBERED_MAX
    assert AttachmentId("c0", "eth0") not in rows.deletes
    assert AttachmentId(f"c{DELETES_REMEMBERED_MAX}", "eth0") in rows.deletes


def test_a_del_that_is_repeated_is_as_new_as_any() -> None:
    rows = some_rows()
    again = AttachmentId("again", "eth0")
    for pod in "ab":
        rows.remember_delete(again)
        for number in range(1, DELETES_REMEMBERED_MAX):
            rows.remember_delete(AttachmentId(f"{pod}{number}", "eth0"))

    assert len(rows.deletes) == DELETES_REMEMBERED_MAX
    assert again in rows.deletes
    rows.remember_delete(again)
    rows.commit()
    rows.remember_delete(again)
    assert not rows.changes()


def test_a_journal_without_a_cluster_draws_no_ids() -> None:
    rows = some_rows(identity=UNNAMED)
    assert rows.owner is None

    rows.name_cluster(CLUSTER)

    assert rows.owner == IDENTITY.owner()
    assert rows.changes() == Changes(identity=IDENTITY)


def test_a_journal_begun_anew_holds_nothing() -> None:
    rows = some_rows(HELD, deletes={C2: 1}, adopted_let_go=frozenset({an_id(9, OLD_JOURNAL)}))

    rows.begin_anew("0c0c0c0c", "dddddddddddd")

    new = replace(IDENTITY, journal="0c0c0c0c", cluster="dddddddddddd")
    assert rows.contents() == Contents(new)
    rows.drop()
    assert rows.identity.journal == JOURNAL
    assert rows.count(State.HELD) == 1


def step(rows: Rows, number: int, verb: str) -> None:
    """One verb on one allocation, where it is possible."""
    row = rows.allocations.get(an_id(number))
    state = row.state if row else None
    label = replace(LABEL, attachment=AttachmentId(f"c{number}", "eth0"))
    possible = {
        ("ready", None): lambda: rows.make_ready(an_allocation(number, State.READY)),
        ("hold", State.READY): lambda: rows.hold(rows.ready(PODS)[:1], label),
        ("go", State.HELD): lambda: rows.let_go(an_id(number), NOW_S),
        ("go", State.LOST): lambda: rows.let_go(an_id(number), NOW_S),
        ("gone", State.LET_GO): lambda: rows.forget(an_id(number)),
        ("lose", State.HELD): lambda: rows.lose(an_id(number), "somebody"),
        ("label", State.HELD): lambda: rows.confirm_label(an_id(number)),
        ("commit", state): rows.commit,
        ("drop", state): rows.drop,
    }
    possible.get((verb, state), lambda: None)()


VERBS = ["ready", "hold", "go", "gone", "lose", "label", "commit", "drop"]


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(VERBS))))
def test_indexes_follow_any_drafts_commits_and_drops(steps: list[tuple[int, str]]) -> None:
    rows = some_rows()
    for number, verb in steps:
        step(rows, number, verb)

    again = Rows(rows.contents())
    for state in State:
        assert {row.id for row in rows.in_state(state)} == {row.id for row in again.in_state(state)}
    assert rows.count_ready(PODS) == rows.count(State.READY)
    assert {row.id for row in rows.unlabelled()} == {row.id for row in again.unlabelled()}
    for number in range(1, 5):
        attachment = AttachmentId(f"c{number}", "eth0")
        assert {row.id for row in rows.naming(attachment, *State)} == {
            row.id for row in again.naming(attachment, *State)
        }


def test_no_journal_is_called_like_those_that_people_adopt() -> None:
    drawn = iter(["000000001234", "0c0c0c0c1234"])

    assert draw_journal(lambda: next(drawn)) == "0c0c0c0c"
