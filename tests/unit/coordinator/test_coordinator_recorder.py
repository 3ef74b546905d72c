"""Kubernetes Events tell what concerns an object, each kind of trouble once, within bounds, and hold up nobody."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from coordinator.core.outbox import Note
from coordinator.recorder.correlator import AGAIN_S, BURST_MAX, FORGET_S, PER_S, SERIES_MAX, Correlator
from coordinator.recorder.events_api import EventsApi
from coordinator.recorder.occasions import MESSAGE_LENGTH_MAX, NetworkRef, NodeRef, Occasion, PodRef, occasions_of
from coordinator.recorder.recorder import BOUND, WAITING_MAX, Recorder
from daemon.bounds import Bounds
from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger


def a_decline(**changes: Any) -> Note:
    fields = {
        "pod": "shop/web-1",
        "pod_uid": "u-1",
        "node": "node-1",
        "network_name": "storage",
        "code": 7,
        "error": "NetworkNotAllowed",
        "reason": "ipam.subnet 10.9.0.0/24 is not allowed",
        "remedy": "Use another one.",
    }
    return Note("declined", fields | changes)


def an_occasion(name: str = "web-1", reason: str = "InfobloxNodeFull") -> Occasion:
    return Occasion(PodRef("shop", name, "u-1"), reason, "full")


def test_a_refused_configuration_concerns_the_pod_and_where_it_stands() -> None:
    message = "ipam.subnet 10.9.0.0/24 is not allowed. Use another one."
    assert occasions_of(a_decline()) == (
        Occasion(PodRef("shop", "web-1", "u-1"), "InfobloxNetworkNotAllowed", message),
        Occasion(NetworkRef("shop", "storage"), "InfobloxNetworkNotAllowed", message),
    )


@pytest.mark.parametrize(
    ("error", "code", "is_told"),
    [
        ("NetworkExhausted", 11, True),
        ("NodeFull", 11, True),
        ("GridUnavailable", 11, False),
        ("GridForbids", 111, True),
    ],
)
def test_exhaustion_and_refusals_concern_the_pod_and_what_passes_concerns_nobody(
    error: str, code: int, is_told: bool
) -> None:
    told = occasions_of(a_decline(error=error, code=code))
    assert [each.subject for each in told] == [PodRef("shop", "web-1", "u-1")] * is_told


@pytest.mark.parametrize(
    "changes",
    [
        {"pod": "reserve"},
        {"pod": "../../kube-system/x"},
        {"pod": "Shop/web"},
        {"pod": f"shop/{'x' * 254}"},
        {"pod_uid": ""},
        {"pod_uid": "a b"},
    ],
    ids=str,
)
def test_what_no_pod_of_kubernetes_can_be_called_gets_no_event(changes: dict[str, str]) -> None:
    told = occasions_of(a_decline(**changes, code=111))
    assert told == ()


def test_a_message_is_cut_to_what_the_api_server_takes() -> None:
    (told,) = occasions_of(a_decline(code=111, reason="x" * 2_000))
    assert len(told.message) == MESSAGE_LENGTH_MAX


def test_a_node_that_is_cut_off_and_comes_back_is_told_on_the_node() -> None:
    facts = {"node": "node-1", "driver": "infoblox", "silent_s": 31.0}
    (gone,) = occasions_of(Note("node_silent", facts, is_alarm=True))
    (back,) = occasions_of(Note("node_heard_again", facts))
    assert (gone.subject, gone.reason, gone.is_warning) == (NodeRef("node-1"), "InfobloxAgentSilent", True)
    assert "not been heard for 31 s" in gone.message
    assert (back.subject, back.reason, back.is_warning) == (NodeRef("node-1"), "InfobloxAgentHeard", False)
    assert occasions_of(Note("node_silent", {**facts, "node": "no name"}, is_alarm=True)) == ()


def test_what_comes_again_is_counted_and_written_once_a_minute() -> None:
    correlator = Correlator()
    written = [
        (now_s, series.count)
        for now_s in range(0, 130, 10)
        if (series := correlator.take(an_occasion(), "at", float(now_s)))
    ]
    assert written == [(0, 1), (60, 7), (120, 13)]


def test_what_has_not_happened_for_long_is_another_event() -> None:
    correlator = Correlator()
    first = correlator.take(an_occasion(), "early", 0.0)
    again = correlator.take(an_occasion(), "late", FORGET_S)
    assert first is not None is not again
    assert (again.count, again.first_at, again.name) == (1, "late", "")
    assert correlator.take(an_occasion(), "later", FORGET_S + AGAIN_S) is again


def test_a_storm_writes_no_more_than_the_bounds_and_keeps_no_more() -> None:
    correlator = Correlator()
    stormed = [correlator.take(an_occasion(f"web-{number}"), "at", number / 100) for number in range(5_000)]
    assert sum(1 for each in stormed if each) in (BURST_MAX + 50 * PER_S - 1, BURST_MAX + 50 * PER_S)
    assert len(correlator._series) == SERIES_MAX
    assert correlator.take(an_occasion(), "at", 1_000.0)


class _StuckApi:
    """An API server that answers nothing until the test lets it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.written: list[str] = []

    def write(self, series: Any, at: str) -> None:
        self.begun.set()
        assert self.may_go_on.wait(30)
        self.written.append(series.occasion.subject.name)


def test_while_the_api_server_does_not_answer_nobody_waits_and_what_is_too_much_is_counted() -> None:
    api, kept_out = _StuckApi(), list[str]()
    logger = make_logger("console", "critical")
    internal = InternalErrors(logger, lambda place: None, lambda: 0.0)
    bounds = Bounds(kept_out.append, logger)
    recorder = Recorder(cast(EventsApi, api), lambda: 0.0, lambda: 0.0, logger, bounds, internal)
    thread = threading.Thread(target=recorder.run, daemon=True)
    thread.start()
    recorder.noted(a_decline(code=111, pod="shop/first"))
    assert api.begun.wait(30)

    for number in range(WAITING_MAX + 5):
        recorder.noted(a_decline(code=111, pod=f"shop/web-{number}"))
    assert kept_out == [BOUND] * 5

    api.may_go_on.set()
    recorder.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert api.written[0] == "first"
