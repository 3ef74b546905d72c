"""What no code expects costs one request, or the connection, or a new beginning from the journal."""

from __future__ import annotations

from core_builders import (
    C1,
    C2,
    CLUSTER,
    IDENTITY,
    NOW_S,
    an_add,
    an_allocation,
    drawing,
)

from nodeagent import errors
from nodeagent.domain import events
from nodeagent.domain.allocation import State
from nodeagent.domain.effects import Effect, LookUpEndpoint, Reply, Transmit
from nodeagent.domain.events import Connected, DelAsked, Event, NamespacesSeen, Received, Ticked
from nodeagent.domain.outcomes import Done, Failure, Granted, NotDurable
from nodeagent.journal.contents import Changes, Contents
from nodeagent.journal.rows import Rows
from nodeagent.journal.store import WriteFailed
from nodeagent.link.failover import REST_S
from nodeagent.machine import Machine, Options, make_machine
from nodeagent.turns import AnswerAll, Turns
from protocol.wire.messages import Allocate, Claims, SetLabels, Welcome

WELCOME = Welcome(id="hello-1", number=7, cluster=CLUSTER, reserve=1)
FAILED = Failure.of(errors.AgentFailed())
HELD = an_allocation(1)
OTHER = an_allocation(2, label=None, state=State.READY)


class Broken(Exception):
    """What no code expects."""


class File:
    """A journal that is a value, and can be made to fail."""

    path = "/run/j"

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.fails_with: Exception | None = None

    def commit(self, rows: Rows) -> None:
        if self.fails_with:
            if isinstance(self.fails_with, WriteFailed):
                rows.drop()
            raise self.fails_with
        rows.commit()
        self.contents = rows.contents()

    def look(self, rows: Rows) -> bool:
        return False

    def read_again(self) -> Contents:
        if self.fails_with:
            raise self.fails_with
        return self.contents


class Node:
    """Turns over a journal with one address that is held; the machine fails after it has heard some events."""

    def __init__(self) -> None:
        held = {each.id: each for each in (HELD, OTHER)}
        self.file = File(Contents(IDENTITY, held))
        self.fails_at: type[Event] | None = None
        self.told: list[str] = []
        self.made = 0
        self.is_leaving = False
        self.turns = Turns(self.file, self.file.contents, self._make, self._tell, NOW_S)

    def take(self, *heard: Event, now_s: float = NOW_S) -> list[Effect]:
        return self.turns.take(heard, now_s)

    def connect(self) -> None:
        self.take(Connected())
        self.take(Received(WELCOME))
        assert self.turns.machine.session.is_up

    def _tell(self, place: str, error: BaseException) -> None:
        assert isinstance(error, Broken)
        self.told.append(place)

    def _make(self, rows: Rows, now_s: float) -> Machine:
        self.made += 1
        machine = make_machine(rows, Options(is_leaving=self.is_leaving), drawing(), lambda: 0.5, now_s)
        heard = machine.handle

        def handle(event: Event, at_s: float) -> None:
            heard(event, at_s)
            if self.fails_at and isinstance(event, self.fails_at):
                raise Broken

        machine.handle = handle  # type: ignore[method-assign]
        return machine


def test_a_request_that_fails_is_answered_and_changes_nothing() -> None:
    node = Node()
    node.fails_at = DelAsked

    assert Reply(1, NotDurable()) in node.take(DelAsked(1, C1))

    assert node.told == ["DelAsked"]
    assert node.file.contents.allocations[HELD.id] == HELD
    assert node.turns.rows.contents() == node.file.contents
    node.fails_at = None
    assert Reply(2, Done()) in node.take(DelAsked(2, C1))
    assert node.file.contents.allocations[HELD.id].state is State.LET_GO


def test_an_add_that_fails_hears_code_100_and_the_next_is_served() -> None:
    node = Node()
    node.connect()
    node.fails_at = events.AddAsked

    assert Reply(1, FAILED) in node.take(an_add(1, C2))

    assert node.turns.has_more
    node.fails_at = None
    assert not [each for each in node.take() if isinstance(each, Reply)]
    (reply,) = [each for each in node.take(an_add(2, C2)) if isinstance(each, Reply)]
    assert isinstance(reply.outcome, Granted)
    assert reply.outcome.allocations == (OTHER.id,)


