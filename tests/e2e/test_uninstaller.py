"""`cni-infoblox uninstall` on a node with a real agent: nothing that a pod still needs is taken away."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.cluster import Cluster, Plan, Pod
from demo.daemons import Daemon
from demo.links import remove_namespace
from protocol.leaving import marker
from tests.e2e.installer_world import NAME, InstallerWorld, fetch, netconf, page

Uninstall = Callable[..., Daemon]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One whose node keeps addresses ready, as nodes do."""
    with Cluster(tmp_path_factory.mktemp("cluster"), Plan()) as shared:
        yield shared


@pytest.fixture
def world(tmp_path: Path, cluster: Cluster) -> Iterator[InstallerWorld]:
    """A node on which the installer has done its work, then ended."""
    made = InstallerWorld(tmp_path, cluster.node.socket_dir)
    made.configure(netconf())
    made.start()
    made.in_place()
    made.stop()
    yield made
    made.stop()


@pytest.fixture
def pod(cluster: Cluster) -> Iterator[Pod]:
    """A pod that holds an address."""
    config = {**cluster.node.config("bridge"), "bridge": f"ib{secrets.token_hex(3)}"}
    made = Pod(cluster.node, "web-0", config)
    assert made.add().ok
    yield made
    made.delete()
    remove_namespace(made.netns_name)


@pytest.fixture
def uninstall(world: InstallerWorld, cluster: Cluster) -> Uninstall:
    """Starts the command."""
    assert cluster.node.agent
    return partial(world.uninstall, cluster.node.agent)


def names(cluster: Cluster) -> set[str]:
    """What the grid's fixed addresses and reservations are called."""
    return {each["name"] for each in cluster.grid.objects()}


def says(daemon: Daemon, words: str) -> None:
    daemon.wait_until(lambda line: words in line.get("text", ""), words)


def test_a_node_without_pods_is_left_as_before_the_installation(
    world: InstallerWorld, uninstall: Uninstall
) -> None:
    assert uninstall().wait_exit(60) == 0
    assert sorted(path.name for path in world.bin_dir.iterdir()) == ["bridge", "macvlan"]
    assert list(world.conf_dir.iterdir()) == []


def test_a_pod_keeps_plugin_and_configuration_until_it_has_gone(
    world: InstallerWorld, cluster: Cluster, pod: Pod, uninstall: Uninstall
) -> None:
    uninstalling = uninstall()
    says(uninstalling, "waiting for the node's pods to go (kubectl drain): 1 held")
    closed = json.loads(world.file.read_bytes())
    assert closed["ipam"]["closed"] is True
    assert world.plugin.exists()

    late = Pod(cluster.node, "late", {**pod.config, "ipam": {**pod.config["ipam"], "closed": True}})
    refused = late.add()
    assert (refused.ok, refused.code) == (False, 11)
    assert "is being uninstalled" in refused.result["msg"]
    assert late.delete().ok

    assert pod.delete().ok
    assert uninstalling.wait_exit(60) == 0
    assert not world.file.exists()
    assert not world.plugin.exists()


def test_what_is_left_when_time_is_up_is_told_and_keeps_what_it_needs(
    world: InstallerWorld, pod: Pod, uninstall: Uninstall
) -> None:
    ended = uninstall("--timeout", "0")
    assert ended.wait_exit(60) == 1
    assert re.search("--timeout 0: still left: .*1 held", ended.tail())
    assert world.file.exists()
    assert world.plugin.exists()

    installer = world.start()
    world.in_place()
    assert "closed" not in json.loads(world.file.read_bytes())["ipam"]
    assert page(installer, "/readyz")[0] == 200


def test_an_agent_that_does_not_tell_is_no_reason_to_go_on(world: InstallerWorld, uninstall: Uninstall) -> None:
    ended = uninstall("--timeout", "0", "--agent-status", "http://127.0.0.1:1")
    assert ended.wait_exit(60) == 1
    assert "addresses unknown (the node's agent at http://127.0.0.1:1: nobody listens)" in ended.tail()
    assert world.plugin.exists()


