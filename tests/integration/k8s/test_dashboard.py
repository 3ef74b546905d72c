"""The dashboard: Grafana's own types read all of it, and each query has series of daemons that run."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanasDashboard
from PIL import Image

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, pod_args
from demo.daemons import command
from demo.prometheus import Prometheus, PrometheusRefused, ScrapeTarget
from docs.dashboard_picture import WIDTH_PX, Window, ask, draw
from docs.value_units import WRITTEN
from k8s.dashboard import FILE, Panel, Target, chosen, dashboard, replaced

SHOWN: Final = dashboard()
PANELS: Final = [panel for panel in SHOWN.panels if panel.type != "row"]
TARGETS: Final = [target for panel in PANELS for target in panel.targets]
PAGE: Final = FILE.parents[2] / "docs" / "monitoring.md"
SCRAPED_EVERY_S: Final = 1
RATED_OVER_S: Final = 4 * SCRAPED_EVERY_S
LABELS: Final = {
    "coordinator": {"namespace": "kube-system", "pod": "cni-infoblox-coordinator-0", "node": "node-1"},
    "agent": {"namespace": "kube-system", "pod": "cni-infoblox-daemon-0", "node": "node-1"},
}
WHERE_SOMETHING_HAPPENED: Final = " > 0"
"""Queries that end so are empty where nothing of the kind has happened, as here."""


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where a document has what another one lacks, or has otherwise."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from lost(value, after[name], f"{path}.{name}") if name in after else [f"{path}.{name}"]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}[{number}]")
    elif before != after:
        yield path


def read_by_grafana(document: dict[str, Any]) -> list[str]:
    """What of a dashboard Grafana's own types do not know; nothing where they know all."""
    register_default_plugins()
    known = JSONEncoder().encode(GrafanasDashboard.from_json(document))
    return list(lost(document, json.loads(known)))


def test_grafanas_own_types_know_all_of_it() -> None:
    assert read_by_grafana(json.loads(FILE.read_text())) == []


def test_a_wrong_name_would_be_found() -> None:
    document = json.loads(FILE.read_text())
    document["panels"][1]["options"]["colourMode"] = "background"
    document["panels"][1]["gridPos"]["width"] = 4
    assert read_by_grafana(document) == [".panels[1].gridPos.width", ".panels[1].options.colourMode"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_units_are_grafanas_and_are_drawn(panel: Panel) -> None:
    known = {value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)}
    assert panel.shown.unit in known & WRITTEN.keys()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It scrapes a coordinator and an agent that has a pod."""
    directory = tmp_path_factory.mktemp("dashboard")
    with Cluster(directory, Plan(coordinator_flags=("--sweep-interval", "1"))) as cluster:
        assert cluster.coordinator
        assert cluster.node.agent
        ports = {
            "coordinator": cluster.coordinator.wait_for("started")["status_port"],
            "agent": cluster.node.agent.wait_for("status_listening")["port"],
        }
        targets = [ScrapeTarget(port, LABELS[daemon]) for daemon, port in ports.items()]
        server = Prometheus(directory / "prometheus", targets, SCRAPED_EVERY_S)
        try:
            server.wait_for("count(up == 1) == 2")
            container = "a" * 64
            args = pod_args("shop", "web-0", container, "uid-0")
            added = Invocation("ADD", container, "eth0", "/proc/self/ns/net", args)
            assert cluster.node.ipam(added).ok
            server.wait_for("cni_infoblox_coordinator_network_size")
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def values(prometheus: Prometheus) -> Mapping[str, str]:
    return chosen(SHOWN.templating.list, prometheus.label_values, RATED_OVER_S)


def test_the_variables_stand_for_what_there_is(values: Mapping[str, str]) -> None:
    assert values == {
        "__rate_interval": f"{RATED_OVER_S}s",
        "cluster": "",
        "namespace": "kube-system",
        "subnet": r"(10\\.55\\.0\\.0/24)",
    }


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.expr)
def test_each_query_has_series(target: Target, prometheus: Prometheus, values: Mapping[str, str]) -> None:
    expression = replaced(target.expr, values)
    series = prometheus.wait_for(expression.removesuffix(WHERE_SOMETHING_HAPPENED))
    assert all(target.name(each.labels) or not target.legend_format for each in series)


def test_all_of_it_is_drawn(prometheus: Prometheus, values: Mapping[str, str], tmp_path: Path) -> None:
    now_s = time.time()
    window = Window(now_s - 10, now_s, SCRAPED_EVERY_S)
    lines = [ask(prometheus, panel, values, window) for panel in SHOWN.panels]
    draw(SHOWN, lines, window, "as the test saw it", tmp_path / "dashboard.png")
    with Image.open(tmp_path / "dashboard.png") as drawn:
        assert drawn.width == WIDTH_PX
        assert len(drawn.convert("RGB").getcolors(drawn.width * drawn.height) or ()) > len(PANELS)


def test_what_is_no_promql_is_refused(prometheus: Prometheus) -> None:
    with pytest.raises(PrometheusRefused, match="parse error"):
        prometheus.query("sum(")


def test_the_pages_configuration_gives_the_labels_that_the_dashboard_asks_for(tmp_path: Path) -> None:
    (printed,) = re.findall(r"^```yaml\n# prometheus\.yml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "prometheus.yml").write_text(printed)
    (tmp_path / "rules.yml").write_text("groups: []")
    argv = [*command("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    subprocess.run(argv, check=True)
    jobs = yaml.safe_load(printed)["scrape_configs"]
    given = [set(static["labels"]) for job in jobs for static in job["static_configs"]]
    assert given
    assert all(labels >= {"namespace", "pod", "node"} for labels in given)
