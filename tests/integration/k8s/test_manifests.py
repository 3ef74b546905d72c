"""The manifests: valid for old and new clusters, closed by default, complete with 'keys init --kubernetes'."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from manifest_objects import Object, deployment_of, objects, pod_of, settings_of, workloads

from demo.daemons import command
from k8s.render import HERE, SINGLE_FILES, kustomize
from protocol.keys import load_pair, load_public

YAML_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


OVERLAYS = sorted(path.name for path in (HERE / "overlays").iterdir())
SITE = sorted((HERE / "site").glob("*.yaml"))
"""What people edit, which no release touches."""
SOURCES: dict[str, Callable[[], str]] = {
    **{file.name: (HERE / file.name).read_text for file in SINGLE_FILES},
    **{f"site/{path.name}": path.read_text for path in SITE},
    **{f"overlays/{name}": lambda name=name: kustomize(HERE / "overlays" / name) for name in OVERLAYS},
}
EDITED = next(
    found["data"]["coordinator.conf"].splitlines()
    for path in SITE
    for found in objects(path.read_text())
    if found["metadata"]["name"] == "cni-infoblox-site"
)
MIB = 1 << 20
STORM = re.compile(
    r"^\| ([\d,]+) \| [\d,]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| \d+ \| (\d+) \| \d+ \|$", re.MULTILINE
)
"""Nodes and the coordinator's peak in MB, of docs/performance.md."""
LIMIT = re.compile(r"^\| ([\d,]+) \| [\d,]+ \| (\d+) MB \| (\d+)Mi", re.MULTILINE)
"""Nodes, peak in MB, limit in MiB, of k8s/README.md."""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
FULL_VERSIONS = kubernetes_validate.utils.all_versions()


def keys_init(*flags: str) -> subprocess.CompletedProcess[str]:
    argv = [*command("cni-infoblox"), "keys", "init", "--kubernetes", *flags]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    """What 'kubectl apply' gets from the files of a full installation."""
    release = [HERE / f"cni-infoblox-{name}.yaml" for name in ("coordinator", "daemon", "plugin")]
    return [found for path in (*release, *SITE) for found in objects(path.read_text())]


@pytest.mark.parametrize("version", [FULL_VERSIONS[0], FULL_VERSIONS[-1]])
@pytest.mark.parametrize("source", SOURCES)
def test_every_object_is_valid_for_the_oldest_and_the_newest_cluster(source: str, version: str) -> None:
    found = objects(SOURCES[source]())
    assert found
    for each in found:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", [FULL_VERSIONS[0], FULL_VERSIONS[-1]])
def test_the_printed_keys_are_valid_too(version: str) -> None:
    for each in objects(keys_init().stdout):
        kubernetes_validate.validate(each, version, strict=True)


def test_no_pod_may_more_than_its_work_needs(everything: list[Object]) -> None:
    added = {}
    for workload in workloads(everything):
        pod = pod_of(workload)
        assert not pod.keys() & {"hostPID", "hostIPC", "initContainers"}
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"]
            assert "privileged" not in security
            assert security["capabilities"]["drop"] == ["ALL"]
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            added[container["name"]] = security["capabilities"].get("add", [])
    assert added == {"coordinator": [], "agent": ["SYS_ADMIN"], "install-cni": []}