def test_what_earlier_releases_left_on_the_disk_goes(world: InstallerWorld, uninstall: Uninstall) -> None:
    old = world.directory / "var-lib"
    (old / "keys").mkdir(parents=True)
    for name in ("journal.sqlite3", "journal.sqlite3-wal", "keys/agent.key_secret", "somebody-elses"):
        (old / name).touch()
    assert uninstall("--old-state-dir", str(old)).wait_exit(60) == 0
    assert [path.name for path in old.iterdir()] == ["somebody-elses"]
    (old / "somebody-elses").unlink()


def test_what_the_agent_keeps_ready_goes_at_once(
    world: InstallerWorld, cluster: Cluster, pod: Pod, uninstall: Uninstall
) -> None:
    assert pod.delete().ok
    assert cluster.grid.wait_until(lambda: names(cluster) == {"gateway", "reserve"})
    assert uninstall().wait_exit(60) == 0
    assert names(cluster) == {"gateway"}


def test_a_pending_delete_is_awaited(world: InstallerWorld, cluster: Cluster, uninstall: Uninstall) -> None:
    marker(cluster.node.socket_dir, "infoblox").touch()
    other = world.directory / "run"
    (other / "infoblox.pending").mkdir(parents=True)
    (other / "infoblox.pending" / "c1-eth0").touch()
    uninstalling = uninstall("--socket-dir", str(other))
    says(uninstalling, "(kubectl drain): 1 pending deletes")
    (other / "infoblox.pending" / "c1-eth0").unlink()
    assert uninstalling.wait_exit(60) == 0


def test_an_installer_at_work_is_named(world: InstallerWorld, uninstall: Uninstall) -> None:
    world.start().wait_for("started")
    ended = uninstall()
    assert ended.wait_exit(60) == 1
    assert "delete the DaemonSet cni-infoblox-plugin" in ended.tail()
    assert world.plugin.exists()


def test_a_file_that_somebody_else_wrote_goes_only_when_it_is_named(
    world: InstallerWorld, uninstall: Uninstall
) -> None:
    (world.conf_dir / "05-foreign.conf").write_text('{"name": "other", "type": "bridge"}')
    (world.conf_dir / "07-by-hand.conf").write_text(json.dumps(netconf(name="by-hand")))
    ended = uninstall()
    assert ended.wait_exit(60) == 1
    assert "07-by-hand.conf: uses infoblox, but is not as the installer wrote it" in ended.tail()
    assert "closed" not in json.loads(world.file.read_bytes())["ipam"]
    assert uninstall("--configuration", "05-foreign.conf").wait_exit(60) == 2
    assert uninstall("--configuration", "07-by-hand.conf").wait_exit(60) == 0
    assert [path.name for path in world.conf_dir.iterdir()] == ["05-foreign.conf"]
    assert not (world.conf_dir / NAME).exists()


def test_one_that_is_told_to_end_leaves_what_is_needed_and_can_be_run_again(
    world: InstallerWorld, pod: Pod, uninstall: Uninstall
) -> None:
    waiting = uninstall()
    says(waiting, "1 held")
    assert waiting.stop() == 1
    assert re.search("was told to end; still left: .*1 held", waiting.tail())
    assert world.plugin.exists()
    assert pod.delete().ok
    assert uninstall().wait_exit(60) == 0
    assert not world.plugin.exists()


def test_one_that_stays_shows_over_http_what_is_left_then_that_nothing_is(
    world: InstallerWorld, pod: Pod, uninstall: Uninstall
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    staying = uninstall("--stay", "--status-listen", f"127.0.0.1:{port}")
    says(staying, "1 held")
    assert fetch(port, "/healthz") == (200, "ok\n")
    status, why = fetch(port, "/readyz")
    assert (status, "1 held" in why) == (503, True)
    assert "cni_infoblox_installer_ready 0.0" in fetch(port, "/metrics")[1]

    assert pod.delete().ok
    says(staying, "staying until told to end")
    assert fetch(port, "/readyz") == (200, "ok\n")
    assert not world.plugin.exists()
    assert staying.stop() == 0
