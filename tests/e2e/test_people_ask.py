"""People's commands against one cluster of real daemons: what is printed is what grid and journals hold."""

from __future__ import annotations

import csv
import io
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from runtime_calls import a_container, a_mac, add

from demo.cluster import Cluster
from demo.daemons import command
from demo.links import add_interface, add_namespace, remove_namespace
from gridsim.database.faults import UNTIL_CHANGED


def run(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [*command("cni-infoblox"), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def person(cluster: Cluster, *words: str) -> str:
    """What a command prints that asks the coordinator."""
    done = run(*words, "--operator-socket", str(cluster.operator_socket))
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.fixture(scope="module")
def held(cluster: Cluster) -> Iterator[dict[str, str]]:
    """What three pods have, as long as their namespaces live: addresses by container."""
    addresses = {}
    with ExitStack() as stack:
        for number in range(3):
            name = f"ibtest-{secrets.token_hex(4)}"
            path = add_namespace(name)
            stack.callback(remove_namespace, name)
            add_interface(name, "eth0", a_mac())
            container = a_container()
            done = add(cluster.node, container, path, pod=f"web-{number}")
            addresses[container] = done.address.partition("/")[0]
        yield addresses


def test_list_shows_each_pod_in_each_format(cluster: Cluster, held: dict[str, str]) -> None:
    rows: list[dict[str, Any]] = json.loads(person(cluster, "list", "-o", "json"))["allocations"]
    assert {row["container_id"]: row["address"] for row in rows} == held
    assert {row["state"] for row in rows} == {"held"}
    assert len(person(cluster, "list").splitlines()) == 4
    table = csv.DictReader(io.StringIO(person(cluster, "list", "-o", "csv")))
    assert {row["address"] for row in table} == set(held.values())
    assert "shop       web-1" in person(cluster, "list", "-o", "wide", "--pod", "web-1", "--no-headers")
    assert len(person(cluster, "list", "--network", "10.55.0.0/24", "--no-headers").splitlines()) == 3
    assert person(cluster, "list", "--node", "node-9", "--no-headers") == ""


def test_journal_shows_what_the_nodes_agent_holds(cluster: Cluster, held: dict[str, str]) -> None:
    flags = ("--socket-dir", str(cluster.node.socket_dir))
    done = run("journal", *flags, "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    view = json.loads(done.stdout)
    assert (view["node"], view["more"]) == ("node-1", 0)
    assert {row["container_id"]: row["address"] for row in view["allocations"]} == held
    text = run("journal", *flags).stdout
    assert text.startswith(f"journal {view['journal']} of node node-1, driver infoblox, boot {view['boot']}, ")
    assert all(address in text for address in held.values())
    refused = run("journal", *flags, "--driver-name", "other")
    assert (refused.returncode, "no agent serves" in refused.stderr) == (2, True)


def test_documents_of_the_other_commands_are_json(cluster: Cluster, held: dict[str, str]) -> None:
    verified = json.loads(person(cluster, "verify", "-o", "json"))
    assert (verified["compared"], verified["differences"], verified["uncompared"]) == (3, [], [])
    explained = json.loads(person(cluster, "explain", "shop/web-1", "-o", "json"))
    assert [story["title"].split()[0] for story in explained["stories"]] == [list(held.values())[1]]
    assert json.loads(person(cluster, "adopt", "--dry-run", "-o", "json"))["addresses"] == []
    assert json.loads(person(cluster, "node", "replace", "node-1", "-o", "json"))["over"] == []


def test_why_a_pod_does_not_start_is_found_by_its_name(cluster: Cluster, held: dict[str, str]) -> None:
    cluster.grid.create("network", {"network": "10.77.0.0/24"})
    config = cluster.node.config(subnet="10.77.0.0/24", gateway="10.77.0.1")
    name = f"ibtest-{secrets.token_hex(4)}"
    path = add_namespace(name)
    try:
        add_interface(name, "eth0", a_mac())
        error = add(cluster.node, a_container(), path, config=config, pod="web-9").result
    finally:
        remove_namespace(name)
    assert error["code"] == 7
    (failure,) = json.loads(person(cluster, "explain", "shop/web-9", "-o", "json"))["failures"]
    assert (failure["node"], failure["network"], failure["code"]) == ("node-1", "10.77.0.0/24", 7)
    assert failure["reason"] == error["msg"]
    assert f"request {failure['request']}" in error["details"]
    assert person(cluster, "explain", "shop/web-9").startswith("pod shop/web-9 on node-1 got no address at ")


def test_while_the_grid_is_away_explain_answers_from_what_is_known(cluster: Cluster, held: dict[str, str]) -> None:
    cluster.grid.set_faults(status_503=UNTIL_CHANGED)
    try:
        for what in ("shop/web-0", *list(held.values())[:1]):
            story = person(cluster, "explain", what)
            assert "holder: attachment " in story
            assert "\nnot asked: the grid: " in story
        nothing = run("explain", "shop/none", "--operator-socket", str(cluster.operator_socket))
        assert (nothing.returncode, "says nothing about the rest" in nothing.stderr) == (1, True)
        listed = run("list", "--operator-socket", str(cluster.operator_socket))
        assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 4)
        assert "note: the grid has been away for " in listed.stderr
        status = run("status", "--coordinator-status", _url(cluster))
        assert "COSTS SOMETHING NOW" in status.stdout
    finally:
        cluster.grid.set_faults(status_503=0)


def _url(cluster: Cluster) -> str:
    assert cluster.coordinator
    return f"http://127.0.0.1:{cluster.coordinator.wait_for('started')['status_port']}"