def test_only_the_coordinator_can_speak_to_the_api_server(everything: list[Object]) -> None:
    accounts = {each["metadata"]["name"]: each for each in everything if each["kind"] == "ServiceAccount"}
    with_token = {name for name, each in accounts.items() if each.get("automountServiceAccountToken", True)}
    assert with_token == {"cni-infoblox-coordinator"}
    assert {pod_of(workload)["serviceAccountName"] for workload in workloads(everything)} == accounts.keys()
    subjects = {
        (subject["kind"], subject["name"])
        for each in everything
        if each["kind"].endswith("RoleBinding") or each["kind"] == "ClusterRoleBinding"
        for subject in each["subjects"]
    }
    assert subjects == {("ServiceAccount", "cni-infoblox-coordinator")}
    rules = [rule for each in everything if each["kind"] in ("Role", "ClusterRole") for rule in each["rules"]]
    allowed = {
        (*rule["apiGroups"], *rule["resources"], *rule.get("resourceNames", []), *rule["verbs"]) for rule in rules
    }
    assert allowed == {
        ("authentication.k8s.io", "tokenreviews", "create"),
        ("", "nodes", "get", "list", "watch"),
        ("", "pods", "get"),
        ("", "namespaces", "kube-system", "get"),
        ("", "events", "create", "patch"),
        ("k8s.cni.cncf.io", "network-attachment-definitions", "get"),
        ("", "configmaps", "infoblox-cni-cfg", "get"),
        ("coordination.k8s.io", "leases", "cni-infoblox-coordinator", "get", "update"),
        ("coordination.k8s.io", "leases", "create"),
    }
    (leases,) = (each for each in everything if each["kind"] == "Role")
    assert [rule["resources"] for rule in leases["rules"]] == [["leases"]] * 2, "in its namespace alone"


def test_whatever_is_mounted_is_made_by_somebody(everything: list[Object]) -> None:
    made = {(each["kind"], each["metadata"]["name"]): each for each in everything + objects(keys_init().stdout)}
    for workload in workloads(everything):
        for volume in pod_of(workload)["volumes"]:
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in made
            elif "configMap" in volume and not volume["configMap"].get("optional"):
                assert ("ConfigMap", volume["configMap"]["name"]) in made


def test_every_object_lies_in_kube_system(everything: list[Object]) -> None:
    namespaces = {each["kind"]: each["metadata"].get("namespace") for each in everything}
    assert {kind for kind, namespace in namespaces.items() if namespace is None} == {
        "ClusterRole",
        "ClusterRoleBinding",
    }
    assert set(namespaces.values()) == {None, "kube-system"}


def test_another_namespace_is_one_line_of_a_kustomization(tmp_path: Path) -> None:
    resources = [os.path.relpath(HERE / "base", tmp_path)]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "ipam", "resources": resources}))
    found = objects(kustomize(tmp_path))
    assert {each["metadata"].get("namespace") for each in found} == {None, "ipam"}
    # What is read of kube-system is its UID, wherever the coordinator runs.
    text = yaml.safe_dump_all([each for each in found if each["kind"] != "ClusterRole"])
    assert "kube-system" not in text
    settings = settings_of(deployment_of(found), edited(), tmp_path)
    assert settings.token_service_account == "ipam:cni-infoblox-agent"


