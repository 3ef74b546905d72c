"""Makes the pictures of docs/pictures from daemons that run, and from a Prometheus that scrapes them."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image

from demo.browser import NoPicture, screenshot
from demo.cluster import Cluster, Plan
from demo.daemons import DaemonFailed
from demo.links import add_namespace, remove_namespace
from demo.prometheus import Prometheus, ScrapeTarget
from docs import dashboard_picture, scene
from k8s.dashboard import chosen, dashboard

PICTURES: Final = Path(__file__).parent / "pictures"
STATUS_PAGE: Final = PICTURES / "status-page.png"
DASHBOARD: Final = PICTURES / "dashboard.png"
WIDTH: Final = 1200
HEIGHT: Final = 1560
UNDRAWN: Final = 300
"""What the browser leaves out at the lower end."""

COLOURS_MAX: Final = 255
DAEMONS: Final = ("7h4mq", "p9zkd", "xw2ct")
"""How the names of the agents' pods end."""

NAMESPACE: Final = "kube-system"
SCRAPED_EVERY_S: Final = 2
RATED_OVER_S: Final = 10 * SCRAPED_EVERY_S
SUBTITLE: Final = "Drawn by `make picture` from Prometheus' answers to the dashboard's queries. Not Grafana itself"


def main() -> None:
    """Run the cluster, draw what it shows."""
    if os.geteuid() != 0:
        sys.exit("network namespaces need root: run it with sudo")
    directory = Path(tempfile.mkdtemp(prefix="cni-infoblox-picture-"))
    plan = Plan(scene.NODES, coordinator_flags=scene.FLAGS)
    PICTURES.mkdir(exist_ok=True)
    try:
        with _namespace() as netns, Cluster(directory, plan) as cluster, _watched(cluster) as prometheus:
            began_s = time.time()
            scene.play(cluster, netns)
            _draw_dashboard(prometheus, dashboard_picture.Window(began_s, time.time(), SCRAPED_EVERY_S))
            _draw_status_page(cluster, directory / "page.png")
    except (DaemonFailed, NoPicture) as failed:
        sys.exit(str(failed))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _watched(cluster: Cluster) -> Iterator[Prometheus]:
    """A Prometheus that gives the labels which the PodMonitors give."""
    assert cluster.coordinator
    port = cluster.coordinator.wait_for("started")["status_port"]
    targets = [ScrapeTarget(port, _labels("cni-infoblox-coordinator-5c9d8b7f6-x2k9p", scene.NODES[0]))]
    for suffix, node in zip(DAEMONS, cluster.nodes.values(), strict=True):
        assert node.agent
        port = node.agent.wait_for("status_listening")["port"]
        targets.append(ScrapeTarget(port, _labels(f"cni-infoblox-daemon-{suffix}", node.name)))
    prometheus = Prometheus(cluster.directory / "prometheus", targets, SCRAPED_EVERY_S)
    try:
        prometheus.wait_for(f"count(count_over_time(up[1m]) > 1) == {len(targets)}")
        yield prometheus
    finally:
        prometheus.stop()


def _labels(pod: str, node: str) -> dict[str, str]:
    return {"namespace": NAMESPACE, "pod": pod, "node": node}


def _draw_dashboard(prometheus: Prometheus, window: dashboard_picture.Window) -> None:
    shown = dashboard()
    values = chosen(shown.templating.list, prometheus.label_values, RATED_OVER_S)
    lines = [dashboard_picture.ask(prometheus, panel, values, window) for panel in shown.panels]
    raw = prometheus.directory / "dashboard.png"
    dashboard_picture.draw(shown, lines, window, SUBTITLE, raw)
    with Image.open(raw) as drawn:
        _keep(drawn, DASHBOARD)


def _draw_status_page(cluster: Cluster, raw: Path) -> None:
    assert cluster.coordinator
    port = cluster.coordinator.wait_for("started")["status_port"]
    screenshot(f"http://127.0.0.1:{port}/", raw, WIDTH, HEIGHT + UNDRAWN)
    with Image.open(raw) as drawn:
        _keep(drawn.crop((0, 0, WIDTH, HEIGHT)), STATUS_PAGE)


def _keep(drawn: Image.Image, picture: Path) -> None:
    """Write a picture with few colours, as small as it gets."""
    drawn.convert("RGB").quantize(COLOURS_MAX, dither=Image.Dither.NONE).save(picture, optimize=True)
    sys.stdout.write(f"{picture}: {picture.stat().st_size:,} bytes\n")


@contextmanager
def _namespace() -> Iterator[str]:
    """A network namespace for all pods: what the pictures show are their addresses."""
    name = f"picture-{secrets.token_hex(3)}"
    path = add_namespace(name)
    try:
        yield path
    finally:
        remove_namespace(name)


if __name__ == "__main__":
    main()
