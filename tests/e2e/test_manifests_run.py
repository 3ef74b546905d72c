"""What the manifests say is enough to run by: arguments, environment, mounts, users, the few privileges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from manifest_site import CONFIGURATION as SITES_CONFIGURATION
from manifest_site import Site, SitePod, examples
from pyroute2 import NetNS

from demo.grid import ea
from demo.links import add_interface
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from k8s.render import HERE, kustomize
from tests.kubelet import RunningPod

SYS_ADMIN = 1 << 21
NET_ADMIN = 1 << 12
NOT_AVAILABLE = 50
CONFIGURATION = "network-configuration"
APPLIED_WITHIN_S = 60.0
SITES_OWN = (
    ("ConfigMap", "cni-infoblox-site"),
    ("Secret", "infoblox-secret"),
    ("ConfigMap", "infoblox-cni-cfg"),
)
PRINT_INODE = ("python3", "-c", "import os, sys; print(os.stat(sys.argv[1]).st_ino)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A grid, an API server, two machines on which nothing runs so far."""
    with Site(tmp_path_factory.mktemp("site")) as built:
        yield built


@pytest.fixture(scope="module")
def coordinator(site: Site) -> RunningPod:
    return site.start_coordinator()


@pytest.fixture(scope="module")
def installer(site: Site) -> RunningPod:
    """On a machine whose agent does not run yet."""
    pod = site.worker.run(site.workload("cni-infoblox-plugin"))
    pod.daemon.wait_for("plugin_installed")
    return pod


@pytest.fixture(scope="module")
def agent(site: Site, coordinator: RunningPod, installer: RunningPod) -> RunningPod:
    pod = site.worker.run(site.workload("cni-infoblox-daemon"))
    coordinator.daemon.wait_for("node_connected", lambda line: bool(line["node"] == site.worker.name))
    installer.daemon.wait_for("configuration_written")
    return pod


def holds_no_pod(site: Site) -> bool:
    return site.grid.wait_until(lambda: not site.grid.pods(), timeout_s=60)


def test_a_pod_runs_through_what_was_installed(site: Site, agent: RunningPod) -> None:
    with SitePod(site.worker, "web-0") as pod:
        added = pod.call("ADD")
        assert added.ok, added
        found = site.grid.pods()[added.address]
        names = ("VM Name", "Location", "Tenant ID", "Network Name")
        assert [ea(found, name) for name in names] == ["shop/web-0", "worker-1", "cluster-a", "ipam-test"]
        assert pod.call("CHECK", added.result).ok
        assert agent.probe("readinessProbe").returncode == 0
        assert pod.call("DEL", added.result).ok
    assert holds_no_pod(site)


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_agents_probes_pass_while_it_serves(agent: RunningPod, probe: str) -> None:
    done = agent.probe(probe)
    assert done.returncode == 0, done


@pytest.mark.parametrize("name", ["coordinator", "installer"])
def test_the_other_probes_pass(agent: RunningPod, name: str, request: pytest.FixtureRequest) -> None:
    pod: RunningPod = request.getfixturevalue(name)
    for probe in ("readinessProbe", "livenessProbe"):
        done = pod.probe(probe)
        assert done.returncode == 0, done


@pytest.mark.parametrize(
    ("name", "user", "capabilities"),
    [("coordinator", 65532, 0), ("agent", 0, SYS_ADMIN), ("installer", 0, 0)],
)
def test_each_process_has_the_least_that_it_needs(
    agent: RunningPod, name: str, user: int, capabilities: int, request: pytest.FixtureRequest
) -> None:
    pod: RunningPod = request.getfixturevalue(name)
    status = pod.status_of_process()
    assert set(status["Uid"].split()) == {str(user)}
    assert [int(status[f"Cap{which}"], 16) for which in ("Eff", "Prm", "Bnd")] == [capabilities] * 3
    for path in ("/x", "/etc/x", "/tmp/x"):
        done = pod.execute(["python3", "-c", f"open('{path}', 'w')"])
        assert "Read-only file system" in done.stderr


