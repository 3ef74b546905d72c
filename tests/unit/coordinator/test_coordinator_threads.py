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
from coordinator.core.errors import EnrolmentUnavailable
from coordinator.core.steps import no_step
from coordinator.grid.caller import Caller
from coordinator.grid.calls import Call, Form, Landing, Lost, Refused
from coordinator.grid.operations import HttpCall, Search
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
    caller = Caller(cast(Any, SimpleNamespace(send=send)), lambda _: None, lambda: 0.0, no_step, internal)
    return caller.landing(
        Call(1, (Search("extensibleattributedef", {"name": "VM ID"}, ("name",)),), Form.REQUEST, 1.0)
    )


def test_a_call_that_fails_while_it_may_be_under_way_is_lost(internal: InternalErrors) -> None:
    assert isinstance(landing_of(fails, internal), Lost)


def test_a_call_that_fails_when_nothing_of_it_is_under_way_is_refused_as_ours(
    internal: InternalErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.grid.exchange.as_request", fails)
    landing = landing_of(lambda *_: [], internal)
    assert isinstance(landing, Refused)
    assert landing.refusal.kind is Kind.INTERNAL
