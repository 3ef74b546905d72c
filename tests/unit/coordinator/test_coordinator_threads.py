"""A thread that fails at one job tells of it, and does the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from coordinator.cluster.reflector import Pace, Reflector
from coordinator.cluster.token_claims import TokenRules
from coordinator.cluster.token_reviewer import Review, Reviewed, Reviewer
from coordinator.core.crash_points import no_crash
from coordinator.core.errors import EnrolmentUnavailable
from coordinator.grid.caller import Caller
from coordinator.grid.calls import Call, Form, Landing, Lost, NotSent, Refused
from coordinator.grid.operations import DeleteFound, HttpCall, Search
from coordinator.grid.refusals import Kind
from daemon.file_watch import FileWatch
from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger

RULES = TokenRules("cni-infoblox", "kube-system:cni-infoblox-agent")
PATIENCE_S = 10.0


class Unexpected(Exception):
    """What no code expects."""


@pytest.fixture
def places() -> list[str]:
    return []


@pytest.fixture
def internal(places: list[str]) -> InternalErrors:
    return InternalErrors(make_logger("json", "critical"), places.append, lambda: 0.0)


def fails(*_: Any, **__: Any) -> Any:
    raise Unexpected


def test_the_reviewer_postpones_who_it_fails_at_and_reviews_the_next(
    internal: InternalErrors, places: list[str]
) -> None:
    found: list[Reviewed] = []
    api = cast(Any, SimpleNamespace(review=fails, pod=fails))
    reviewer = Reviewer(api, RULES, found.append, lambda: 0.0, internal)
    for key in (b"a", b"b"):
        reviewer.review(Review(key, "token", 0.0))
    reviewer.stop()
    reviewer.run()
    assert [each.key for each in found] == [b"a", b"b"]
    assert all(isinstance(each.found, EnrolmentUnavailable) for each in found)
    assert places == ["review", "review"]


def test_files_after_one_that_fails_are_looked_at(
    internal: InternalErrors, places: list[str], tmp_path: Path
) -> None:
    seen: list[str] = []
    watch = FileWatch({tmp_path / "a": fails, tmp_path / "b": lambda: seen.append("b")}, internal)
    for name in ("a", "b"):
        (tmp_path / name).touch()
    watch.look()
    assert seen == ["b"]
    assert places == ["file"]


def test_a_watch_that_fails_at_what_it_hears_asks_again(internal: InternalErrors) -> None:
    asked = threading.Semaphore(0)

    def exchange(*_: Any, **__: Any) -> Any:
        asked.release()
        raise Unexpected

    server = cast(Any, SimpleNamespace(exchange=exchange))
    pace = Pace(retry_s=0.001, retry_max_s=0.002)
    watch = Reflector("nodes", server, cast(Any, None), lambda: 0.0, cast(Any, None), pace, internal)
    thread = threading.Thread(target=watch.run)
    thread.start()
    for _ in range(3):
        assert asked.acquire(timeout=PATIENCE_S)
    watch.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def landing_of(send: Callable[[HttpCall, float], Any], internal: InternalErrors) -> Landing:
    caller = Caller(cast(Any, SimpleNamespace(send=send)), lambda _: None, lambda: 0.0, no_crash, internal)
    return caller.landing(
        Call(1, (Search("extensibleattributedef", {"name": "VM ID"}, ("name",)),), Form.REQUEST, 1.0)
    )


def test_a_call_that_fails_while_it_may_be_under_way_is_lost(internal: InternalErrors) -> None:
    assert isinstance(landing_of(fails, internal), Lost)


class Rights:
    """Of a coordinator that may or may not begin a call, or write by reference."""

    def __init__(self, *, begin: bool, write_singly: bool) -> None:
        self._begin, self._write_singly = begin, write_singly

    def may_begin(self) -> bool:
        return self._begin

    def may_write_singly(self) -> bool:
        return self._write_singly


DELETION = DeleteFound("fixedaddress", {"*Allocation ID": "x"}, ("extattrs",))
SEARCH = Search("fixedaddress", {"*Allocation ID": "x"}, ("extattrs",))


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(("operation", "sends"), [(DELETION, False), (SEARCH, True)])
def test_who_may_not_lead_any_more_sends_nothing_that_writes(
    internal: InternalErrors, form: Form, operation: Any, *, sends: bool
) -> None:
    sent: list[HttpCall] = []

    def send(http: HttpCall, read_timeout_s: float) -> Any:
        sent.append(http)
        return []

    rights = Rights(begin=False, write_singly=False)
    caller = Caller(cast(Any, SimpleNamespace(send=send)), lambda _: None, lambda: 0.0, no_crash, internal, rights)
    landing = caller.landing(Call(1, (operation,), form, 1.0))
    assert bool(sent) is sends
    assert isinstance(landing, NotSent) is not sends


def test_who_may_not_write_singly_sends_nothing_after_its_search(internal: InternalErrors) -> None:
    sent: list[str] = []

    def send(http: HttpCall, read_timeout_s: float) -> Any:
        sent.append(http.method)
        return [{"_ref": "fixedaddress/1", "extattrs": {"Allocation ID": {"value": "x"}}}]

    rights = Rights(begin=True, write_singly=False)
    caller = Caller(cast(Any, SimpleNamespace(send=send)), lambda _: None, lambda: 0.0, no_crash, internal, rights)
    assert isinstance(caller.landing(Call(1, (DELETION,), Form.SEPARATE, 1.0)), Refused)
    assert sent == ["GET"]


def test_a_call_that_fails_when_nothing_of_it_is_under_way_is_refused_as_ours(
    internal: InternalErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.grid.exchange.as_request", fails)
    landing = landing_of(lambda *_: [], internal)
    assert isinstance(landing, Refused)
    assert landing.refusal.kind is Kind.INTERNAL