def test_selectors_services_and_probes_meet_what_they_mean(everything: list[Object]) -> None:
    ports = {}
    for workload in workloads(everything):
        template = workload["spec"]["template"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        (container,) = template["spec"]["containers"]
        names = {port["name"] for port in container["ports"]}
        for probe in PROBES:
            request = container.get(probe, {}).get("httpGet")
            assert request is None or (request["port"] in names and request["host"] == "127.0.0.1")
        ports[workload["metadata"]["name"]] = {port["containerPort"] for port in container["ports"]}
    (deployment,) = (each for each in everything if each["kind"] == "Deployment")
    services = [each for each in everything if each["kind"] == "Service"]
    for service in services:
        assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["ports"][0]["port"] in ports["cni-infoblox-coordinator"]
    numbers = [number for found in ports.values() for number in found]
    assert len(numbers) == len(set(numbers)), "they share the node's network"


def test_the_coordinator_runs_where_all_nodes_are_drained(everything: list[Object]) -> None:
    (deployment,) = (each for each in everything if each["kind"] == "Deployment")
    assert {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"} in pod_of(deployment)["tolerations"]


def test_agents_know_both_services_and_can_look_up_the_name_of_one(everything: list[Object]) -> None:
    (agents,) = (each for each in everything if each["metadata"]["name"] == "cni-infoblox-daemon")
    pod = pod_of(agents)
    flags = [text.partition("=")[2] for text in pod["containers"][0]["args"] if text.startswith("--coordinator=")]
    services = {each["metadata"]["name"]: each["spec"] for each in everything if each["kind"] == "Service"}
    assert services["cni-infoblox-coordinators"]["clusterIP"] == "None"
    assert "clusterIP" not in services["cni-infoblox-coordinator"]
    (port,) = {spec["ports"][0]["port"] for spec in services.values()}
    variables = "$(CNI_INFOBLOX_COORDINATOR_SERVICE_HOST):$(CNI_INFOBLOX_COORDINATOR_SERVICE_PORT)"
    assert flags == [f"tcp://cni-infoblox-coordinators.$(POD_NAMESPACE).svc:{port}", f"tcp://{variables}"]
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")


def test_two_coordinators_never_share_a_node_and_a_roll_out_needs_no_third(everything: list[Object]) -> None:
    deployment = deployment_of(everything)
    labels = deployment["spec"]["selector"]["matchLabels"]
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    assert deployment["spec"]["minReadySeconds"] >= 10, "the next leader has read the grid"
    by_node, by_zone = pod_of(deployment)["topologySpreadConstraints"]
    assert (by_node["topologyKey"], by_node["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")
    assert by_zone["whenUnsatisfiable"] == "ScheduleAnyway"
    for spread in (by_node, by_zone):
        assert (spread["maxSkew"], spread["labelSelector"]["matchLabels"]) == (1, labels)
    (budget,) = (each["spec"] for each in everything if each["kind"] == "PodDisruptionBudget")
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}


def test_a_coordinator_leaves_a_node_that_is_lost_and_no_other(everything: list[Object]) -> None:
    tolerations = pod_of(deployment_of(everything))["tolerations"]
    ends = {each["key"]: each["tolerationSeconds"] for each in tolerations if "tolerationSeconds" in each}
    assert ends == {"node.kubernetes.io/unreachable": 30}
    # Before there is a network configuration, and while it is uninstalled, no node is ready.
    assert {"key": "node.kubernetes.io/not-ready", "operator": "Exists"} in tolerations


def test_the_lease_that_it_may_write_is_the_one_that_it_writes(everything: list[Object], tmp_path: Path) -> None:
    settings = settings_of(deployment_of(everything), edited(), tmp_path)
    (role,) = (each for each in everything if each["kind"] == "Role")
    named = [rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule]
    assert settings.leader_elect
    assert named == [[settings.lease_name]]
    assert role["metadata"]["namespace"] == settings.read_namespace()
    variables = {
        each["name"]: each["valueFrom"] for each in pod_of(deployment_of(everything))["containers"][0]["env"]
    }
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    assert variables == {name: {"fieldRef": {"fieldPath": path}} for name, path in fields.items()}
    assert settings.token_service_account == "kube-system:cni-infoblox-agent"


def test_one_coordinator_needs_no_election_and_no_right_for_it(tmp_path: Path) -> None:
    found = objects(SOURCES["overlays/one-coordinator"]())
    deployment = deployment_of(found)
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert not settings_of(deployment, edited(), tmp_path).leader_elect
    assert not {each["kind"] for each in found} & {"Role", "RoleBinding", "PodDisruptionBudget"}


def test_a_pod_that_ends_removes_nothing(everything: list[Object]) -> None:
    assert not [workload for workload in workloads(everything) if "lifecycle" in pod_of(workload)["containers"][0]]


def test_without_net_conf_nothing_writes_a_network_configuration() -> None:
    found = objects((HERE / "cni-infoblox-plugin-without-net-conf.yaml").read_text())
    assert {each["kind"] for each in found} == {"ServiceAccount", "DaemonSet"}
    (workload,) = workloads(found)
    assert not [flag for flag in pod_of(workload)["containers"][0]["args"] if "--config-dir" in flag]


def test_promiscuous_mode_needs_net_admin_and_nothing_else() -> None:
    found = objects(SOURCES["overlays/set-promiscuous"]())
    (plugin,) = (each for each in workloads(found) if each["metadata"]["name"] == "cni-infoblox-plugin")
    (container,) = pod_of(plugin)["containers"]
    assert "--set-promiscuous" in container["args"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert pod_of(plugin)["hostNetwork"]


def test_beside_the_original_no_name_and_no_socket_is_the_originals(tmp_path: Path) -> None:
    def at(part: str) -> str:
        return os.path.relpath(HERE / part, tmp_path)

    site = {
        "resources": [at(f"base/{name}") for name in ("coordinator", "agent", "plugin")],
        "components": [at("components/beside-the-original")],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(site))
    daemon_sets = [each for each in objects(kustomize(tmp_path)) if each["kind"] == "DaemonSet"]
    assert {each["metadata"]["name"] for each in daemon_sets} == {"cni-infoblox-agent", "cni-infoblox-plugin"}
    for each in daemon_sets:
        paths = [volume["hostPath"]["path"] for volume in pod_of(each)["volumes"] if volume["name"] == "sockets"]
        assert paths == ["/run/cni/infoblox-agent"]


@pytest.mark.parametrize("source", [source for source in SOURCES if not source.startswith("site/")])
def test_what_a_release_brings_has_nothing_that_a_site_edits(source: str) -> None:
    found = objects(SOURCES[source]())
    assert not {each["kind"] for each in found} & {"Secret", "ConfigMap"}
    settings = [line.partition("=")[0] for line in EDITED]
    flags = ["--" + name.removeprefix("CNI_INFOBLOX_").lower().replace("_", "-") for name in settings]
    for workload in workloads(found):
        for container in pod_of(workload)["containers"]:
            assert not {argument.partition("=")[0] for argument in container["args"]} & set(flags)


def test_a_site_lets_nobody_make_networks_and_its_example_is_refused_until_edited(tmp_path: Path) -> None:
    assert "CNI_INFOBLOX_CREATE_NETWORKS=false" in EDITED
    (configuration,) = objects((HERE / "site" / "infoblox-cni-cfg.yaml").read_text())
    data = configuration["data"]
    file = tmp_path / data["ipam_conf_file_name"]
    file.write_text(data[file.name])
    refused = subprocess.run([*command("cni-infoblox"), "validate", str(file)], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "ipam.subnet: 192.0.2.0/24 is the example's" in refused.stderr
    file.write_text(data[file.name].replace("192.0.2.", "10.0.0."))
    edited = subprocess.run([*command("cni-infoblox"), "validate", str(file)], capture_output=True, text=True)
    assert edited.returncode == 0, edited


def test_the_migration_page_leads_to_valid_manifests(tmp_path: Path) -> None:
    page = (HERE.parent / "docs" / "migration.md").read_text()
    first, switch, configuration = (yaml.safe_load(block) for block in YAML_BLOCK.findall(page))
    text = yaml.safe_dump({**first, **switch}).replace("../cni-infoblox/k8s", os.path.relpath(HERE, tmp_path))
    (tmp_path / "kustomization.yaml").write_text(text)
    shutil.copy(HERE / "site" / "cni-infoblox-site.yaml", tmp_path)
    (tmp_path / "infoblox-cni-cfg.yaml").write_text(yaml.safe_dump(configuration))
    found = objects(kustomize(tmp_path))
    for each in found:
        kubernetes_validate.validate(each, FULL_VERSIONS[-1], strict=True)
    assert "infoblox-secret" not in {each["metadata"]["name"] for each in found}, "the original's stays"
    (made,) = (each["data"] for each in found if each["metadata"]["name"] == "infoblox-cni-cfg")
    file = tmp_path / made["ipam_conf_file_name"]
    file.write_text(made[file.name])
    checked = subprocess.run([*command("cni-infoblox"), "validate", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked
    assert json.loads(file.read_text())["ipam"]["socket-dir"] == "/run/cni/infoblox-agent"


def test_the_readme_leads_to_a_site_with_every_object(tmp_path: Path) -> None:
    (block,) = YAML_BLOCK.findall((HERE / "README.md").read_text())
    site = yaml.safe_load(block)
    text = block.replace("../cni-infoblox/k8s", os.path.relpath(HERE, tmp_path))
    (tmp_path / "kustomization.yaml").write_text(text)
    for path in SITE:
        shutil.copy(path, tmp_path)
    found = objects(kustomize(tmp_path))
    wanted = {(each["kind"], each["metadata"]["name"]) for path in SITE for each in objects(path.read_text())}
    assert wanted <= {(each["kind"], each["metadata"]["name"]) for each in found}
    (image,) = (each["newName"] for each in site["images"])
    containers = [container for workload in workloads(found) for container in pod_of(workload)["containers"]]
    assert {container["image"].partition(":")[0] for container in containers} == {image}


def edited() -> list[str]:
    """The lines of the site's example after an edit."""
    return [f"{line}x" if line.endswith("=") else line for line in EDITED]


def test_pods_of_the_closed_overlay_can_ask_for_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    found = objects(SOURCES["overlays/allowed-networks"]())
    settings = settings_of(deployment_of(found), edited(), tmp_path)
    assert (settings.grid_host, settings.create_networks) == ("x", False)
    assert (settings.allow_network, settings.allow_view) == (("10.0.0.0/24",), ("cni_view",))


def test_the_printed_keys_belong_together_and_are_new_each_time(tmp_path: Path) -> None:
    first, second = (objects(keys_init().stdout) for _ in range(2))
    secret, public = first
    assert secret["stringData"]["coordinator.key"] == public["data"]["coordinator.key"]
    assert public["data"] != second[1]["data"]
    assert "secret-key" not in public["data"]["coordinator.key"]
    for name, text in secret["stringData"].items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    pair = load_pair(tmp_path / "coordinator.key_secret")
    assert pair.public == load_public(tmp_path / "coordinator.key")


def test_the_printed_keys_lie_in_the_namespace_that_was_asked_for() -> None:
    spaces = {each["metadata"]["namespace"] for each in objects(keys_init("--namespace", "ipam").stdout)}
    assert spaces == {"ipam"}


@pytest.mark.parametrize(
    ("flags", "named"),
    [(["--namespace", "No_Name"], "--namespace"), (["--node", "n1"], "--kubernetes"), (["keys"], "--kubernetes")],
)
def test_a_command_line_that_mixes_both_ways_is_refused(flags: list[str], named: str) -> None:
    done = keys_init(*flags)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cni-infoblox: {named}")
    assert done.stdout == ""


def test_the_coordinator_s_limit_is_what_was_measured_and_half_of_it_more(everything: list[Object]) -> None:
    (deployment,) = (each for each in everything if each["kind"] == "Deployment")
    (container,) = pod_of(deployment)["containers"]
    measured = dict(STORM.findall((HERE.parent / "docs" / "performance.md").read_text()))
    told = {nodes: (int(peak), limit) for nodes, peak, limit in LIMIT.findall((HERE / "README.md").read_text())}
    assert told.keys() == measured.keys()
    for nodes, (peak_mb, limit) in told.items():
        assert int(limit) * MIB >= 1.5 * peak_mb * 1e6
        # Another run of the benchmark may differ a little.
        assert abs(int(measured[nodes]) - peak_mb) < 0.1 * peak_mb
    largest = max(told, key=lambda nodes: int(nodes.replace(",", "")))
    assert container["resources"]["limits"]["memory"] == f"{told[largest][1]}Mi"
