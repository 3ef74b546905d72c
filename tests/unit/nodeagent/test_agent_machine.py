"""A turn of the agent: what is said when its rows are in the journal, and when they cannot be written."""

from __future__ import annotations

from dataclasses import replace

from core_builders import (
    C1,
    CLUSTER,
    LABEL,
    MAC,
    NAMESPACE,
    NOW_S,
    OTHER_NAMESPACE,
    READ_MAC,
    an_add,
    an_allocated,
    an_allocation,
    an_id,
    drawing,
    granted,
    some_rows,
)

from nodeagent import errors
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.effects import Effect, LookAtNamespaces, Note, Reply, Transmit
from nodeagent.domain.events import (
    Connected,
    DelAsked,
    Delivered,
    Event,
    GcAsked,
    MacRead,
    NamespacesSeen,
    Received,
    Ticked,
)
from nodeagent.domain.outcomes import Done, Failure, NotDurable
from nodeagent.domain.presence import Directory, Sight
from nodeagent.domain.wire import wire_label
from nodeagent.machine import Options, make_machine
from protocol.wire.messages import Allocate, Claims, LetGo, Lost, SetLabels, Welcome
from protocol.wire.values import LabelRow, LetGoRow

READY = an_allocation(1, State.READY)
HELD = an_allocation(1)
UNWRITABLE = Failure.of(errors.JournalUnwritable(path="/j", cause="full"))

WELCOME = Welcome(id="hello-1", number=7, cluster=CLUSTER, reserve=1, release="2")


class Agent:
    """All rooms joined, over rows."""

    def __init__(self, *rows: Allocation, reserve: int = 1) -> None:
        self.rows = some_rows(*rows)
        self.machine = make_machine(self.rows, Options(release="0.1"), drawing(), lambda: 0.5, NOW_S)
        self.turn(Connected())
        self.at_welcome = self.turn(Received(WELCOME.model_copy(update={"reserve": reserve})))

    def turn(self, *events: Event, now_s: float = NOW_S) -> list[Effect]:
        for event in events:
            self.machine.handle(event, now_s)
        changes = self.rows.changes()
        self.rows.commit()
        return self.machine.committed(changes, now_s)

    def failing_turn(self, *events: Event) -> list[Effect]:
        for event in events:
            self.machine.handle(event, NOW_S)
        self.rows.drop()
        return self.machine.dropped("/j", "full", NOW_S)


def let_go(number: int, *, was_held: bool = True, message: int = 1) -> Transmit:
    row = LetGoRow(allocation=an_id(number), family=4, age_ms=0, was_held=was_held)
    return Transmit(LetGo(id=f"go-{message}", allocations=[row]))


def test_an_address_from_the_reserve_is_answered_then_its_place_refilled_and_its_label_told() -> None:
    agent = Agent(READY)

    effects = agent.turn(an_add())
    assert effects[:2] == [READ_MAC, Reply(1, granted(1))]
    assert not [each for each in effects if isinstance(each, Transmit)]

    refill, labels = agent.turn(MacRead(1, MAC))
    assert isinstance(refill, Transmit)
    assert isinstance(refill.message, Allocate)
    label = LabelRow(allocation=HELD.id, label=wire_label(LABEL))
    assert labels == Transmit(SetLabels(id="label-1", labels=[label]))


def test_all_that_happened_in_one_poll_is_answered_together_and_told_in_one_message() -> None:
    other = replace(C1, ifname="net1")
    agent = Agent(HELD, an_allocation(2, label=replace(LABEL, attachment=other)), reserve=0)

    effects = agent.turn(DelAsked(8, C1), DelAsked(9, other))

    told = [LetGoRow(allocation=an_id(number), family=4, age_ms=0, was_held=True) for number in (1, 2)]
    assert effects == [Reply(8, Done()), Reply(9, Done()), Transmit(LetGo(id="go-1", allocations=told))]


def test_a_turn_that_cannot_be_recorded_says_nothing_that_rests_on_it() -> None:
    agent = Agent(READY, an_allocation(2, label=replace(LABEL, attachment=replace(C1, ifname="net1"))))

    effects = agent.failing_turn(an_add(1), DelAsked(9, replace(C1, ifname="net1")))

    assert Reply(1, UNWRITABLE) in effects
    assert Reply(9, NotDurable()) in effects
    assert Note("journal_unwritable", "error", {"path": "/j", "why": "full"}) in effects
    assert not [
        each for each in effects if isinstance(each, Transmit) and isinstance(each.message, LetGo | SetLabels)
    ]
    assert agent.rows.count(State.READY, State.HELD) == 2
    assert agent.machine.journal_trouble == "full"


