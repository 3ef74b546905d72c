"""Who takes part in the election, and what the caller may write by that."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import structlog
from lease_world import TIMINGS

from coordinator.cluster.liveness import Liveness, NobodyTells
from coordinator.lease.keeper import LeaseKeeper
from coordinator.lease.liveness import LeadersLiveness
from coordinator.lease.record import Answer, Record, Silence, Step
from coordinator.lease.standing import Follows, Leads, Standing
from daemon.internal_errors import InternalErrors
from tests.lease_server import LeaseServer

OTHER = Record("other", TIMINGS.lease_s, "then", "now", 7)


class World:
    """A keeper, whose attempts the test makes. `takes_s` is how long each step lasts."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.takes_s = 0.0
        self.server = LeaseServer()
        self.told: list[Standing] = []
        self.log = structlog.testing.LogCapture()
        logger: Any = structlog.wrap_logger(None, processors=[self.log])
        clock = lambda: self.now_s  # noqa: E731
        internal = InternalErrors(logger, lambda place: None, clock)
        self.keeper = LeaseKeeper("me", TIMINGS, self, self.told.append, clock, lambda: 0.0, logger, internal)
        self.leadership = self.keeper.leadership

    def take(self, step: Step) -> Answer:
        answer = self.server.take(step)
        self.now_s += self.takes_s
        return answer

    def attempt(self) -> None:
        self.keeper.attempt()

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.log.entries]

    def other_takes_it(self) -> None:
        self.server.write(OTHER)


@pytest.fixture
def world() -> World:
    return World()


def begins(world: World) -> bool | None:
    """Whether a call that writes may begin; None while that waits."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(world.leadership.may_begin()), daemon=True)
    thread.start()
    thread.join(0.3)
    return answers[0] if answers else None


def test_it_tells_once_that_it_leads(world: World) -> None:
    world.attempt()
    world.attempt()
    assert world.told == [Leads()]
    assert world.leadership.may_write_singly()
    assert begins(world)


def test_it_tells_whom_it_follows_and_whenever_that_changes(world: World) -> None:
    world.other_takes_it()
    world.attempt()
    world.attempt()
    world.server.write(replace(OTHER, holder="third"))
    world.attempt()
    assert world.told == [Follows("other"), Follows("third")]
    assert not world.leadership.may_write_singly()
    assert begins(world) is False


def test_before_it_has_read_anything_it_may_write_nothing(world: World) -> None:
    assert begins(world) is False
    assert not world.leadership.may_write_singly()


def test_when_another_holder_is_read_it_has_lost(world: World) -> None:
    world.attempt()
    world.other_takes_it()
    world.attempt()
    assert world.told == [Leads(), Follows("other")]
    assert begins(world) is False
    assert not world.leadership.may_write_singly()


def test_a_term_that_ended_unseen_is_told_as_lost_before_the_next_one_begins(world: World) -> None:
    world.attempt()
    world.server.write(replace(OTHER, holder=""))
    world.attempt()
    assert world.told == [Leads(), Follows(""), Leads()]


def test_while_nobody_answers_it_leads_on_but_for_what_only_one_may(world: World) -> None:
    world.attempt()
    world.server.is_away = True
    for _ in range(20):
        world.now_s += TIMINGS.retry_s
        world.attempt()
    assert world.told == [Leads()]
    assert begins(world)
    assert not world.leadership.may_write_singly()
    assert world.events() == ["lease_unanswered", "lease_lapsed"]
    world.server.is_away = False
    world.attempt()
    assert world.leadership.may_write_singly()
    assert world.events() == ["lease_unanswered", "lease_lapsed", "lease_answered"]


def test_one_that_was_stopped_looks_at_the_lease_before_it_writes(world: World) -> None:
    world.attempt()
    world.now_s += 20.0
    world.other_takes_it()
    assert not world.leadership.may_write_singly()
    assert begins(world) is None
    world.attempt()
    assert begins(world) is False


def test_one_that_was_stopped_and_not_followed_goes_on_when_it_has_looked(world: World) -> None:
    world.attempt()
    world.now_s += 20.0
    assert begins(world) is None
    world.attempt()
    assert begins(world)
    assert world.told == [Leads()]


def test_an_answer_that_waited_while_it_was_stopped_tells_how_it_was_before(world: World) -> None:
    world.attempt()
    world.takes_s = 20.0
    world.attempt()
    world.takes_s = 0.0
    assert not world.leadership.may_write_singly()
    assert begins(world) is None


def test_that_no_answer_came_while_it_was_stopped_proves_nothing(world: World) -> None:
    world.attempt()
    world.server.is_away, world.takes_s = True, 20.0
    world.attempt()
    world.takes_s = 0.0
    assert begins(world) is None
    world.attempt()
    assert begins(world)


def test_at_its_end_it_gives_the_lease_up_and_writes_nothing_more(world: World) -> None:
    world.attempt()
    world.keeper.stop()
    world.keeper.run()
    assert world.server.record
    assert world.server.record.holder == ""
    assert begins(world) is False
    assert world.events()[-1] == "lease_released"


def test_a_failure_of_ours_does_not_end_it(world: World) -> None:
    def fails(step: Step) -> Answer:
        world.keeper.stop()
        raise ZeroDivisionError

    world.take = fails  # type: ignore[method-assign]
    world.keeper.run()
    assert "internal_error" in world.events()


def test_who_may_not_be_asked_is_named(world: World) -> None:
    world.take = lambda step: Silence("HTTP 403: no", 403)  # type: ignore[method-assign]
    world.attempt()
    assert "needs get, create and update of leases" in world.log.entries[0]["remedy"]


def test_people_see_who_leads_and_since_when(world: World) -> None:
    world.other_takes_it()
    world.attempt()
    status = world.leadership.status()
    assert (status.identity, status.holder, status.since) == ("me", "other", "then")
    assert (status.renewed_s_ago, status.valid, status.trouble) == (None, False, "")
    world.server.is_away = True
    world.attempt()
    assert world.leadership.status().trouble == "no connection"


def test_who_may_not_be_the_leader_any_more_takes_no_node_for_gone() -> None:
    certain = [True]
    source = LeadersLiveness(NobodyTells(), lambda: certain[0])
    assert source.look(0.0) == Liveness(is_fresh=True)
    certain[0] = False
    assert source.look(0.0) == Liveness(is_fresh=False)