def test_an_address_that_was_told_stays_when_the_agent_fails_at_its_label() -> None:
    node = Node()
    node.connect()
    (reply,) = [each for each in node.take(an_add(1, C2)) if isinstance(each, Reply)]
    assert isinstance(reply.outcome, Granted)

    node.fails_at = events.MacRead
    effects = node.take(events.MacRead(1, "02:00:00:00:00:01"))
    node.fails_at = None
    effects += node.take() + node.take(events.Delivered(1))

    assert node.file.contents.allocations[OTHER.id].state is State.HELD
    sent = [each.message for each in effects if isinstance(each, Transmit)]
    assert [row.allocation for each in sent if isinstance(each, SetLabels) for row in each.labels] == [OTHER.id]


def test_what_came_in_the_same_moment_is_asked_again_and_not_told() -> None:
    node = Node()
    node.fails_at = events.StatusAsked

    effects = node.take(DelAsked(1, C1), events.StatusAsked(2))

    assert Reply(1, NotDurable()) in effects
    assert Reply(2, FAILED) in effects
    assert node.file.contents.allocations[HELD.id] == HELD


def test_a_message_that_fails_costs_the_connection() -> None:
    node = Node()
    node.connect()
    node.fails_at = Received

    node.take(Received(WELCOME))

    node.take()
    assert not node.turns.machine.session.is_up
    assert LookUpEndpoint(0) in node.take(Ticked(), now_s=NOW_S + REST_S)
    assert node.made == 1


def test_a_timer_that_fails_costs_nothing() -> None:
    node = Node()
    node.connect()
    node.fails_at = Ticked

    node.take(Ticked())

    assert not node.turns.has_more
    assert node.turns.machine.session.is_up


def test_anything_else_costs_a_new_beginning_from_the_journal_after_all_were_answered() -> None:
    node = Node()
    node.connect()
    node.fails_at = NamespacesSeen

    assert AnswerAll() in node.take(NamespacesSeen(1, ()))

    node.fails_at = None
    assert node.made == 1
    assert LookUpEndpoint(0) in node.take(Ticked())
    assert node.made == 2
    node.take(Connected())
    said = [each.message for each in node.take(Received(WELCOME)) if isinstance(each, Transmit)]
    claimed = {row.allocation for message in said if isinstance(message, Claims) for row in message.claims}
    assert claimed == {HELD.id, OTHER.id}


def test_a_machine_that_begins_anew_knows_that_the_agent_is_about_to_be_removed() -> None:
    node = Node()
    node.connect()
    node.is_leaving = True
    node.take(events.ReserveClosed())
    node.fails_at = NamespacesSeen
    node.take(NamespacesSeen(1, ()))
    node.fails_at = None
    node.take()

    assert node.made == 2
    sent = [
        each.message
        for each in [*node.take(Connected()), *node.take(Received(WELCOME))]
        if isinstance(each, Transmit)
    ]
    assert any(isinstance(each, Claims) for each in sent)
    assert not any(isinstance(each, Allocate) for each in sent)


def test_who_begins_anew_again_and_again_rests_ever_longer_and_refuses_meanwhile() -> None:
    node = Node()
    node.fails_at = NamespacesSeen
    node.take(NamespacesSeen(1, ()))
    node.take(NamespacesSeen(2, ()))
    assert node.turns.is_resting

    assert node.take(DelAsked(1, C1), an_add(2, C2), Ticked(), now_s=NOW_S + 0.9) == [
        Reply(1, NotDurable()),
        Reply(2, FAILED),
    ]
    assert node.made == 2
    node.take(now_s=NOW_S + 1)
    assert (node.made, node.turns.is_resting) == (3, False)


def test_a_commit_that_fails_unexpectedly_is_read_again_one_that_cannot_be_written_is_not() -> None:
    node = Node()
    node.file.fails_with = WriteFailed("disk full")
    assert Reply(1, NotDurable()) in node.take(DelAsked(1, C1))
    assert (node.made, node.told) == (1, [])

    node.file.fails_with = Broken()
    assert node.take(DelAsked(2, C1)) == [AnswerAll()]
    node.file.fails_with = None
    node.take()
    assert (node.made, node.told) == (2, ["commit"])
    assert node.turns.rows.contents().allocations[HELD.id] == HELD
    assert node.turns.rows.changes() == Changes()


def test_a_journal_that_cannot_be_read_for_the_next_machine_is_read_later() -> None:
    node = Node()
    node.file.fails_with = Broken()
    node.take(DelAsked(1, C1))
    assert node.take(DelAsked(2, C1)) == [AnswerAll(), Reply(2, NotDurable())]
    assert node.turns.is_resting

    node.file.fails_with = None
    node.take(now_s=NOW_S + 1)

    assert Reply(3, Done()) in node.take(DelAsked(3, C1), now_s=NOW_S + 1)
