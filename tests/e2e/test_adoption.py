"""From the original's daemon to this generation: the order of the migration, with the real commands."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import NetNS
from runtime_calls import a_mac, add, delete

from demo.cluster import Cluster, Node, Plan
from demo.daemons import command
from demo.grid import ea
from demo.links import add_interface, add_namespace, remove_namespace
from demo.socket_directory import socket_directory
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from tests.original_daemon import OriginalDaemon

MakeCluster = Callable[[Plan], Cluster]
SUBNET = "10.77.0.0/24"
TENANT = "demo"
FLAGS = ("--release-delay", "0", "--reserve", "0")


class OldPod:
    """A pod that got its address from the original; it still lives."""

    def __init__(self, number: int, namespaces: Path) -> None:
        self.container_id = f"{number:064x}"
        self.mac = f"02:00:00:00:77:{number:02x}"
        self.name = f"ibold-{number}-{self.container_id[-4:]}"
        self._link = namespaces / self.name
        add_namespace(self.name)
        add_interface(self.name, "eth0", self.mac)
        self._link.symlink_to(f"/run/netns/{self.name}")

    def take(self, address: str) -> None:
        with NetNS(self.name) as links:
            (index,) = links.link_lookup(ifname="eth0")
            links.addr("add", index=index, address=address, prefixlen=24)

    def die(self) -> None:
        self._link.unlink(missing_ok=True)
        remove_namespace(self.name)


class Site:
    """Two nodes as they are during the migration: agents beside the original's daemon."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self.cluster = cluster
        self.pods: dict[str, OldPod] = {}
        self._stack = stack
        for node in cluster.nodes.values():
            self._namespaces(node).mkdir()
            assert node.agent
            node.agent.stop()
            node.start_agent("--netns-dir", str(self._namespaces(node)))
            cluster.coordinator.wait_for_count("node_connected", len(cluster.nodes))  # type: ignore[union-attr]

    def add_pod(self, name: str, node: Node, number: int) -> OldPod:
        pod = self.pods[name] = OldPod(number, self._namespaces(node))
        self._stack.callback(pod.die)
        return pod

    def adopt(self, *flags: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        argv = [*command("cni-infoblox"), "adopt", "--operator-socket", str(self.cluster.operator_socket), *flags]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def objects(self) -> dict[str, dict[str, Any]]:
        return {each["ipv4addr"]: each for each in self.cluster.grid.objects()}

    @staticmethod
    def _namespaces(node: Node) -> Path:
        return node.directory / "netns"


@pytest.fixture
def site(make_cluster: MakeCluster) -> Iterator[Site]:
    """Gateway .1; pods .2 (MAC) and .3 (address) on node-1, .4 on node-2, .5 dead; a stranger's beside."""
    with ExitStack() as stack:
        built = Site(make_cluster(Plan(nodes=("node-1", "node-2"), coordinator_flags=FLAGS)), stack)
        one, two = built.cluster.nodes.values()
        macvlan, bridge = built.add_pod("macvlan", one, 2), built.add_pod("bridge", one, 3)
        other = built.add_pod("other", two, 4)
        pods = (
            LegacyPod("web-2", macvlan.container_id, macvlan.mac),
            LegacyPod("web-3", bridge.container_id, "0a:58:0a:4d:00:03"),
            LegacyPod("web-4", other.container_id),
            LegacyPod("dead", f"{5:064x}"),
        )
        legacy = LegacyCluster(SUBNET, "10.77.0.1", "pods", TENANT, pods=pods)
        create_legacy(built.cluster.grid, legacy)  # type: ignore[arg-type]
        stranger = LegacyCluster(
            "10.78.0.0/24", "10.78.0.1", tenant="another", pods=(LegacyPod("x", f"{9:064x}"),)
        )
        create_legacy(built.cluster.grid, stranger)  # type: ignore[arg-type]
        for pod, address in ((macvlan, "10.77.0.2"), (bridge, "10.77.0.3"), (other, "10.77.0.4")):
            pod.take(address)
        yield built


def test_from_the_originals_daemon_to_the_release_by_del(
    site: Site, tmp_path: Path, make_netns: Callable[..., str], container: str
) -> None:
    node, two = site.cluster.nodes.values()
    config = node.config(subnet=SUBNET, gateway="10.77.0.1")
    before = site.objects()

    with socket_directory("old") as old, OriginalDaemon(old / "infoblox.sock"):
        flags = ("--socket-dir", str(old), "--run-dir", str(tmp_path / "run"))
        serving = node.agent
        in_its_place = node.launch_agent(*flags)
        node.agent = serving
        assert in_its_place.wait_exit() == 1
        assert "the original's daemon serves" in in_its_place.tail()

        shown = site.adopt("--dry-run")
        assert shown.returncode == 0, shown
        assert "to be adopted: 3" in shown.stdout
        assert site.objects() == before

        done = site.adopt(stdin="yes\n")
        assert done.returncode == 0, done
        assert "adopted 3 addresses" in done.stdout
        after = site.objects()
        homes = {address: (ea(its, "Location"), ea(its, "Interface Name")) for address, its in after.items()}
        adopted = {address: home for address, home in homes.items() if home != ("", "")}
        assert adopted == {
            "10.77.0.2": ("node-1", "eth0"),
            "10.77.0.3": ("node-1", "eth0"),
            "10.77.0.4": ("node-2", "eth0"),
        }
        assert {each for each in before if before[each] == after[each]} == before.keys() - adopted.keys()

        # The original lets an address go whose pod still lives: it is put back, and given to nobody.
        site.cluster.grid.delete(after["10.77.0.4"]["_ref"])
        assert add(node, container, make_netns(a_mac()), config=config).address == "10.77.0.6"
        assert site.cluster.grid.wait_until(lambda: "10.77.0.4" in site.objects())

    again = site.adopt("--yes")
    assert again.returncode == 0, again
    assert "to be adopted" not in again.stdout

    macvlan = site.pods["macvlan"].container_id
    assert delete(two, macvlan, config=config).ok
    assert delete(node, macvlan, config=config).ok
    assert site.cluster.grid.wait_until(lambda: "10.77.0.2" not in site.objects())
    rest = {address: its for address, its in after.items() if address not in ("10.77.0.2", "10.77.0.4")}
    others = ("10.77.0.4", "10.77.0.6")
    assert {address: its for address, its in site.objects().items() if address not in others} == rest


def test_before_adoption_a_del_frees_nothing(site: Site) -> None:
    before = site.objects()
    assert delete(site.cluster.node, site.pods["bridge"].container_id).ok
    assert delete(site.cluster.node, f"{5:064x}").ok
    # By the time of an answer the nodes, which are asked for it, have said all that they had to say before.
    assert site.adopt("--dry-run").returncode == 0
    assert site.objects() == before


@pytest.mark.parametrize(("stdin", "said"), [("no\n", "nothing was changed"), ("", "use --yes")])
def test_without_a_yes_nothing_changes(site: Site, stdin: str, said: str) -> None:
    before = site.objects()
    refused = site.adopt(stdin=stdin)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert site.objects() == before


def test_the_list_says_what_is_left_alone_and_why(site: Site) -> None:
    site.cluster.nodes["node-2"].agent.stop()  # type: ignore[union-attr]
    site.pods["bridge"].die()
    done = site.adopt("--yes")
    said = done.stdout
    assert done.returncode == 0, done
    assert "10.77.0.1       view default\n" in said
    assert "10.77.0.3       view default, container 000000000000 (web-3): no node sees it" in said
    assert "10.77.0.4       view default, container 000000000000 (web-4): no node sees it" in said
    assert "note: node-2 did not say what it sees" in said
    assert "adopted 1 address\n" in said
    assert "10.78.0" not in said


def test_without_a_coordinator_the_command_says_where_to_run_it(tmp_path: Path) -> None:
    argv = [*command("cni-infoblox"), "adopt", "--operator-socket", str(tmp_path / "none.sock")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "kubectl exec" in done.stderr
    assert done.stderr.count("\n") == 1