def test_an_add_behind_a_delete_that_cannot_be_recorded_fails_with_it() -> None:
    agent = Agent(HELD, reserve=0)

    effects = agent.failing_turn(DelAsked(9, C1), an_add(1))

    assert Reply(9, NotDurable()) in effects
    assert Reply(1, UNWRITABLE) in effects
    assert agent.machine.attachments.is_quiet()


def test_a_failing_journal_is_logged_once_until_it_works_again() -> None:
    agent = Agent(HELD, reserve=0)
    agent.failing_turn(DelAsked(9, C1))

    assert agent.failing_turn(DelAsked(9, C1)) == [Reply(9, NotDurable())]
    effects = agent.turn(DelAsked(9, C1))
    assert effects == [Reply(9, Done()), Note("journal_written_again"), let_go(1)]
    assert agent.machine.journal_trouble is None


def test_a_gc_that_cannot_be_recorded_fails() -> None:
    agent = Agent(HELD, reserve=0)
    seen = (Sight(NAMESPACE, Directory(1, 1), NAMESPACE.inode),)
    agent.turn(GcAsked(7, "pods", frozenset()))
    agent.turn(NamespacesSeen(1, seen))
    agent.turn(GcAsked(8, "pods", frozenset()))

    effects = agent.failing_turn(NamespacesSeen(2, (Sight(NAMESPACE, Directory(1, 1)),)))

    assert Reply(8, UNWRITABLE) in effects
    assert agent.rows.of(C1) == [HELD]


def test_what_is_told_to_the_coordinator_is_in_the_journal_first() -> None:
    agent = Agent(HELD, reserve=0)
    agent.failing_turn(DelAsked(9, C1))

    agent.turn(Connected())
    claims = agent.turn(Received(WELCOME.model_copy(update={"id": "hello-2"})))[0]

    assert isinstance(claims, Transmit)
    assert isinstance(claims.message, Claims)
    assert [row.allocation for row in claims.message.claims] == [HELD.id]
    assert claims.message.let_go == []


def test_what_the_journal_claims_is_said_before_anything_is_asked() -> None:
    agent = Agent(HELD)
    agent.turn(Connected())

    welcome = WELCOME.model_copy(update={"id": "hello-2", "number": 8})
    said = [each.message for each in agent.turn(Received(welcome), an_add(2)) if isinstance(each, Transmit)]

    assert isinstance(said[0], Claims)
    assert said[0].welcome == 8


def test_an_own_ask_is_answered_with_what_it_cost_and_needs_no_label() -> None:
    agent = Agent(reserve=0)
    agent.turn(an_add())
    agent.turn(MacRead(1, MAC))

    assert agent.turn(Received(an_allocated())) == [Reply(1, granted(wapi_calls=1))]
    assert LookAtNamespaces not in map(type, agent.turn())


def test_an_address_that_is_let_go_in_the_same_turn_is_not_told() -> None:
    overtaken = Failure.of(errors.AnswerOvertaken())
    agent = Agent(READY)
    effects = agent.turn(an_add(), DelAsked(9, C1))
    assert [each for each in effects if isinstance(each, Reply)] == [Reply(1, overtaken), Reply(9, Done())]

    agent = Agent(reserve=0)
    agent.turn(an_add())
    agent.turn(MacRead(1, MAC))
    agent.turn(an_add(2, namespace=OTHER_NAMESPACE))
    effects = agent.turn(Received(an_allocated()))
    assert Reply(1, overtaken) in effects
    assert replace(READ_MAC, caller=2) in effects


def test_an_address_that_is_lost_in_the_turn_in_which_it_came_is_not_told_and_let_go() -> None:
    agent = Agent(reserve=0)
    agent.turn(an_add())
    agent.turn(MacRead(1, MAC))
    lost = Lost(id="l-1", allocation=an_id(100), holder="printer")

    effects = agent.turn(Received(an_allocated()), Received(lost))
    assert Reply(1, Failure.of(errors.AnswerOvertaken())) in effects
    agent.turn(Delivered(1))
    agent.turn(Ticked(), now_s=NOW_S + 1)

    assert [row.id for row in agent.rows.in_state(State.LET_GO)] == [an_id(100)]
