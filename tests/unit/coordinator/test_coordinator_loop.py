"""The loop around a machine whose state cannot be relied upon any more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from coordinator.admin.events import AnswerCommand, Asked
from coordinator.grid.calls import Answered, Call, Form
from coordinator.lease.standing import Follows, Leads
from coordinator.loop import Item, Loop, Stop
from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger
from protocol.admin.messages import TurnedDown, Verify


def fails(*_: Any) -> Any:
    raise RuntimeError


def test_who_asks_while_the_coordinator_is_about_to_begin_anew_is_told_so_at_once() -> None:
    waiting: list[Item] = []
    answers: list[AnswerCommand] = []
    port = SimpleNamespace(admit=lambda: None, receive=lambda: iter(()), is_undecided=False)
    inbox = SimpleNamespace(take_all=lambda: [waiting.pop() for _ in list(waiting)])
    internal = InternalErrors(make_logger("json", "critical"), lambda place: None, lambda: 1_000.0)
    machine, notes = SimpleNamespace(handle=fails, begin_anew=fails), SimpleNamespace(tell=lambda note: None)
    parts: tuple[Any, ...] = (machine, port, inbox, notes, lambda: 1_000.0, internal, answers.append, None)
    loop, caller = Loop(*parts), cast(Any, None)
    loop.turn(caller)  # the machine fails
    loop.turn(caller)  # it fails once more when it begins anew, and rests
    waiting.append(Asked(7, Verify(id="v-1"), 1_000.0))
    loop.turn(caller)
    (answer,) = answers
    assert answer.ticket == 7
    assert isinstance(answer.message, TurnedDown)


def test_who_leads_is_known_to_a_machine_that_begins_anew_though_it_was_told_while_there_was_none() -> None:
    waiting: list[Item] = []
    told: list[Any] = []
    now_s = [1_000.0]
    port = SimpleNamespace(admit=lambda: None, receive=lambda: iter(()), is_undecided=False)
    inbox = SimpleNamespace(take_all=lambda: [waiting.pop() for _ in list(waiting)])
    internal = InternalErrors(make_logger("json", "critical"), lambda place: None, lambda: now_s[0])

    def begin_anew(at_s: float, standing: Any) -> list[Any]:
        told.append(standing)
        return []

    machine, notes = SimpleNamespace(handle=fails, begin_anew=begin_anew), SimpleNamespace(tell=lambda note: None)
    parts: tuple[Any, ...] = (machine, port, inbox, notes, lambda: now_s[0], internal, told.append, None)
    loop, caller = Loop(*parts), cast(Any, None)
    waiting.append(Leads())
    loop.turn(caller)  # the machine fails at it
    waiting.append(Follows("other"))
    now_s[0] += 60.0
    loop.turn(caller)
    assert told == [Follows("other")]


def test_who_asks_while_a_call_is_under_way_does_not_let_the_coordinator_end_before_it() -> None:
    waiting: list[Item] = []
    effects: list[Any] = [Call(1, (), Form.REQUEST, 1.0)]
    port = SimpleNamespace(admit=lambda: None, receive=lambda: iter(()), is_undecided=False)
    inbox = SimpleNamespace(take_all=lambda: [waiting.pop(0) for _ in list(waiting)])
    internal = InternalErrors(make_logger("json", "critical"), lambda place: None, lambda: 1_000.0)
    machine = SimpleNamespace(handle=lambda events, now_s: [effects.pop()] if effects else [])
    parts: tuple[Any, ...] = (machine, port, inbox, None, lambda: 1_000.0, internal, fails, None)
    loop, caller = Loop(*parts), cast(Any, SimpleNamespace(call=lambda call: None))
    loop.turn(caller)
    waiting += [Asked(7, Verify(id="v-1"), 1_000.0), Stop()]
    loop.turn(caller)
    assert not loop._is_over()
    waiting.append(Answered(1, (), 1_000.0))
    loop.turn(caller)
    assert loop._is_over()
