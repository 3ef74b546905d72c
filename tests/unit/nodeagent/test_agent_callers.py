"""From the plugin's requests to events, and from outcomes to answers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from daemon.internal_errors import InternalErrors
from nodeagent.cni.callers import Callers, Means
from nodeagent.cni.frame import EXIT_NOT_DURABLE, Frame
from nodeagent.cni.request_log import RequestLog
from nodeagent.cni.server import Arrived, ServerEvent
from nodeagent.crash_points import no_crash
from nodeagent.domain.events import Event
from nodeagent.metrics import Metrics

NO_BYTES = cast(Any, None)
"""What the code that reads standard input does not expect."""


class Plugin:
    """A server with one connection, whose request is complete."""

    def __init__(self, frame: Frame) -> None:
        self._arrived: list[ServerEvent] = [Arrived(1, frame, None)]
        self.answers: list[bytes] = []

    def collect(self, *_: object) -> list[ServerEvent]:
        return self._arrived

    def answer(self, caller: int, data: bytes, now_s: float) -> list[ServerEvent]:
        self.answers.append(data)
        return []


def served(frame: Frame, *unexpected: str) -> tuple[list[Event], list[bytes]]:
    """What the agent hears of a request, and what the plugin is answered meanwhile; `unexpected`: what fails."""
    log = structlog.get_logger()
    told: list[str] = []
    internal = InternalErrors(log, told.append, lambda: 0.0)
    plugin, pending = Plugin(frame), cast(Any, SimpleNamespace(find=lambda _: None))
    requests = RequestLog(Metrics("test", "n1"), log)
    means = Means(cast(Any, plugin), pending, requests, lambda: "r-1", lambda: 0.0, no_crash, log, internal)
    heard = Callers(means).collect({}, 0.0)
    assert told == [*unexpected]
    assert requests.count() == 0
    return heard, plugin.answers


@pytest.mark.parametrize("verb", ["ADD", "CHECK", "GC", "STATUS"])
def test_a_request_that_cannot_even_be_read_is_answered(verb: str) -> None:
    variables = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/t"}
    heard, (answer,) = served(Frame(variables, NO_BYTES), "Arrived")
    assert heard == []
    assert answer[0] == 1
    assert json.loads(answer[5:])["code"] == 100


def test_a_del_that_cannot_even_be_read_is_kept_by_the_plugin() -> None:
    variables = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0"}
    heard, (answer,) = served(Frame(variables, NO_BYTES), "Arrived")
    assert heard == []
    assert answer[0] == EXIT_NOT_DURABLE


def test_a_verb_that_is_none_does_not_fill_the_log() -> None:
    with capture_logs() as lines:
        _, (answer,) = served(Frame({"CNI_COMMAND": "x" * 100_000}, b"{}"))
    assert json.loads(answer[5:])["code"] == 4
    assert [line["event"] for line in lines] == ["request_failed"]
    assert len(str(lines)) < 1000
