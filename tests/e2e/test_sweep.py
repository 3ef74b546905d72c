"""What real daemons leave behind is found by the sweep; what they hold it leaves alone."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from leftovers import SWEEPS_SOON, an_id, beside, end_second_agent, plant
from plans import NO_REST, asking
from runtime_calls import a_mac, add, coordinator_of, coordinator_status, delete, wait_until_listed

from demo.cluster import Cluster, Plan
from demo.daemons import command

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def ctl(cluster: Cluster, *argv: str) -> subprocess.CompletedProcess[str]:
    socket = ("--operator-socket", str(cluster.operator_socket))
    argv = (*command("cni-infoblox"), *argv[:1], *socket, *argv[1:])
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_what_its_journal_disowns_goes_and_nothing_else(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(coordinator_flags=SWEEPS_SOON))
    lives = add(cluster.node, "alive", make_netns(a_mac()))
    assert lives.ok
    planted: list[tuple[str, str, dict[str, str]]] = [
        ("10.55.0.77", "node-1", {}),  # a create that committed late
        ("10.55.0.78", "node-9", {}),
        ("10.55.0.79", "node-1", {"cluster": "f" * 12}),
        ("10.55.0.80", "node-1", {"boot": "f" * 8}),
    ]
    for address, node, changes in planted:
        plant(cluster, address, address, node, "", beside(cluster, lives.address, node, changes))
    plant(cluster, "10.55.0.81", "without-id", "node-1", "")

    assert cluster.grid.wait_until(lambda: "10.55.0.77" not in cluster.grid.pods())
    assert cluster.coordinator
    cluster.coordinator.wait_for_count("listed", cluster.coordinator.count("listed") + 3)
    stays = {f"10.55.0.{number}" for number in (78, 79, 80, 81)}
    assert set(cluster.grid.pods()) == {lives.address, *stays}


def test_a_node_that_a_file_names_no_more_loses_its_addresses(
    make_cluster: MakeCluster, make_netns: MakeNetns, tmp_path: Path
) -> None:
    file = tmp_path / "nodes"
    file.write_text("node-1\nnode-2\nnode-3\n")
    flags = (*SWEEPS_SOON, "--live-nodes", str(file))
    cluster = make_cluster(asking(nodes=("node-1", "node-2"), coordinator_flags=flags))
    stays, goes = end_second_agent(cluster, make_netns)
    file.write_text("node-1\nnode-3\n")
    assert cluster.grid.wait_until(lambda: goes not in cluster.grid.pods(), timeout_s=60)
    assert set(cluster.grid.pods()) == {stays}


def test_verify_and_explain_after_an_administrator_deleted_a_live_object(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    node = cluster.node
    kept, lost = add(node, "kept", make_netns(a_mac())), add(node, "lost", make_netns(a_mac()))
    clean = ctl(cluster, "verify")
    assert clean.returncode == 0, clean
    assert "cluster demo: 2 compared; 0 differences\n" in clean.stdout

    plant(cluster, "10.55.0.77", "10.55.0.77", "node-8", "", an_id(cluster, "node-8"))
    plant(cluster, "10.55.0.78", "10.55.0.78", "node-9", "", an_id(cluster, "node-9"))
    incomplete = ctl(cluster, "verify")
    assert incomplete.returncode == 3, incomplete
    assert "cluster demo: 2 compared, 2 not; 0 differences\n" in incomplete.stdout
    assert "not compared: 2 are of nodes whose agent is away" in incomplete.stdout

    cluster.grid.delete(cluster.grid.pods()[lost.address]["_ref"])
    found = ctl(cluster, "verify")
    assert found.returncode == 1, found
    assert "in the cluster, not in the grid: 1" in found.stdout
    assert f"\n  {lost.address}" in found.stdout

    story = ctl(cluster, "explain", kept.address)
    assert story.returncode == 0, story
    assert f"{kept.address} in view default\n" in story.stdout
    assert "  freed by: the DEL of its pod\n" in story.stdout
    assert ctl(cluster, "explain", "10.55.0.250").returncode == 1

    mended = ctl(cluster, "verify", "--repair")
    assert mended.returncode == 3, mended
    far = {"10.55.0.77", "10.55.0.78"}
    assert set(cluster.grid.pods()) == {kept.address, lost.address, *far}
    assert delete(node, "lost").ok
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {kept.address, *far})

    assert cluster.coordinator
    cluster.coordinator.stop()
    assert ctl(cluster, "verify").returncode == 2


def test_a_sweep_makes_a_call_for_a_page_and_one_for_utilization(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(coordinator_flags=(*NO_REST, "--sweep-interval", "1")))
    assert add(cluster.node, "one", make_netns(a_mac())).ok
    wait_until_listed(cluster)
    coordinator = coordinator_of(cluster)
    seen, calls = coordinator.count("listed"), cluster.grid.call_count()
    coordinator.wait_for_count("listed", seen + 3)
    made = cluster.grid.calls(calls + 1)
    kinds = Counter((call["method"], call["path"].rpartition("/")[2]) for call in made)
    assert set(kinds) == {("GET", "fixedaddress"), ("POST", "request")}
    assert max(kinds.values()) - 1 <= coordinator.count("listed") - seen
    (network,) = coordinator_status(cluster)["networks"]
    assert (network["in_ranges"], network["days_left"]) == (0, None)
    assert network["free"] == network["size"] - network["allocations"] - network["others"]


def test_force_without_repair_is_refused(tmp_path: Path) -> None:
    argv = [*command("cni-infoblox"), "verify", "--force", "--operator-socket", str(tmp_path / "none")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--repair" in done.stderr
