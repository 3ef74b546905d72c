"""Grids that others use, too: names of attributes are taken, and DHCP members serve the pods' network."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from plans import NO_REST, asking
from runtime_calls import a_container, a_mac, add, coordinator_status, delete, wait_until_listed

from demo.cluster import CLUSTER_NAME, Cluster, Plan
from demo.daemons import command
from demo.grid import PASSWORD, SimulatedGrid, ea
from protocol.attributes import TYPES

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

SITES: Final = {"name": "Location", "type": "ENUM", "list_values": [{"value": "Berlin"}, {"value": "Oslo"}]}
OWN_NAMES: Final = {name: f"CNI {name}" for name in TYPES}
RENAMED: Final = [flag for name, other in OWN_NAMES.items() for flag in ("--ea", f"{name}={other}")]
MEMBERS: Final = [{"_struct": "dhcpmember", "name": "gm.example.org"}]
NETWORK: Final = {"network": "10.55.0.0/24", "extattrs": {"Network Name": {"value": "pods"}}}


def grid_prepare(grid: SimulatedGrid, *flags: str) -> subprocess.CompletedProcess[str]:
    """`cni-infoblox grid prepare --apply`, as a superuser runs it."""
    where = ("--grid-host", "127.0.0.1", "--wapi-port", str(grid.port), "--ssl-verify", grid.certificate)
    argv = [*command("cni-infoblox"), "grid", "prepare", "--apply", "--wapi-username", "admin", *where, *flags]
    return subprocess.run(argv, env={"WAPI_PASSWORD": PASSWORD}, capture_output=True, text=True, check=False)


def in_use(grid: SimulatedGrid) -> list[Any]:
    """Every view but the default one, every network and every fixed address."""
    kinds = ("networkview", "network", "fixedaddress")
    return [each for kind in kinds for each in grid.objects(kind) if each.get("name") != "default"]


def of_pods(grid: SimulatedGrid) -> list[dict[str, Any]]:
    """The objects of pods and of ready addresses, under our own names."""
    return [each for each in grid.objects() if ea(each, OWN_NAMES["Allocation ID"])]


def person(cluster: Cluster, *words: str) -> str:
    """What one of people's commands prints."""
    argv = [*command("cni-infoblox"), *words, "--operator-socket", str(cluster.operator_socket)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "", done
    return done.stdout


def restart(cluster: Cluster, flags: Sequence[str]) -> None:
    assert cluster.coordinator
    cluster.coordinator.stop()
    cluster.start_coordinator(*flags)
    for name in cluster.nodes:
        cluster.wait_connected(name)


def macs(objects: Iterable[dict[str, Any]]) -> set[str]:
    return {each["mac"] for each in objects if each["match_client"] != "RESERVED"}


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[SimulatedGrid]:
    """A grid without our definitions, into which others have put their own before any coordinator comes."""
    simulated = SimulatedGrid(tmp_path / "grid", "--definitions", "none")
    yield simulated
    simulated.stop()


def test_where_location_is_a_list_of_sites_the_remedy_is_told_before_anything_is_made(
    grid: SimulatedGrid, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    grid.create("extensibleattributedef", SITES)
    cluster = make_cluster(asking(grid=grid))
    assert cluster.coordinator
    told = cluster.coordinator.wait_for("definitions_mistyped")
    assert (told["names"], "--ea 'Location=OTHER'" in told["remedy"]) == ("Location (ENUM)", True)
    (alarm,) = coordinator_status(cluster)["alarms"]
    assert alarm["kind"] == "definitions_mistyped"
    for changes in ({}, {"network-view": "pods"}):
        refused = add(cluster.node, a_container(), make_netns(a_mac()), config=cluster.node.config(**changes))
        assert (refused.exit_code, refused.result["code"]) == (1, 120), refused
        assert "--ea 'Location=OTHER'" in refused.result["details"]
    assert in_use(grid) == []

    refused_too = grid_prepare(grid)
    assert "Location: is there with type ENUM, must be STRING; name another one with --ea" in refused_too.stdout
    assert grid_prepare(grid, "--ea", "Location=Pod Node").returncode == 0
    restart(cluster, ("--ea", "Location=Pod Node"))
    assert add(cluster.node, "c", make_netns(a_mac())).ok
    (found,) = grid.pods().values()
    assert (ea(found, "Pod Node"), ea(found, "Location")) == ("node-1", "")


def test_nine_names_that_are_taken_by_other_types_are_replaced_in_all_that_reads_or_writes_them(
    grid: SimulatedGrid, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    for name in TYPES:
        grid.create("extensibleattributedef", {"name": name, "type": "INTEGER"})
    assert grid_prepare(grid, *RENAMED).returncode == 0
    grid.set_faults(user_kind="ordinary")
    cluster = make_cluster(asking(grid=grid, coordinator_flags=(*NO_REST, *RENAMED)))
    container = a_container()
    assert add(cluster.node, container, make_netns(a_mac())).ok
    (found,) = of_pods(grid)
    assert {name: ea(found, other) for name, other in OWN_NAMES.items() if name != "Allocation ID"} == {
        "Tenant ID": CLUSTER_NAME,
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
        "Location": "node-1",
        "VM ID": container,
        "VM Name": "shop/web-0",
        "Interface Name": "eth0",
        "Network Name": "pods",
    }
    assert not {name for each in in_use(grid) for name in each.get("extattrs", {})} & TYPES.keys()
    (network,) = grid.objects("network")
    assert ea(network, OWN_NAMES["Network Name"]) == "pods"

    # What somebody deletes is put back and labelled; what the owner disowns goes.
    wait_until_listed(cluster)
    grid.delete(found["_ref"])
    assert "put back" in person(cluster, "verify", "--repair")
    assert grid.wait_until(lambda: [ea(each, OWN_NAMES["VM ID"]) for each in of_pods(grid)] == [container])
    assert "node-1" in person(cluster, "explain", "shop/web-0")
    assert container in person(cluster, "explain", found["ipv4addr"])
    stray = {**found["extattrs"], OWN_NAMES["Allocation ID"]: {"value": _other_random(found)}}
    grid.create("fixedaddress", {"ipv4addr": "10.55.0.99", "match_client": "RESERVED", "extattrs": stray})
    person(cluster, "verify", "--repair")
    assert grid.wait_until(lambda: [each["ipv4addr"] for each in of_pods(grid)] == [found["ipv4addr"]])
    assert delete(cluster.node, container).ok
    assert grid.wait_until(lambda: of_pods(grid) == [])


def _other_random(found: dict[str, Any]) -> str:
    """An id of the same journal, of which that knows nothing."""
    return ea(found, OWN_NAMES["Allocation ID"]).rpartition("-")[0] + "-" + "0" * 12


def test_with_reservations_only_no_mac_reaches_the_grid_and_dhcp_needs_no_restart(
    grid: SimulatedGrid, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    assert grid_prepare(grid).returncode == 0
    grid.create("network", {**NETWORK, "members": MEMBERS})
    flags = ("--release-delay", "0", "--reserve", "1", "--reservations-only", "true")
    cluster = make_cluster(asking(grid=grid, coordinator_flags=flags))
    # The first finds nothing ready, so that it is made with its label; the second is labelled later.
    for container in ("first", "second"):
        assert add(cluster.node, container, make_netns(a_mac())).ok
        assert grid.wait_until(lambda: any(each["name"] == "reserve" for each in grid.objects()))
    assert grid.wait_until(lambda: {ea(each, "VM ID") for each in grid.objects()} >= {"first", "second"})
    (second,) = [each for each in grid.objects() if ea(each, "VM ID") == "second"]
    grid.delete(second["_ref"])
    person(cluster, "verify", "--repair")
    assert grid.wait_until(lambda: "second" in {ea(each, "VM ID") for each in grid.objects()})
    assert delete(cluster.node, "first").ok
    assert grid.wait_until(lambda: "first" not in {ea(each, "VM ID") for each in grid.objects()})
    assert macs(grid.objects()) == set()
    assert not grid.needs_restart()
    assert cluster.coordinator
    assert cluster.coordinator.count("dhcp_members") == 0


def test_what_bears_a_mac_keeps_it_when_the_coordinator_writes_no_macs_any_more(
    grid: SimulatedGrid, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    assert grid_prepare(grid).returncode == 0
    grid.create("network", {**NETWORK, "members": MEMBERS})
    cluster = make_cluster(asking(grid=grid))
    mac = a_mac()
    assert add(cluster.node, "c", make_netns(mac)).ok
    assert cluster.coordinator
    assert "--reservations-only" in cluster.coordinator.wait_for("dhcp_members")["remedy"]
    assert grid.needs_restart()
    assert macs(grid.objects()) == {mac}

    restart(cluster, ("--reservations-only", "true"))
    (found,) = grid.pods().values()
    grid.update(found["_ref"], {"extattrs-": {"VM ID": {}, "Interface Name": {}}})
    person(cluster, "verify", "--repair")
    assert grid.wait_until(lambda: [ea(each, "VM ID") for each in grid.pods().values()] == ["c"])
    assert macs(grid.objects()) == {mac}
    assert delete(cluster.node, "c").ok
    assert grid.wait_until(lambda: not grid.pods())