def test_the_agents_keys_and_journal_stay_private_on_the_machine(site: Site, agent: RunningPod) -> None:
    keys = site.worker.path("/run/cni-infoblox/keys")
    assert keys.stat().st_mode & 0o077 == 0
    assert (keys / "agent.key_secret").stat().st_mode & 0o077 == 0
    for directory in ("/run/cni", "/run/cni-infoblox"):
        assert site.worker.path(directory).stat().st_mode & 0o077 == 0
    assert not site.worker.path("/var/lib/cni-infoblox").exists()


def test_the_agent_sees_namespaces_that_come_and_does_not_hold_them(site: Site, agent: RunningPod) -> None:
    with SitePod(site.worker, "web-2") as pod:
        inode = Path(pod.netns).stat().st_ino
        for path in (pod.netns, f"/var{pod.netns}"):
            assert agent.execute([*PRINT_INODE, path]).stdout == f"{inode}\n"
    assert not Path(pod.netns).exists()
    assert agent.execute([*PRINT_INODE, pod.netns]).returncode != 0


def test_the_coordinator_follows_the_cluster(coordinator: RunningPod) -> None:
    coordinator.daemon.wait_for("cluster_listed", lambda line: bool(line["kind"] == "nodes"))
    assert not coordinator.daemon.count("cluster_unwatched")


def test_a_refused_configuration_is_told_on_its_pod_and_on_the_config_map(site: Site, agent: RunningPod) -> None:
    refused = {
        **SITES_CONFIGURATION,
        "cniVersion": "1.0.0",
        "ipam": {**SITES_CONFIGURATION["ipam"], "subnet": "10.9.0.0/24"},
    }
    del refused["ipam"]["gateway"]
    site.api.cluster.add_config_map("kube-system", "infoblox-cni-cfg", {"a": json.dumps(SITES_CONFIGURATION)})
    first = site.worker.path("/etc/cni/net.d/00-a.conf")
    first.write_text(json.dumps(refused))
    try:
        with SitePod(site.worker, "web-3") as pod:
            assert not pod.call("ADD").ok
            assert not pod.call("ADD").ok
    finally:
        first.unlink()
    told = [site.api.cluster.wait_for_event("InfobloxNetworkMissing", kind) for kind in ("Pod", "ConfigMap")]
    assert [each["involvedObject"]["name"] for each in told] == ["web-3", "infoblox-cni-cfg"]
    assert [each["message"] for each in told] == [told[0]["message"]] * 2
    assert "network 10.9.0.0/24 does not exist in view 'cni_view'" in told[0]["message"]


def test_grid_and_api_server_are_told_which_release_asks(site: Site, agent: RunningPod) -> None:
    told = f"cni-infoblox/{metadata.version('cni-infoblox')}"
    assert site.api.user_agents == {told}
    assert {call["user_agent"] for call in site.grid.calls()} == {told}


def test_people_reach_the_coordinator_from_inside_its_pod(coordinator: RunningPod) -> None:
    done = coordinator.execute(["cni-infoblox", "adopt", "--dry-run"])
    assert done.returncode == 0, done


def test_an_address_of_the_original_is_adopted_with_the_privileges_of_the_manifests(
    site: Site, coordinator: RunningPod, agent: RunningPod
) -> None:
    with SitePod(site.worker, "old-0") as pod:
        namespace = Path(pod.netns).name
        add_interface(namespace, "eth0", "02:00:00:00:d3:02")
        with NetNS(namespace) as links:
            (index,) = links.link_lookup(ifname="eth0")
            links.addr("add", index=index, address="10.211.0.2", prefixlen=24)
        old = LegacyPod("old-0", pod.container_id, "02:00:00:00:d3:02")
        create_legacy(site.grid, LegacyCluster("10.211.0.0/24", "10.211.0.1", tenant="cluster-a", pods=(old,)))  # type: ignore[arg-type]

        done = coordinator.execute(["cni-infoblox", "adopt", "--yes"])

        assert "adopted 1 address" in done.stdout, done
        found = site.grid.pods()["10.211.0.2"]
        assert (ea(found, "Location"), ea(found, "Interface Name")) == (site.worker.name, "eth0")
        assert pod.call("DEL").ok
    assert holds_no_pod(site)


