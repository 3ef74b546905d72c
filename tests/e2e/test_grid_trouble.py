"""When the grid or the way to it is in trouble, the runtime is told which, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import requests
from hurry import coordinator_in_a_hurry, impatient_agent
from plans import NO_REST, asking
from runtime_calls import a_mac, add, delete, grid_holds, wait_until_listed

from demo.cluster import Cluster, Plan
from demo.cni import Outcome
from demo.daemons import Daemon, command
from gridsim.http.certificate import ensure_certificate

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def assert_error(outcome: Outcome, code: int, *words: str) -> None:
    assert outcome.exit_code == 1, outcome
    error = outcome.result
    assert error["code"] == code, error
    for word in words:
        assert word in error["msg"] + error["details"], error


def test_the_sixth_pod_of_a_29_is_told_that_the_network_is_full(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    config = cluster.node.config(subnet="10.66.0.0/29", gateway="10.66.0.1")
    outcomes = [add(cluster.node, f"c{n}", make_netns(a_mac()), config=config) for n in range(6)]
    assert [outcome.ok for outcome in outcomes] == [True] * 5 + [False]
    assert_error(outcomes[5], 11, "10.66.0.0/29", "no address left")
    assert delete(cluster.node, "c2").ok
    assert grid_holds(cluster, "c0", "c1", "c3", "c4")
    assert add(cluster.node, "c5", make_netns(a_mac()), config=config).address == outcomes[2].address


def test_a_network_of_somebody_else_is_refused(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    cluster.grid.create("network", {"network": "10.55.0.0/24"})
    assert_error(add(cluster.node, "c", make_netns()), 7, "somebody else", "Network Name", "Tenant ID")
    assert cluster.grid.pods() == {}


def test_a_network_container_is_told_as_that(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    cluster.grid.create("networkcontainer", {"network": "10.55.0.0/24"})
    assert_error(add(cluster.node, "c", make_netns()), 7, "is a network container", "Name a network in it")
    assert cluster.grid.objects("network") == []


def test_a_missing_permission_is_named(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    cluster.grid.set_faults(no_permission="network")
    assert_error(add(cluster.node, "c", make_netns()), 118, "admin", "create network", "All IPv4 Networks")


def test_an_attribute_that_is_undefined_is_named(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(grid_flags=("--definitions", "none", "--user-kind", "ordinary")))
    assert_error(add(cluster.node, "c", make_netns()), 113, "not defined", "superuser")


def test_attributes_are_defined_where_the_user_may(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(grid_flags=("--definitions", "none")))
    assert add(cluster.node, "c", make_netns(a_mac())).ok


@pytest.mark.parametrize("kind", ["no-request", "cloud"])
def test_users_without_the_request_object_are_served_by_single_calls(
    make_cluster: MakeCluster, make_netns: MakeNetns, kind: str
) -> None:
    hurried = coordinator_in_a_hurry()
    cluster = make_cluster(asking(grid_flags=("--user-kind", kind), coordinator=hurried))
    assert add(cluster.node, "c", make_netns(a_mac())).ok
    assert delete(cluster.node, "c").ok
    # Single calls delete by reference, so the first deletions wait for what an earlier coordinator may have sent.
    assert grid_holds(cluster, timeout_s=90)


def test_a_wrong_password_is_tried_once(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(grid_flags=("--password", "another")))
    for name in ("a", "b"):
        assert_error(add(cluster.node, name, make_netns()), 110, "login", "admin")
    assert [call["status"] for call in cluster.grid.calls()] == [401]
    assert cluster.coordinator
    assert "the password file" in cluster.coordinator.wait_for("grid_unavailable")["details"]
    assert cluster.coordinator.count("grid_unavailable") == 1


def test_an_expired_cookie_costs_one_more_call(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    wait_until_listed(cluster)
    calls = cluster.grid.call_count()
    cluster.grid.set_faults(expire_sessions=True)
    assert add(cluster.node, "b", make_netns(a_mac())).ok
    assert [call["status"] for call in cluster.grid.calls(calls + 1)] == [401, 201]


def test_a_certificate_that_is_not_trusted(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(coordinator_flags=(*NO_REST, "--ssl-verify", "true")))
    assert_error(add(cluster.node, "c", make_netns()), 112, "certificate", "--ssl-verify")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("status_503", ("503",)),
        ("html_200", ("web page", "--grid-host")),
        ("html_404", ("no WAPI", "--wapi-port")),
    ],
    ids=["503", "html", "404"],
)
def test_a_grid_that_does_not_serve(
    make_cluster: MakeCluster, make_netns: MakeNetns, fault: str, words: Sequence[str]
) -> None:
    cluster = make_cluster(asking())
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    cluster.grid.set_faults(**{fault: -1})
    assert_error(add(cluster.node, "b", make_netns(a_mac())), 11, *words)
    assert delete(cluster.node, "a").ok
    cluster.grid.set_faults(**{fault: 0})
    assert delete(cluster.node, "b").ok
    assert grid_holds(cluster)


def tries(coordinator: Daemon, outcome: str) -> int:
    """How many WAPI calls ended like this."""
    return sum(line.get("event") == "wapi_call" and line["outcome"] == outcome for line in coordinator.lines)


def page(coordinator: Daemon, name: str) -> str:
    """A page of the coordinator's status port."""
    port = coordinator.wait_for("started")["status_port"]
    return requests.get(f"http://127.0.0.1:{port}/{name}", timeout=10).text


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    coordinator = cluster.coordinator
    assert coordinator
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    cluster.grid.set_faults(status_503=-1)
    assert delete(cluster.node, "a").ok
    coordinator.wait_until(lambda _: tries(coordinator, "lost") >= 4, "four tries")
    begun = coordinator.wait_for("grid_unavailable")
    assert (begun["level"], begun["reason"]) == (
        "warning",
        f"the grid 127.0.0.1:{cluster.grid.port} does not serve",
    )
    assert "HTTP status 503. The coordinator keeps trying" in begun["details"]
    assert 'coordinator_alarms_total{event="grid_unavailable"} 1.0' in page(coordinator, "metrics")
    assert "cni_infoblox_coordinator_grid_available 0.0" in page(coordinator, "metrics")
    assert json.loads(page(coordinator, "status"))["grid"]["reason"].startswith(begun["reason"])

    cluster.grid.set_faults(status_503=0)
    ended = coordinator.wait_for("grid_available", timeout_s=60)
    assert (ended["level"], ended["tries"] >= 4) == ("info", True)
    assert "cni_infoblox_coordinator_grid_available 1.0" in page(coordinator, "metrics")
    assert [coordinator.count(event) for event in ("grid_unavailable", "grid_available")] == [1, 1]
    tried = [line["level"] for line in coordinator.lines if line.get("event") == "wapi_call"]
    assert set(tried) == {"debug"}


