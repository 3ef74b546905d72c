"""Makes the pictures of docs/pictures from daemons that run: much goes right there, and some things go wrong."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image

from coordinator.nodes.sessions import SILENT_S
from demo.browser import NoPicture, screenshot
from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, pod_args
from demo.daemons import DaemonFailed
from demo.links import add_namespace, remove_namespace

PICTURE: Final = Path(__file__).parent / "pictures" / "status-page.png"
WIDTH: Final = 1200
HEIGHT: Final = 1560
UNDRAWN: Final = 300
"""What the browser leaves out at the lower end."""

COLOURS_MAX: Final = 128
NODES: Final = ("worker-1", "worker-2", "worker-3")
SLACK_S: Final = 60.0

PODS: Final = {"subnet": "10.55.0.0/24", "gateway": "10.55.0.1"}
STORAGE: Final = {"subnet": "10.56.0.0/27", "gateway": "10.56.0.1"}
EDGE: Final = {"subnet": "10.57.0.0/29", "gateway": "10.57.0.1"}
FOREIGN: Final = {"subnet": "10.58.0.0/24", "gateway": "10.58.0.1"}
"""A network of somebody else."""


def main() -> None:
    """Run the cluster, draw its page."""
    if os.geteuid() != 0:
        sys.exit("network namespaces need root: run it with sudo")
    directory = Path(tempfile.mkdtemp(prefix="cni-infoblox-picture-"))
    flags = ("--cluster-name", "prod-1", "--release-delay", "3600")
    try:
        with _namespace() as netns, Cluster(directory, Plan(NODES, coordinator_flags=flags)) as cluster:
            _live(cluster, netns)
            _draw(cluster, directory / "page.png")
    except (DaemonFailed, NoPicture) as failed:
        sys.exit(str(failed))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _live(cluster: Cluster, netns: str) -> None:
    """Pods come and go, one network runs full, a configuration is wrong, a node is cut off."""
    first, second, third = cluster.nodes.values()
    web = [_add(node, f"web-{number}", netns, PODS) for number in range(30) for node in (first, second, third)]
    for number in range(11):
        for node in (first, second):
            _add(node, f"db-{number}", netns, STORAGE)
    for number in range(8):
        _add(first, f"edge-{number}", netns, EDGE)
    cluster.grid.create("network", {"network": FOREIGN["subnet"]})
    for _ in range(3):
        _add(second, "billing-0", netns, FOREIGN)
    for node, container in web[:12]:
        node.ipam(Invocation("DEL", container, "eth0"), node.config(**PODS))
    assert third.agent
    assert cluster.coordinator
    third.agent.kill()
    cluster.coordinator.wait_for("node_silent", timeout_s=SILENT_S + SLACK_S)


def _add(node: Node, pod: str, netns: str, ipam: dict[str, str]) -> tuple[Node, str]:
    container = secrets.token_hex(32)
    args = pod_args("shop", pod, container, f"uid-{container[:8]}")
    node.ipam(Invocation("ADD", container, "eth0", netns, args), node.config(**ipam))
    return node, container


def _draw(cluster: Cluster, raw: Path) -> None:
    assert cluster.coordinator
    port = cluster.coordinator.wait_for("started")["status_port"]
    screenshot(f"http://127.0.0.1:{port}/", raw, WIDTH, HEIGHT + UNDRAWN)
    PICTURE.parent.mkdir(exist_ok=True)
    with Image.open(raw) as drawn:
        drawn.crop((0, 0, WIDTH, HEIGHT)).convert("RGB").quantize(COLOURS_MAX, dither=Image.Dither.NONE).save(
            PICTURE, optimize=True
        )
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes\n")


@contextmanager
def _namespace() -> Iterator[str]:
    """A network namespace for all pods: what the picture shows are their addresses."""
    name = f"picture-{secrets.token_hex(3)}"
    path = add_namespace(name)
    try:
        yield path
    finally:
        remove_namespace(name)


if __name__ == "__main__":
    main()
