"""The chart: the objects of the Kustomize bases, changed by what its values say and by nothing else."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import jsonschema
import kubernetes_validate
import pytest
import yaml
from manifest_objects import Object, by_name, deployment_of, objects, pod_of, settings_of, workloads

from demo.daemons import command
from k8s import helm
from k8s.render import CHART, HERE, kustomize

Values = dict[str, Any]

SITE: Values = yaml.safe_load((CHART / "ci" / "values.yaml").read_text())
"""The values without which there is no installation."""
SCHEMA: Values = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: Values = yaml.safe_load((CHART / "values.yaml").read_text())
CONFIGURATION = {
    "name": "pods",
    "type": "macvlan",
    "master": "eth0",
    "ipam": {"type": "infoblox", "subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "network-view": "default"},
}
CONFIGURED: Values = {"networks": {"configuration": CONFIGURATION}}
SITES_OWN = {("ConfigMap", "cni-infoblox-site"), ("ConfigMap", "infoblox-cni-cfg")}
CHECKSUM = "checksum/site"
VERSIONS = kubernetes_validate.utils.all_versions()
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
CHOICES = ("serviceMonitor", "prometheusRule", "dashboard", "history")
NOT_KUBERNETES_OWN = ("PodMonitor", "PrometheusRule")
"""Kinds of the Prometheus operator, of which no schema is at hand."""
EVERYTHING: Values = {
    "clusterName": "prod-1",
    "image": {
        "repository": "registry.example.com/ipam/cni-infoblox",
        "digest": DIGEST,
        "pullPolicy": "Always",
        "pullSecrets": [{"name": "registry"}],
    },
    "grid": {**SITE["grid"], "existingSecret": "grid-user", "ca": AUTHORITY},
    "reserve": 5,
    "networks": {
        "configuration": {"name": "pods", "plugins": [CONFIGURATION]},
        "fileName": "05-pods.conflist",
        "allow": ["10.0.0.0/24", "10.1.0.0/16"],
        "allowViews": ["pods"],
        "create": True,
    },
    "coordinator": {
        "replicas": 3,
        "settings": {"RELEASE_DELAY": 60, "EA": "Location=Pod Node", "RESERVATIONS_ONLY": True},
        "extraArgs": ["--log-level=debug"],
        "resources": {"limits": {"memory": "2Gi"}},
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    },
    "agent": {"extraArgs": ["--machine=serial-1"], "resources": {"limits": {"memory": "512Mi"}}},
    "installer": {
        "extraArgs": ["--cni-version-max=1.1.0"],
        "setPromiscuous": True,
        "resources": {"limits": {"memory": "100Mi"}},
    },
    "nodes": {
        "cniBinDir": "/var/lib/rancher/k3s/data/cni",
        "cniConfDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        "selector": {"ipam": "infoblox"},
        "seLinuxOptions": {"type": "spc_t"},
    },
    "openshift": True,
    **{name: {"enabled": True, "labels": {"release": "prometheus"}} for name in CHOICES},
    "history": {"enabled": True, "storageClass": "nfs", "size": "5Gi"},
    "networkPolicy": {"enabled": True, "nodeCidrs": ["192.168.0.0/16", "fd00:17::/64", "::/0"]},
}
"""A value other than its default for all that the chart has, which can be together."""


def run_helm(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*helm.command(), *argv], capture_output=True, text=True, check=False)


def template(values: Values, namespace: str = "kube-system") -> list[Object]:
    """What Helm makes of the chart with these values besides the site's."""
    return objects(_template(json.dumps(merged(SITE, values)), namespace))


