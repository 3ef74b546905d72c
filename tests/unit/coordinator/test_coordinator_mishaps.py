"""Code that fails where nobody expects it costs one request, and never leaves two truths behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from desk_world import DeskWorld, address_of

from coordinator import answering, registrar
from coordinator.attachment_work import AllocateWork, AttachmentWork
from coordinator.lane.lane import Lane
from coordinator.release_work import ReleaseWork
from coordinator.sweeper import Sweeper
from protocol.messages import Declined, HelloFirst, Message, Released


class Unexpected(Exception):
    """What no code expects."""


@pytest.fixture
def world() -> DeskWorld:
    world = DeskWorld().start()
    world.connect("n1")
    world.connect("n2")
    world.expects_mishaps = True
    return world


@contextmanager
def failing(owner: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> Iterator[None]:
    """While it lasts, this function fails with such arguments, at the end of its work."""
    function = getattr(owner, name)

    def fails(*arguments: Any) -> Any:
        result = function(*arguments)
        if when(*arguments):
            raise Unexpected
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, fails)
        yield


def of(container: str) -> Callable[..., bool]:
    return lambda work, *_: isinstance(work, AttachmentWork) and work.identity.container_id == container


def answers_to(world: DeskWorld, request: str) -> list[Message]:
    return [message for _, message in world.sent if message.id == request]


def assert_declined(answer: Message | None) -> None:
    assert isinstance(answer, Declined)
    assert (answer.code, answer.kind) == (100, "refused")
    assert "internal_error" in answer.details


@pytest.mark.parametrize("verb", ["an_allocate", "a_release"])
def test_a_message_that_fails_is_declined_and_its_connection_counts_no_more(world: DeskWorld, verb: str) -> None:
    with failing(registrar.Registrar, "_begin", lambda _, record, *rest: record.identity.node == "n1"):
        (request,) = world.ask(getattr(world, verb)("bad"), node="n1")
    declined, hello_first = answers_to(world, request)
    assert_declined(declined)
    assert isinstance(hello_first, HelloFirst)
    assert world.desk.sessions.of("n1") is None
    assert isinstance(world.mishaps[0].error, Unexpected)
    assert address_of(world.add("good", "n2"))


def test_an_attachment_whose_request_failed_is_looked_up_before_anything_is_made_for_it(world: DeskWorld) -> None:
    with failing(registrar.Registrar, "start", lambda _, record, *rest: record.identity.container_id == "bad"):
        (request,) = world.ask(world.an_allocate("bad", "n1"), node="n1")
        world.settle()
    assert_declined(answers_to(world, request)[0])
    world.connect("n1")
    before = len(world.calls)
    assert address_of(world.add("bad", "n1")) == world.at(world.pods()["bad"])["ipv4addr"]
    assert world.described(before)[0] == ["find bad"]


def test_a_work_that_fails_at_its_answer_fails_alone_and_leaks_nothing(world: DeskWorld) -> None:
    with failing(AllocateWork, "answered", of("bad")):
        bad, good = world.ask(world.an_allocate("bad"), world.an_allocate("good"), node="n1")
        world.settle()
    assert_declined(world.answers[bad])
    address = address_of(world.answers[good])
    assert world.add("bad") is not None
    world.advance(120)
    pods = world.pods()
    assert pods["good"] == address
    assert address_of(world.add("bad")) == pods["bad"]


def test_work_that_does_not_say_what_it_wants_holds_up_nobody(world: DeskWorld) -> None:
    with failing(AllocateWork, "operations", of("bad")):
        bad, good = world.ask(world.an_allocate("bad"), world.an_allocate("good"), node="n1")
        world.settle()
    assert_declined(world.answers[bad])
    assert address_of(world.answers[good])


def test_a_release_that_fails_is_carried_out_when_it_is_asked_for_again(world: DeskWorld) -> None:
    world.add("a")
    release = world.a_release("a")
    with failing(ReleaseWork, "answered", of("a")):
        world.ask(release)
        world.advance(60)
    assert_declined(world.answers[release.id])
    again = release.model_copy(update={"attempt": 2, "id": "again"})
    world.ask(again)
    world.advance(60)
    assert isinstance(world.answers["again"], Released)
    assert not world.pods()


def test_an_outcome_that_is_badly_told_costs_that_attachment_alone(world: DeskWorld) -> None:
    with failing(answering, "tell_allocated", lambda record, *_: record.identity.container_id == "bad"):
        bad, good = world.ask(world.an_allocate("bad"), world.an_allocate("good"), node="n1")
        world.settle()
    assert address_of(world.answers[good])
    assert address_of(world.add("bad")) == world.pods()["bad"]
    assert bad not in world.answers or isinstance(world.answers[bad], Declined)


@pytest.mark.parametrize("place", [(Lane, "proceed"), (Lane, "handle"), (Sweeper, "proceed")])
def test_a_machine_that_begins_anew_gives_the_same_addresses(world: DeskWorld, place: tuple[Any, str]) -> None:
    address, other = address_of(world.add("a", "n1")), address_of(world.add("b", "n2"))
    with failing(*place), pytest.raises(Unexpected):
        world.advance(600)
    world.flight = None
    world.sent.clear()
    world.begin_anew()
    told = {connection for connection, message in world.sent if isinstance(message, HelloFirst)}
    assert told == {world.connections["n1"], world.connections["n2"]}
    for node, container, held in (("n1", "a", address), ("n2", "b", other)):
        world.connect(node, [world.holding(container, held)])
        assert address_of(world.add(container, node, attempt=2)) == held
    assert address_of(world.add("c", "n1")) not in (address, other)
    assert isinstance(world.delete("a", "n1"), Released | None)
    world.advance(60)
    assert "a" not in world.pods()