def test_a_file_of_authorities_that_goes_bad_is_told_by_its_name_and_taken_up_when_it_is_good(
    make_cluster: MakeCluster, make_netns: MakeNetns, tmp_path: Path
) -> None:
    authorities = tmp_path / "ca.pem"
    cluster = make_cluster(asking())
    assert cluster.coordinator
    cluster.coordinator.stop()
    stranger, _ = ensure_certificate(tmp_path / "stranger", [])
    authorities.write_bytes(stranger.read_bytes())
    coordinator = cluster.start_coordinator("--ssl-verify", str(authorities))
    assert "--ssl-verify FILE" in coordinator.wait_for("grid_unavailable")["details"]
    authorities.write_text("junk")
    coordinator.wait_for_count("grid_unavailable", 2)
    told = [line["details"] for line in coordinator.lines if line.get("event") == "grid_unavailable"]
    assert f"{authorities} holds no certificates in PEM" in told[1]
    assert (tries(coordinator, "lost"), tries(coordinator, "notsent") >= 2) == (0, True)

    authorities.write_bytes(Path(cluster.grid.certificate).read_bytes())
    coordinator.wait_for("grid_available", timeout_s=60)
    assert add(cluster.node, "a", make_netns(a_mac())).ok


@pytest.mark.parametrize("fault", ["cut_before_commit", "cut_after_commit", "status_500_after_commit"])
def test_a_cut_create_gives_one_address(make_cluster: MakeCluster, make_netns: MakeNetns, fault: str) -> None:
    cluster = make_cluster(asking())
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    cluster.grid.set_faults(**{fault: 1})
    assert add(cluster.node, "b", make_netns(a_mac())).ok
    assert grid_holds(cluster, "a", "b")


def test_without_a_coordinator_an_add_is_told_and_a_del_succeeds(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(agent=impatient_agent()))
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    assert cluster.coordinator
    cluster.coordinator.stop()
    assert delete(cluster.node, "a").ok
    assert_error(add(cluster.node, "b", make_netns()), 11, "coordinator")
    assert cluster.node.agent
    port = cluster.node.agent.wait_for("status_listening")["port"]
    shown = subprocess.run(
        [*command("cni-infoblox"), "status", "--agent-status", f"http://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, "NOT CONNECTED" in shown.stdout) == (1, True), shown
    cluster.start_coordinator()
    assert grid_holds(cluster)


def test_no_secret_is_in_a_log_or_a_process_title(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    assert add(cluster.node, "c", make_netns(a_mac())).ok
    assert cluster.coordinator
    cluster.coordinator.stop()
    cluster.start_coordinator(password="a-very-secret-word")
    assert_error(add(cluster.node, "d", make_netns()), 110)
    secrets = [line for path in cluster.keys.rglob("*.key_secret") for line in path.read_text().splitlines()]
    keys = [line.split('"')[1] for line in secrets if "secret-key" in line]
    assert len(keys) == 2
    processes = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    logs = "\n".join(path.read_text() for path in cluster.directory.rglob("*.log"))
    for word in [*keys, "a-very-secret-word"]:
        assert word not in processes + logs