@functools.cache
def _template(values: str, namespace: str) -> str:
    argv = [*helm.command(), "template", "cni-infoblox", str(CHART), "-n", namespace, "-f", "/dev/stdin"]
    done = subprocess.run(argv, input=values, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> Values:
    deeper = {
        name: merged(values[name], value) for name, value in more.items() if isinstance(values.get(name), dict)
    }
    return {**values, **more, **deeper}


def of_release(found: list[Object]) -> dict[tuple[str, str], Object]:
    """Without what Kustomize leaves to the site, and without the mark by which new settings make new pods."""
    kept = {name: each for name, each in by_name(found).items() if name not in SITES_OWN}
    annotations = deployment_of(found)["spec"]["template"]["metadata"].pop("annotations")
    assert annotations.keys() == {CHECKSUM}
    return kept


def of_bases(*names: str) -> dict[tuple[str, str], Object]:
    return by_name(found for name in names for found in objects(kustomize(HERE / name)))


@pytest.mark.parametrize(
    ("values", "bases"),
    [
        (CONFIGURED, ["base"]),
        ({}, ["base/coordinator", "base/agent", "base/plugin-without-net-conf"]),
        (merged(CONFIGURED, {"installer": {"setPromiscuous": True}}), ["overlays/set-promiscuous"]),
        (
            merged(CONFIGURED, {"installer": {"uninstall": True}}),
            ["base/coordinator", "base/agent", "overlays/uninstall"],
        ),
    ],
    ids=["as it is", "without net conf", "promiscuous", "uninstall"],
)
def test_it_renders_the_objects_of_the_bases(values: Values, bases: list[str]) -> None:
    made, wanted = of_release(template(values)), of_bases(*bases)
    assert made.keys() == wanted.keys()
    for name, found in made.items():
        assert found == wanted[name], name


def test_in_another_namespace_and_with_all_that_can_be_chosen_too(tmp_path: Path) -> None:
    parts = ("base", "components/history-volume", "components/monitoring")
    base, *components = (os.path.relpath(HERE / part, tmp_path) for part in parts)
    kustomization = {"namespace": "ipam", "resources": [base], "components": components}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    made, wanted = (
        of_release(template(merged(CONFIGURED, {name: {"enabled": True} for name in CHOICES}), "ipam")),
        by_name(objects(kustomize(tmp_path))),
    )
    assert made.keys() == wanted.keys()
    for name, found in made.items():
        assert found == wanted[name], name


def test_the_sites_objects_are_those_of_the_examples(tmp_path: Path) -> None:
    made = by_name(template(CONFIGURED))
    examples = by_name(found for path in (HERE / "site").glob("*.yaml") for found in objects(path.read_text()))
    site, example = (each["ConfigMap", "cni-infoblox-site"] for each in (made, examples))
    own = {"GRID_HOST": "gm.example.com", "WAPI_USERNAME": "pods", "CLUSTER_NAME": "prod-1"}
    wanted = [line for line in example["data"]["coordinator.conf"].splitlines() if not line.startswith("#")]
    wanted = [f"{line}{own[line[13:-1]]}" if line.endswith("=") else line for line in wanted]
    assert site["data"]["coordinator.conf"].splitlines() == wanted
    assert site["metadata"] == example["metadata"]
    written, example = (each["ConfigMap", "infoblox-cni-cfg"] for each in (made, examples))
    assert written["metadata"] == example["metadata"]
    name = example["data"]["ipam_conf_file_name"]
    assert written["data"].keys() == example["data"].keys() == {"ipam_conf_file_name", name}
    assert json.loads(written["data"][name]) == CONFIGURATION
    file = tmp_path / name
    file.write_text(written["data"][name])
    checked = subprocess.run([*command("cni-infoblox"), "validate", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_every_object_is_valid_for_the_oldest_and_the_newest_cluster(version: str) -> None:
    own = [each for each in template(EVERYTHING) if each["kind"] not in NOT_KUBERNETES_OWN]
    for found in own:
        kubernetes_validate.validate(found, version, strict=True)


def test_every_value_reaches_the_object_that_it_is_for(tmp_path: Path) -> None:
    made = by_name(template(EVERYTHING, "ipam"))
    deployment = made["Deployment", "cni-infoblox-coordinator"]
    pods = {name: pod_of(each) for (_, name), each in made.items() if each in list(workloads(made.values()))}
    containers = {name: pod["containers"][0] for name, pod in pods.items()}
    coordinator, agent, installer = (f"cni-infoblox-{name}" for name in ("coordinator", "daemon", "plugin"))
    assert {each["image"] for each in containers.values()} == {f"registry.example.com/ipam/cni-infoblox@{DIGEST}"}
    assert {each["imagePullPolicy"] for each in containers.values()} == {"Always"}
    watching = [each for (kind, _), each in made.items() if kind in NOT_KUBERNETES_OWN]
    watching.append(made["ConfigMap", "cni-infoblox-dashboard"])
    assert {each["metadata"]["labels"]["release"] for each in watching} == {"prometheus"}
    claim = made["PersistentVolumeClaim", "cni-infoblox-history"]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("nfs", "5Gi")
    assert all(pod["imagePullSecrets"] == [{"name": "registry"}] for pod in pods.values())
    assert {name: each["resources"]["limits"]["memory"] for name, each in containers.items()} == {
        coordinator: "2Gi",
        agent: "512Mi",
        installer: "100Mi",
    }
    assert deployment["spec"]["replicas"] == 3
    assert "node-role.kubernetes.io/control-plane" in pods[coordinator]["nodeSelector"]
    assert {"key": "dedicated", "operator": "Exists"} in pods[coordinator]["tolerations"]
    assert containers[agent]["args"][-1] == "--machine=serial-1"
    assert containers[installer]["args"][-1] == "--cni-version-max=1.1.0"
    assert "--set-promiscuous" in containers[installer]["args"]
    volumes = {each["name"]: each for each in (*pods[installer]["volumes"], *pods[coordinator]["volumes"])}
    assert volumes["host-cni-bin"]["hostPath"]["path"] == EVERYTHING["nodes"]["cniBinDir"]
    assert volumes["host-cni-conf"]["hostPath"]["path"] == EVERYTHING["nodes"]["cniConfDir"]
    assert volumes["wapi"]["secret"]["secretName"] == "grid-user"
    for name in (agent, installer):
        assert pods[name]["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
        assert pods[name]["nodeSelector"] == {"kubernetes.io/os": "linux", "ipam": "infoblox"}
    assert made["ConfigMap", "cni-infoblox-grid-ca"]["data"]["ca.crt"].strip() == AUTHORITY
    assert json.loads(made["ConfigMap", "infoblox-cni-cfg"]["data"]["05-pods.conflist"])["plugins"]
    (rule,) = made["NetworkPolicy", "cni-infoblox-coordinator"]["spec"]["ingress"]
    assert [each["ipBlock"]["cidr"] for each in rule["from"]] == ["192.168.0.0/16", "fd00:17::/64", "::/0"]
    subjects = made["RoleBinding", "cni-infoblox-scc-privileged"]["subjects"]
    accounts = {name for kind, name in made if kind == "ServiceAccount"}
    assert {each["name"] for each in subjects} == accounts
    assert {each["namespace"] for each in subjects} == {"ipam"}

    authority = certifi.where()
    text = made["ConfigMap", "cni-infoblox-site"]["data"]["coordinator.conf"]
    lines = text.replace("/etc/cni-infoblox/grid-ca/ca.crt", authority).splitlines()
    settings = settings_of(deployment, lines, tmp_path)
    assert (settings.grid_host, settings.wapi_username, settings.cluster_name) == (
        "gm.example.com",
        "pods",
        "prod-1",
    )
    assert (settings.ssl_verify, settings.reserve) == (authority, 5)
    assert (settings.allow_network, settings.allow_view) == (("10.0.0.0/24", "10.1.0.0/16"), ("pods",))
    assert (settings.create_networks, settings.release_delay, settings.ea) == (True, 60, ("Location=Pod Node",))
    assert (settings.reservations_only, settings.log_level) == (True, "debug")
    assert settings.token_service_account == "ipam:cni-infoblox-agent"


@pytest.mark.parametrize("host", ["fd00:17::3", "[fd00:17::3]"])
def test_a_grid_may_have_an_ipv6_address(tmp_path: Path, host: str) -> None:
    found = template({"grid": {"host": host}})
    made = by_name(found)
    lines = made["ConfigMap", "cni-infoblox-site"]["data"]["coordinator.conf"].splitlines()
    settings = settings_of(deployment_of(found), lines, tmp_path)
    assert settings.grid.place == "[fd00:17::3]:443"


def test_authorities_of_the_site_and_none_at_all() -> None:
    def told(grid: Values) -> tuple[str, str]:
        made = by_name(template({"grid": grid}))
        volumes = {
            each["name"]: each for each in pod_of(made["Deployment", "cni-infoblox-coordinator"])["volumes"]
        }
        text = made["ConfigMap", "cni-infoblox-site"]["data"]["coordinator.conf"]
        (verify,) = re.findall("^CNI_INFOBLOX_SSL_VERIFY=(.*)$", text, re.MULTILINE)
        return verify, volumes["grid-ca"]["configMap"]["name"]

    assert told({"caConfigMap": "corporate-ca"}) == ("/etc/cni-infoblox/grid-ca/ca.crt", "corporate-ca")
    assert told({"verify": False}) == ("false", "cni-infoblox-grid-ca")


def test_other_settings_make_other_pods_and_the_same_ones_do_not() -> None:
    def checksum(values: Values) -> str:
        return str(deployment_of(template(values))["spec"]["template"]["metadata"]["annotations"][CHECKSUM])

    assert checksum(CONFIGURED) == checksum({})
    assert checksum(CONFIGURED) != checksum({"reserve": 3, **CONFIGURED})


def test_helm_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    linted = run_helm("lint", "--strict", str(CHART), "-f", str(CHART / "ci" / "values.yaml"))
    assert linted.returncode == 0, linted.stdout + linted.stderr
    packed = run_helm("package", str(CHART), "-d", str(tmp_path))
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("cni-infoblox-*.tgz")
    listed = subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True).stdout
    assert "cni-infoblox/values.schema.json" in listed
    assert "cni-infoblox/ci/" not in listed


def test_helm_refuses_values_by_the_schema_and_names_them() -> None:
    refused = run_helm("template", "cni-infoblox", str(CHART))
    assert refused.returncode == 1
    for name in ("clusterName", "grid/host", "grid/username"):
        assert name in refused.stderr.replace(".", "/")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"clusterNam": "x"}, "clusterNam"),
        ({"grid": {"host": "https://gm.example.com"}}, "grid/host"),
        ({"grid": {"password": "x"}}, "grid"),
        ({"grid": {"ca": AUTHORITY, "caConfigMap": "x"}}, "grid"),
        ({"image": {"digest": "latest"}}, "image/digest"),
        ({"reserve": -1}, "reserve"),
        ({"networks": {"configuration": {"type": "bridge"}}}, "networks/configuration"),
        ({"networks": {"fileName": "../x.conf"}}, "networks/fileName"),
        ({"networks": {"allow": ["10.0.0.0"]}}, "networks/allow/0"),
        ({"coordinator": {"settings": {"CNI_INFOBLOX_RESERVE": 1}}}, "coordinator/settings"),
        ({"coordinator": {"settings": {"EA": "a\nCNI_INFOBLOX_GRID_HOST=x"}}}, "coordinator/settings/EA"),
        ({"nodes": {"cniBinDir": "opt/cni/bin"}}, "nodes/cniBinDir"),
        ({"networkPolicy": {"enabled": True}}, "networkPolicy/nodeCidrs"),
        ({"networkPolicy": {"enabled": True, "nodeCidrs": ["fd00::1"]}}, "networkPolicy/nodeCidrs/0"),
        ({"networkPolicy": {"enabled": True, "nodeCidrs": ["[fd00::]/64"]}}, "networkPolicy/nodeCidrs/0"),
    ],
)
def test_what_cannot_work_is_refused_by_name(values: Values, named: str) -> None:
    wrong = merged(DEFAULTS, merged(SITE, values))
    places = ["/".join(map(str, error.absolute_path)) + error.message for error in errors(wrong)]
    assert len(places) == 1
    assert places[0].startswith(named) or named in places[0]


def errors(values: Values) -> list[jsonschema.ValidationError]:
    return list(jsonschema.Draft7Validator(SCHEMA).iter_errors(values))


def test_schema_and_defaults_know_the_same_values() -> None:
    assert errors(merged(DEFAULTS, SITE)) == []

    def compare(schema: Values, defaults: Values, place: str) -> None:
        known = schema["properties"].keys() - {"global"}
        assert known == defaults.keys(), place
        for name in known:
            if "properties" in schema["properties"][name] and defaults[name]:
                compare(schema["properties"][name], defaults[name], f"{place}/{name}")

    compare(SCHEMA, DEFAULTS, "")


def test_each_value_is_used_by_a_template() -> None:
    text = "".join(path.read_text() for path in (CHART / "templates").iterdir())

    def leaves(values: Values, place: str) -> list[str]:
        deep = [
            leaves(value, f"{place}.{name}") for name, value in values.items() if isinstance(value, dict) and value
        ]
        flat = [f"{place}.{name}" for name, value in values.items() if not isinstance(value, dict) or not value]
        return [*flat, *(each for several in deep for each in several)]

    assert not [leaf for leaf in leaves(DEFAULTS, ".Values") if not re.search(rf"{re.escape(leaf)}\b", text)]