def test_a_node_whose_token_names_another_node_is_refused(site: Site, coordinator: RunningPod) -> None:
    def of_another_node(node: str, account: str, audience: str) -> str:
        return site.token("worker-7", account, audience)

    liar = site.add_machine("worker-6").run(site.workload("cni-infoblox-daemon"), of_another_node)
    refusal = coordinator.daemon.wait_for("enrolment_refused")
    assert "worker-6" in str(refusal)
    assert "worker-7" in str(refusal)
    liar.daemon.wait_until(lambda line: "worker-7" in str(line), "the reason")
    assert liar.probe("startupProbe").returncode != 0
    assert json.loads(liar.probe("readinessProbe").stdout)["code"] == NOT_AVAILABLE
    events = {line["event"] for line in coordinator.daemon.lines if line.get("node") in ("worker-6", "worker-7")}
    assert events <= {"enrolment_refused"}
    liar.stop()


def test_an_agent_before_the_coordinators_service_waits_and_says_for_what(
    site: Site, coordinator: RunningPod
) -> None:
    machine = site.add_machine("worker-5")
    names = ("cni-infoblox-coordinator", "cni-infoblox-coordinators")
    services = [site.objects.withdraw("Service", name) for name in names]
    try:
        early = machine.run(site.workload("cni-infoblox-daemon"))
    finally:
        site.objects.apply(services)
    for why in ("the Service cni-infoblox-coordinator did not exist", "does not resolve"):
        early.daemon.wait_until(lambda line, why=why: why in line.get("why", ""), why)
    assert early.probe("livenessProbe").returncode == 0
    assert early.probe("startupProbe").returncode != 0
    shown = early.execute(["cni-infoblox", "status"])
    assert shown.returncode == 1
    assert "NOT CONNECTED (the " in shown.stdout

    # The name is there a moment later; the Service's variables are not before the next container.
    in_time = site.add_machine("worker-8").run(site.workload("cni-infoblox-daemon"))
    early.hosts.write_text(in_time.hosts.read_text())
    for pod, node in ((early, machine.name), (in_time, "worker-8")):
        coordinator.daemon.wait_for("node_connected", lambda line, node=node: bool(line["node"] == node), 60)
        assert pod.execute(["cni-infoblox", "status"]).returncode == 0
        pod.stop()


def test_a_configmap_reaches_the_machine_unless_it_is_wrong(
    site: Site, agent: RunningPod, installer: RunningPod
) -> None:
    files = site.objects.files("ConfigMap", "infoblox-cni-cfg")
    name = files["ipam_conf_file_name"].decode()
    on_machine = site.worker.path(f"/etc/cni/net.d/{name}")
    before = on_machine.read_bytes()
    count = installer.daemon.count("configuration_written")

    installer.update(CONFIGURATION, {**files, name: files[name].replace(b"10.0.0.1", b"10.0.9.1")})
    refused = installer.daemon.wait_for("configuration_refused", timeout_s=APPLIED_WITHIN_S)
    assert "gateway" in str(refused)
    assert on_machine.read_bytes() == before
    assert installer.probe("readinessProbe").returncode != 0

    installer.update(CONFIGURATION, {**files, name: files[name].replace(b"10.0.0.1", b"10.0.0.254")})
    installer.daemon.wait_for_count("configuration_written", count + 1, APPLIED_WITHIN_S)
    assert json.loads(on_machine.read_text())["ipam"]["gateway"] == "10.0.0.254"
    installer.update(CONFIGURATION, files)
    installer.daemon.wait_for_count("configuration_written", count + 2, APPLIED_WITHIN_S)
    assert on_machine.read_bytes() == before


def test_the_overlay_takes_everything_away_from_a_machine_once_its_pods_have_gone(
    site: Site, agent: RunningPod, installer: RunningPod
) -> None:
    with SitePod(site.worker, "last") as pod:
        assert pod.call("ADD").ok
        assert installer.stop() == 0
        leaving = site.worker.run(overlaid("uninstall", "cni-infoblox-plugin"))
        leaving.daemon.wait_until(lambda line: "1 held" in line.get("text", ""), "the pod that is left")
        assert leaving.probe("livenessProbe").returncode == 0
        assert leaving.probe("readinessProbe").returncode != 0
        assert pod.call("DEL").ok
    leaving.daemon.wait_until(lambda line: "staying" in line.get("text", ""), "its end")
    assert leaving.probe("readinessProbe").returncode == 0
    assert not list(site.worker.path("/etc/cni/net.d").iterdir())
    assert [path.name for path in site.worker.path("/opt/cni/bin").iterdir()] == ["macvlan"]
    assert leaving.stop() == 0
    site.worker.run(site.workload("cni-infoblox-plugin")).daemon.wait_for("configuration_written")


