"""What Prometheus reads of the coordinator: complete from the first moment, by reason, and true of its status."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coordinator import meters
from coordinator.core import errors
from coordinator.core.outbox import Note
from coordinator.lane import outage
from coordinator.metrics import Metrics
from daemon.metrics.described import PROCESS, Kind
from protocol.wire.status import AlarmStatus, CoordinatorStatus, LeaseStatus, SweepStatus
from tests.statuses import a_coordinator, a_grid, a_network, a_node

ROOT = Path(__file__).parents[3]
Samples = dict[tuple[str, tuple[str, ...]], float]


def read(metrics: Metrics, status: CoordinatorStatus | None = None) -> Samples:
    """Each value by its name without prefix, and the values of its labels."""
    text = metrics.text(status or a_coordinator(), {"keyless": 0, "known": 1, "unknown": 0}).decode()
    return {
        (sample.name.removeprefix(meters.PREFIX), tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_whose_labels_are_known_are_0_before_anything_has_happened():
    samples = read(Metrics("0.1.0", "prod-1"))
    for each in meters.METERS:
        for values in each.starts:
            assert samples[each.shown_name, values] == (1 if values == ("known",) else 0)
    assert samples["declined_total", ("NetworkExhausted",)] == 0
    assert not [name for name, _ in samples if name.endswith("_created")]


def test_each_metric_that_is_described_is_there_and_no_other():
    status = a_coordinator(
        networks=[a_network("10.55.0.0/24", 3).model_copy(update={"others": 1, "in_ranges": 0, "free": 250})],
        lease=LeaseStatus(
            identity="a", holder="b", since="2026-01-01T00:00:00Z", renewed_s_ago=1, valid=True, trouble=""
        ),
    )
    text = Metrics("0.1.0", "prod-1").text(status, {}).decode()
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    described = {meters.PREFIX + each.shown_name for each in meters.METERS}
    assert shown == described | {each.shown_name for each in PROCESS}


def test_what_is_declined_is_counted_by_its_error_class():
    metrics = Metrics("0.1.0", "prod-1")
    metrics.count(Note("declined", {"code": 11, "error": "NetworkExhausted", "reason": "no address left"}))
    metrics.count(Note("declined", {"code": 11, "error": "GridUnavailable", "reason": "away"}))
    samples = read(metrics)
    assert samples["declined_total", ("NetworkExhausted",)] == 1
    assert samples["declined_total", ("GridUnavailable",)] == 1
    assert samples["declined_total", ("TimeIsUp",)] == 0


def test_why_the_grid_is_away_and_which_alarms_are_open_is_told_until_it_is_over():
    metrics = Metrics("0.1.0", "prod-1")
    alarm = AlarmStatus(kind="two_machines", node="node-1", since_s=1, text="")
    grid = a_grid(state="unavailable", problem="GridLoginRefused", certificate_ends="2027-01-01T00:00:00+00:00")
    during = read(metrics, a_coordinator(grid=grid, alarms=(alarm,)))
    assert (during["grid_available", ()], during["grid_trouble", ("GridLoginRefused",)]) == (0, 1)
    assert during["grid_trouble", ("GridUnavailable",)] == 0
    assert during["alarms_open", ("two_machines",)] == 1
    assert during["grid_certificate_end_seconds", ()] == 1798761600

    after = read(metrics)
    assert (after["grid_available", ()], after["grid_trouble", ("GridLoginRefused",)]) == (1, 0)
    assert after["alarms_open", ("two_machines",)] == 0
    assert after["grid_certificate_end_seconds", ()] == 0


def test_only_the_coordinator_that_leads_tells_of_networks():
    network = a_network("10.55.0.0/24", 3).model_copy(update={"free": 250})
    place = ("10.55.0.0/24", "default")
    metrics = Metrics("0.1.0", "prod-1")
    leads = read(metrics, a_coordinator(networks=[network]))
    assert leads["network_free", place] == 250
    assert ("network_others", place) not in leads, "the grid was not asked yet"
    follows = read(metrics, a_coordinator(networks=[network], why_not_leading="another one leads"))
    assert not [name for name, _ in follows if name.startswith("network_")]


def test_the_gauges_are_what_the_status_says():
    status = a_coordinator(
        nodes=[a_node("a", held=3), a_node("b", connected_s=None)],
        labels_waiting=4,
        oldest_label_s=31.5,
        sweep=SweepStatus(listed_s_ago=None, unreadable=2, stopped="too many", interval_s=600),
    )
    samples = read(Metrics("0.1.0", "prod-1"), status)
    wanted = {
        "nodes_connected": 1,
        "nodes_silent": 1,
        "claims": 7,
        "labels_waiting": 4,
        "labels_oldest_seconds": 31.5,
        "sweep_interval_seconds": 600,
        "sweep_age_seconds": -1,
        "sweep_stopped": 1,
        "sweep_unreadable": 2,
    }
    assert {name: samples[name, ()] for name in wanted} == wanted


def test_every_alarm_of_the_code_is_listed():
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "coordinator").rglob("*.py")}
    told = {each for text in sources.values() if "alarm" in text for each in alarms_in(text)}
    assert {event for event, _ in told} == set(meters.ALARMS)
    assert {event for event, is_opened in told if is_opened} == set(meters.OPEN_ALARMS)


def alarms_in(source: str) -> Iterator[tuple[str, bool]]:
    """The events of the alarms that a module tells, and whether it opens them."""
    nodes = list(ast.walk(ast.parse(source)))
    names: dict[str, list[str]] = {}
    for node in nodes:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            names[node.target.id] = texts(node.value, {})
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = texts(node.value, {})
    for call in nodes:
        if not isinstance(call, ast.Call) or not call.args:
            continue
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if called in ("open", "open_for") and "alarms" in ast.unparse(call.func):
            at = 1 if called == "open_for" else 0
            yield from ((text, True) for text in texts(call.args[at], names))
        elif called == "alarm" or (called == "Note" and any(each.arg == "is_alarm" for each in call.keywords)):
            yield from ((text, False) for text in texts(call.args[0], names))


def texts(node: ast.expr, names: dict[str, list[str]]) -> list[str]:
    """The texts that an expression may be: a constant, one of two, or what a name stands for."""
    if isinstance(node, ast.IfExp):
        return texts(node.body, names) + texts(node.orelse, names)
    if isinstance(node, ast.Name):
        return names.get(node.id, [])
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_every_trouble_of_the_grid_is_an_error_class():
    for name in meters.GRID_TROUBLES:
        problem = getattr(errors, name)
        assert issubclass(problem, outage.Problem)
    assert set(meters.GRID_TROUBLES) <= set(meters.REASONS)


def test_the_limits_are_those_of_the_security_page():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## Limits by name")[2]
    named = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert set(meters.BOUNDS) <= named


@pytest.mark.parametrize("each", meters.METERS, ids=lambda each: each.name)
def test_each_metric_says_what_it_means_and_what_to_do(each):
    assert each.means.endswith(".")
    assert each.remedy.endswith(".")
    assert each.kind in Kind
