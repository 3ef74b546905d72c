"""Labels, and what is let go, until they are confirmed: literal events in, literal effects out."""

from __future__ import annotations

from dataclasses import replace

from core_builders import C2, LABEL, NOW_S, WELCOME, an_allocation, an_id, some_rows

from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.attachment import Namespace, Pod
from nodeagent.domain.effects import Effect, Note, Transmit
from nodeagent.domain.events import Event, Received, SessionEnded, Ticked
from nodeagent.domain.wire import wire_label
from nodeagent.link.confirmations import RESEND_S, Confirmations
from protocol.wire.messages import Gone, Labelled, LetGo, PleaseLabel, SetLabels, ToAgent
from protocol.wire.values import LabelRow, LetGoRow

HELD = an_allocation(1)
UNLABELLED = replace(HELD, is_labelled=False)
LET_GO = an_allocation(2, State.LET_GO, let_go_s=NOW_S - 1)


class World:
    """Confirmations over rows; every turn is committed."""

    def __init__(self, *rows: Allocation) -> None:
        self.rows = some_rows(*rows)
        self.confirmations = Confirmations(self.rows)
        self.notes: list[Effect] = []

    def end_turn(self, now_s: float = NOW_S, incomplete: frozenset[str] = frozenset()) -> list[Effect]:
        changes = self.rows.changes()
        self.rows.commit()
        self.confirmations.committed(changes)
        return self.confirmations.flush(incomplete, now_s)

    def handle(self, event: Event, now_s: float = NOW_S) -> list[Effect]:
        self.notes = self.confirmations.handle(event, now_s)
        return self.end_turn(now_s)

    def receive(self, message: ToAgent, now_s: float = NOW_S) -> list[Effect]:
        return self.handle(Received(message), now_s)

    def open(self) -> list[Effect]:
        self.confirmations.handle(WELCOME, NOW_S)
        self.confirmations.claims_said(NOW_S)
        return self.end_turn()


def label(number: int, *rows: Allocation) -> Transmit:
    labels = [LabelRow(allocation=row.id, label=wire_label(row.label)) for row in rows if row.label]
    return Transmit(SetLabels(id=f"label-{number}", labels=labels))


def go(number: int, *rows: tuple[int, int, bool]) -> Transmit:
    told = [
        LetGoRow(allocation=an_id(each), family=4, age_ms=age_ms, was_held=held) for each, age_ms, held in rows
    ]
    return Transmit(LetGo(id=f"go-{number}", allocations=told))


def test_a_new_session_hears_of_all_labels_while_its_claims_have_named_what_is_let_go() -> None:
    world = World(UNLABELLED, LET_GO)

    assert world.open() == [label(1, UNLABELLED)]


def test_what_is_let_go_is_told_when_it_is_in_the_journal_with_its_age() -> None:
    world = World(HELD, an_allocation(3, State.READY))
    world.open()
    world.rows.let_go(HELD.id, NOW_S - 0.5)
    world.rows.let_go(an_id(3), NOW_S)

    assert world.end_turn() == [go(1, (1, 500, True), (3, 0, False))]
    assert world.end_turn() == []


def test_without_a_session_nothing_is_told_and_the_next_one_begins_with_what_was_let_go() -> None:
    world = World(HELD)
    world.open()
    world.handle(SessionEnded("gone"))
    world.rows.let_go(HELD.id, NOW_S)
    assert world.end_turn() == []

    assert world.open() == []
    assert world.handle(Ticked(), NOW_S + RESEND_S) == [go(1, (1, 60_000, True))]


def test_what_is_not_confirmed_for_a_minute_is_sent_again() -> None:
    world = World(UNLABELLED, LET_GO)
    world.open()

    assert world.handle(Ticked(), NOW_S + RESEND_S - 1) == []
    assert world.handle(Ticked(), NOW_S + RESEND_S) == [go(2, (2, 61_000, True)), label(3, UNLABELLED)]
    assert world.handle(Ticked(), NOW_S + RESEND_S + 1) == []


def test_a_label_is_sent_until_it_is_confirmed() -> None:
    world = World(UNLABELLED)
    world.open()

    assert world.receive(Labelled(id="label-1", allocations=[HELD.id, an_id(99)])) == []
    assert world.rows.allocations[HELD.id] == HELD
    assert world.handle(Ticked(), NOW_S + RESEND_S) == []


def test_a_label_that_waits_for_its_mac_is_not_sent_before() -> None:
    world = World(an_allocation(1, State.READY))
    world.open()
    world.rows.hold(world.rows.in_state(State.READY), replace(LABEL, mac=None))
    incomplete = frozenset({HELD.id})
    assert world.end_turn(incomplete=incomplete) == world.end_turn(incomplete=incomplete) == []

    world.rows.relabel(HELD.id, LABEL)
    assert world.end_turn() == [label(1, HELD)]


def test_a_label_without_a_mac_is_sent_when_it_is_known_that_there_is_none() -> None:
    world = World(an_allocation(1, State.READY))
    world.open()
    (held,) = world.rows.hold(world.rows.in_state(State.READY), replace(LABEL, mac=None))
    world.end_turn(incomplete=frozenset({HELD.id}))

    assert world.end_turn() == [label(1, held)]


def test_a_label_that_the_grid_lacks_is_sent_again_at_once() -> None:
    adopted = an_allocation(3, State.ADOPTED, id=an_id(3, "0b0b0b0b"))
    ready, nameless = an_allocation(4, State.READY), replace(adopted, id=an_id(5, "0b0b0b0b"), label=None)
    world = World(HELD, adopted, ready, nameless, LET_GO)
    world.open()

    asked = PleaseLabel(id="x", allocations=[HELD.id, adopted.id, ready.id, nameless.id, LET_GO.id, an_id(99)])

    assert world.receive(asked) == [label(1, HELD, adopted)]
    assert world.rows.allocations[HELD.id].is_labelled is False
    assert world.receive(asked) == [label(2, HELD, adopted)]


def test_what_is_gone_is_forgotten() -> None:
    world = World(LET_GO)
    world.open()

    world.receive(Gone(id="go-1", allocations=[LET_GO.id, an_id(99)]))

    assert world.rows.count(*State) == 0
    assert [each.event for each in world.notes if isinstance(each, Note)] == ["released"]


def test_what_is_in_use_is_not_forgotten_whatever_is_said_of_it() -> None:
    world = World(HELD)
    world.open()

    world.receive(Gone(id="go-1", allocations=[HELD.id]))

    assert world.rows.count(State.HELD) == 1
    assert [each.event for each in world.notes if isinstance(each, Note)] == ["gone_but_in_use"]


def test_a_confirmation_that_cannot_be_recorded_is_asked_for_again() -> None:
    world = World(LET_GO)
    world.open()
    world.confirmations.handle(Received(Gone(id="go-1", allocations=[LET_GO.id])), NOW_S)
    world.rows.drop()
    assert world.end_turn() == []

    assert world.handle(Ticked(), NOW_S + RESEND_S) == [go(1, (2, 61_000, True))]


def test_many_are_told_in_pages() -> None:
    pod = Pod("p" * 253, "n" * 253, "u" * 253)
    long = replace(LABEL, attachment=C2, pod=pod, namespace=Namespace("/" + "x" * 109, 1))
    rows = [an_allocation(1, id=an_id(number), label=long, is_labelled=False) for number in range(1000, 1150)]
    world = World(*rows)

    pages = [each.message for each in world.open() if isinstance(each, Transmit)]

    assert sum(len(page.labels) for page in pages if isinstance(page, SetLabels)) == 150
    assert len(pages) == 3