def test_without_the_api_server_the_leader_goes_on_and_agents_come_back(
    site: Site, coordinator: RunningPod, agent: RunningPod
) -> None:
    site.api.down()
    try:
        connected = coordinator.daemon.count("node_connected")
        assert agent.stop() == 0
        site.worker.run(site.workload("cni-infoblox-daemon"))
        coordinator.daemon.wait_for_count("node_connected", connected + 1)
        with SitePod(site.worker, "web-1") as pod:
            assert pod.call("ADD").ok
            assert pod.call("DEL").ok
    finally:
        site.api.up()
    assert holds_no_pod(site)


def test_nothing_starts_by_the_examples_before_they_were_edited(site: Site, agent: RunningPod) -> None:
    edited = [site.objects.get(*which) for which in SITES_OWN]
    for text in examples():
        site.objects.apply(yaml.safe_load_all(text))
    coordinator = site.control.run(site.workload("cni-infoblox-coordinator"))
    installer = site.add_machine("worker-2").run(site.workload("cni-infoblox-plugin"))
    site.objects.apply(edited)
    assert coordinator.daemon.wait_exit() == 2
    assert "--grid-host, " in coordinator.daemon.tail()
    assert "are required (or CNI_INFOBLOX_" in coordinator.daemon.tail()
    refused = installer.daemon.wait_for("configuration_refused")
    assert "ipam.subnet: 192.0.2.0/24 is the example's" in refused["why"]
    assert installer.stop() == 0


def test_a_new_release_applied_as_it_is_leaves_what_is_the_sites(site: Site, agent: RunningPod) -> None:
    before = [site.objects.get(*which) for which in SITES_OWN]
    written = site.worker.path("/etc/cni/net.d/00-infoblox-ipam.conf").read_bytes()

    site.upgrade()

    assert [site.objects.get(*which) for which in SITES_OWN] == before
    for machine in (site.worker, site.control):
        machine.stop()
    coordinator = site.start_coordinator()
    site.worker.run(site.workload("cni-infoblox-daemon"))
    installer = site.worker.run(site.workload("cni-infoblox-plugin"))
    coordinator.daemon.wait_for("node_connected", lambda line: bool(line["node"] == site.worker.name))
    installer.daemon.wait_for("configuration_in_place")
    assert site.worker.path("/etc/cni/net.d/00-infoblox-ipam.conf").read_bytes() == written
    with SitePod(site.worker, "after") as pod:
        assert pod.call("ADD").ok
        assert pod.call("DEL").ok


def test_the_coordinator_does_not_start_without_a_password(site: Site) -> None:
    secret = site.objects.get("Secret", "infoblox-secret")
    site.objects.apply([{**secret, "stringData": {"wapi-password": ""}}])
    pod = site.control.run(site.workload("cni-infoblox-coordinator"))
    site.objects.apply([secret])
    assert pod.daemon.wait_exit() == 2
    assert "--wapi-password-file: /etc/cni-infoblox/wapi/wapi-password: is empty" in pod.daemon.tail()


def overlaid(overlay: str, name: str) -> dict[str, Any]:
    """A workload as an overlay has it."""
    objects = yaml.safe_load_all(kustomize(HERE / "overlays" / overlay))
    kinds = ("Deployment", "DaemonSet")
    return next(found for found in objects if found["kind"] in kinds and found["metadata"]["name"] == name)


def test_the_overlay_sets_the_master_to_promiscuous_mode(site: Site) -> None:
    pod = site.control.run(overlaid("set-promiscuous", "cni-infoblox-plugin"))
    pod.daemon.wait_for("promiscuous_set")
    assert int(pod.status_of_process()["CapEff"], 16) == NET_ADMIN
    with NetNS(site.control.namespace) as links:
        (link,) = links.get_links(ifname="eth0")
        assert link.get_attr("IFLA_PROMISCUITY") > 0
    pod.stop()


def test_pods_of_the_machines_leave_no_mount_behind(site: Site, agent: RunningPod) -> None:
    assert str(site.directory) not in Path("/proc/self/mountinfo").read_text()
