"""What Prometheus and Grafana are given: rules that fire when they should, panels of metrics that exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import coordinator.meters
import ctl.installer.report
import nodeagent.metrics
from daemon.metrics.described import PROCESS, Kind
from demo.daemons import command
from k8s.render import HERE, kustomize

MONITORING = HERE / "monitoring"
ALERTS_PAGE = HERE.parent / "docs" / "alerts.md"
(RULES,) = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"]
ALERTS = [rule["alert"] for rule in RULES["rules"]]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())

LEADER = 'namespace="kube-system",pod="coordinator-0"'
OTHER = 'namespace="kube-system",pod="coordinator-1"'
AGENT = 'namespace="kube-system",pod="agent-0",node="node-1"'
NETWORK = f'{LEADER},view="default",subnet="10.0.0.0/24"'
C, A = coordinator.meters.PREFIX, nodeagent.metrics.PREFIX


def metric(name: str, labels: str) -> str:
    return f"{name}{{{labels}}}"


def c(name: str, labels: str = LEADER) -> str:
    return metric(C + name, labels)


def a(name: str, labels: str = AGENT) -> str:
    return metric(A + name, labels)


def by(label: str, value: str, labels: str = LEADER) -> str:
    return f'{labels},{label}="{value}"'


HEALTHY: Mapping[str, str] = {
    c("leading"): "1",
    c("leading", OTHER): "0",
    c("grid_available"): "1",
    c("grid_available", OTHER): "0",
    **{c("grid_trouble", by("reason", each)): "0" for each in coordinator.meters.GRID_TROUBLES},
    c("grid_certificate_end_seconds"): "5000000000",
    c("grid_certificate_end_seconds", OTHER): "0",
    c("network_size", NETWORK): "254",
    c("network_free", NETWORK): "200",
    c("nodes_silent"): "0",
    c("allocations_listed"): "1",
    c("allocations_listed", OTHER): "0",
    c("sweep_interval_seconds"): "600",
    c("sweep_interval_seconds", OTHER): "600",
    c("sweep_age_seconds"): "300",
    c("sweep_age_seconds", OTHER): "-1",
    c("sweep_stopped"): "0",
    c("labels_oldest_seconds"): "20",
    **{c("alarms_open", by("kind", each)): "0" for each in coordinator.meters.OPEN_ALARMS},
    c("alarms_total", by("event", "label_failed")): "0",
    c("declined_total", by("reason", "NetworkExhausted")): "0",
    c("internal_errors_total", by("place", "machine")): "0",
    a("coordinator_connected"): "1",
    a("pending_oldest_seconds"): "0",
    a("let_go_oldest_seconds"): "45",
    a("allocations", by("state", "lost", AGENT)): "0",
    a("journal_writable"): "1",
    a("journal_damaged"): "0",
    a("internal_errors_total", by("place", "session", AGENT)): "0",
}
"""What stays as it is while nothing is wrong."""


@dataclass(frozen=True)
class Story:
    """What goes wrong, and which alerts fire at which minute; all others are silent."""

    name: str
    wrong: Mapping[str, str]
    fires: Mapping[int, tuple[str, ...]]
    healthy: Mapping[str, str] = field(default_factory=lambda: HEALTHY)


def opened(kind: str) -> dict[str, str]:
    return {c("alarms_open", by("kind", kind)): "0+0x4 1+0x60"}


STORIES = (
    Story("all is well", {}, {1: (), 120: ()}),
    Story("80 %", {c("network_free", NETWORK): "200+0x9 45+0x60"}, {20: (), 30: ("NetworkFilling",)}),
    Story(
        "95 %",
        {c("network_free", NETWORK): "200+0x9 10+0x60"},
        {13: (), 16: ("NetworkNearlyFull",), 30: ("NetworkNearlyFull", "NetworkFilling")},
    ),
    Story("it fills", {c("network_free", NETWORK): "160-0.1x470"}, {300: (), 370: ("NetworkEmptySoon",)}),
    Story(
        "it is full",
        {c("declined_total", by("reason", "NetworkExhausted")): "0+0x9 3+0x60"},
        {9: (), 12: ("NetworkExhausted",), 40: ()},
    ),
    Story("the grid is away", {c("grid_available"): "1+0x4 0+0x60"}, {8: (), 12: ("GridUnavailable",)}),
    Story(
        "the password is wrong",
        {c("grid_trouble", by("reason", "GridLoginRefused")): "0+0x4 1+0x60"},
        {4: (), 6: ("GridLoginRefused",)},
    ),
    Story(
        "the certificate ends in 13 days",
        {c("grid_certificate_end_seconds"): "1123200+0x480"},
        {50: (), 70: ("GridCertificateEndsSoon",)},
    ),
    Story("its end is not known", {c("grid_certificate_end_seconds"): "0+0x480"}, {90: ()}),
    Story("nobody leads", {c("leading"): "1+0x4 0+0x60"}, {6: (), 8: ("NoLeader",)}),
    Story("nobody is there", {}, {1: (), 3: ("NoLeader",)}, healthy={}),
    Story("the other one takes over", {c("leading"): "1+0x4 0+0x60", c("leading", OTHER): "0+0x3 1+0x3"}, {6: ()}),
    Story("agents are silent", {c("nodes_silent"): "2+0x60"}, {4: (), 6: ("NodesSilent",)}),
    Story("a node is cut off", {a("coordinator_connected"): "0+0x60"}, {9: (), 11: ("AgentCutOff",)}),
    Story("gone nodes are not believed", {c("sweep_stopped"): "1+0x60"}, {14: (), 16: ("SweepStopped",)}),
    Story("no sweep", {c("sweep_age_seconds"): "0+60x100"}, {44: (), 50: ("SweepStopped",)}),
    Story(
        "no sweep is wanted",
        {c("sweep_age_seconds"): "0+60x400", c("sweep_interval_seconds"): "0+0x400"},
        {100: ()},
    ),
    Story("never listed", {c("allocations_listed"): "0+0x60"}, {14: (), 16: ("SweepStopped",)}),
    Story("releases wait", {a("let_go_oldest_seconds"): "0+60x60"}, {18: (), 22: ("DeletesPending",)}),
    Story("files wait", {a("pending_oldest_seconds"): "0+60x60"}, {18: (), 22: ("DeletesPending",)}),
    Story("labels wait", {c("labels_oldest_seconds"): "400+0x60"}, {4: (), 6: ("LabelsBehind",)}),
    Story(
        "labels are refused",
        {c("alarms_total", by("event", "label_failed")): "0+1x60"},
        {3: (), 20: ("LabelsBehind",)},
    ),
    Story(
        "a place fails",
        {c("internal_errors_total", by("place", "machine")): "0+0x20 1+0x60"},
        {20: (), 22: ("InternalErrors",), 40: ()},
    ),
    Story(
        "a place fails that was never seen",
        {a("internal_errors_total", by("place", "odd", AGENT)): "_x20 1+0x60"},
        {19: (), 22: ("InternalErrors",)},
    ),
    Story(
        "a pod fails in its first minute",
        {c("internal_errors_total", 'namespace="kube-system",pod="new",place="http"'): "_x20 1+0x60"},
        {19: (), 22: ("InternalErrors",)},
    ),
    Story("a name is taken", opened("another_cluster"), {4: (), 6: ("AnotherCluster",)}),
    Story("a clone", opened("two_machines"), {4: (), 6: ("TwoMachines",)}),
    Story("two agents", opened("two_agents"), {4: (), 6: ("TwoMachines",)}),
    Story("rebuilt", opened("boot_not_over"), {4: (), 6: ("BootNotOver",)}),
    Story("another id", opened("wrong_cluster"), {4: (), 6: ("WrongCluster",)}),
    Story("no definitions", opened("definitions_missing"), {4: (), 6: ("AttributesUnusable",)}),
    Story("wrong definitions", opened("definitions_mistyped"), {4: (), 6: ("AttributesUnusable",)}),
    Story(
        "an address is lost",
        {a("allocations", by("state", "lost", AGENT)): "0+0x4 1+0x60"},
        {4: (), 6: ("AddressLost",)},
    ),
    Story("a full disk", {a("journal_writable"): "0+0x60"}, {1: (), 3: ("JournalUnusable",)}),
    Story("a damaged journal", {a("journal_damaged"): "1+0x60"}, {1: (), 3: ("JournalUnusable",)}),
)


def promtool(*arguments: str, directory: Path) -> None:
    # It makes a database for each story: on a disk it would wait for that most of its time.
    environment = {**os.environ, "TMPDIR": "/dev/shm"}
    done = subprocess.run(
        [*command("promtool"), *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def as_test(story: Story) -> dict[str, Any]:
    steady = {series: value for series, value in story.healthy.items() if series not in story.wrong}
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    return {
        "name": story.name,
        "interval": "1m",
        "input_series": [
            *({"series": series, "values": f"{value}+0x{max(story.fires)}"} for series, value in steady.items()),
            *({"series": series, "values": values} for series, values in story.wrong.items()),
        ],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": f"{minute}m",
                "exp_samples": [
                    {"labels": f'{{alertname="CniInfoblox{alert}"}}', "value": 1} for alert in sorted(alerts)
                ],
            }
            for minute, alerts in story.fires.items()
        ],
    }


def test_each_alert_fires_when_it_should_and_no_other_does(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [RULES]}))
    promtool("check", "rules", "rules.yaml", directory=tmp_path)
    tests = [as_test(story) for story in STORIES]
    wanted = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(wanted, sort_keys=False))
    promtool("test", "rules", "tests.yaml", directory=tmp_path)


def test_each_alert_has_a_story_and_a_section_to_which_its_link_leads() -> None:
    told = {f"CniInfoblox{alert}" for story in STORIES for alerts in story.fires.values() for alert in alerts}
    assert told == set(ALERTS)
    assert set(re.findall(r"^### (\w+)$", ALERTS_PAGE.read_text(), re.MULTILINE)) == set(ALERTS)
    for rule in RULES["rules"]:
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/alerts.md#{rule['alert'].lower()}")
        assert rule["labels"]["severity"] in ("critical", "warning")


def known_metrics() -> set[str]:
    known = {each.shown_name for each in PROCESS}
    for prefix, meters in (
        (C, coordinator.meters.METERS),
        (A, nodeagent.metrics.METERS),
        (ctl.installer.report.PREFIX, ctl.installer.report.METERS),
    ):
        for each in meters:
            suffixes = ("_bucket", "_count", "_sum") if each.kind is Kind.HISTOGRAM else ("",)
            known |= {f"{prefix}{each.shown_name}{suffix}" for suffix in suffixes}
    return known


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:cni_infoblox|process)_\w+", expression))


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES["rules"])
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))
    yield from (
        str(variable["query"]["query"])
        for variable in DASHBOARD["templating"]["list"]
        if isinstance(variable["query"], dict)
    )


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_rules_and_panels_speak_of_metrics_that_exist(expression: str) -> None:
    assert metrics_in(expression)
    assert metrics_in(expression) <= known_metrics()


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_component_opens_the_ports_that_the_monitors_look_for(tmp_path: Path) -> None:
    there = os.path.relpath(HERE, tmp_path)
    site = {"resources": [f"{there}/base"], "components": [f"{there}/components/monitoring"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(site))
    found = [each for each in yaml.safe_load_all(kustomize(tmp_path)) if each]
    monitors = [each for each in found if each["kind"] == "PodMonitor"]
    workloads = [each for each in found if each["kind"] in ("Deployment", "DaemonSet")]
    assert len(monitors) == len(workloads) == 3
    for monitor in monitors:
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        templates = [each["spec"]["template"] for each in workloads]
        (template,) = (each for each in templates if wanted <= each["metadata"]["labels"].items())
        (container,) = template["spec"]["containers"]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        (port,) = (each for each in container["ports"] if each["name"] == endpoint["port"])
        *_, listens = (each for each in container["args"] if each.startswith("--status-listen="))
        assert listens == f"--status-listen=*:{port['containerPort']}"
    (dashboard,) = (each for each in found if each["metadata"]["name"] == "cni-infoblox-dashboard")
    assert json.loads(dashboard["data"]["cni-infoblox.json"]) == DASHBOARD
    assert {"PrometheusRule"} <= {each["kind"] for each in found}
