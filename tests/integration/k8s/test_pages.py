"""docs/install.md and docs/multus.md: Helm takes their values, nodes take their network configurations."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from demo.daemons import command
from k8s import helm
from k8s.render import CHART, HERE

DOCS = HERE.parent / "docs"
NEWEST = kubernetes_validate.utils.all_versions()[-1]
BLOCK = re.compile(r"^```yaml\n# \.\./site/(\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INSTALL = dict(BLOCK.findall((DOCS / "install.md").read_text()))
MULTUS = dict(BLOCK.findall((DOCS / "multus.md").read_text()))
EXPECTED = re.compile("this node has no such interface|is not promiscuous|is down|cniVersion: is absent")
"""Warnings about the machine of the test, or about what the installer sees to."""
SITE = yaml.safe_load((CHART / "ci" / "values.yaml").read_text())
VALUES = [name for name in INSTALL if name.endswith("values.yaml")]
DEFINITIONS = [name for name in MULTUS if name.startswith("nad-")]


def check_configuration(configuration: dict[str, Any], directory: Path) -> None:
    """As `cni-infoblox validate` does; the interfaces of the page are not on this machine."""
    file = directory / f"x.{'conflist' if 'plugins' in configuration else 'conf'}"
    file.write_text(json.dumps(configuration))
    done = subprocess.run([*command("cni-infoblox"), "validate", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if ": warning: " in line]
    assert not [line for line in warnings if not EXPECTED.search(line)]


@pytest.mark.parametrize("name", VALUES)
def test_the_values_are_those_of_the_schema(name: str) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = {**SITE, **yaml.safe_load(INSTALL[name])}
    assert not list(jsonschema.Draft7Validator(schema).iter_errors(values))


def test_helm_takes_all_of_them_and_the_cluster_their_objects(tmp_path: Path) -> None:
    files = []
    for name in VALUES:
        path = tmp_path / name
        path.write_text(INSTALL[name])
        files += ["-f", str(path)]
    argv = [*helm.command(), "template", "cni-infoblox", str(CHART), "-n", "ipam", *files]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    for each in found:
        kubernetes_validate.validate(each, NEWEST, strict=True)
    kubernetes_validate.validate(yaml.safe_load(INSTALL["quota.yaml"]), NEWEST, strict=True)


@pytest.mark.parametrize("name", ["values.yaml", "kind-values.yaml"])
def test_the_network_configurations_of_all_nodes_can_be_used(name: str, tmp_path: Path) -> None:
    check_configuration(yaml.safe_load(INSTALL[name])["networks"]["configuration"], tmp_path)


def test_the_patch_for_another_runtime_changes_its_two_directories() -> None:
    (daemon_set,) = [
        each
        for each in yaml.safe_load_all((HERE / "cni-infoblox-plugin.yaml").read_text())
        if each["kind"] == "DaemonSet"
    ]
    volumes = daemon_set["spec"]["template"]["spec"]["volumes"]
    patch = yaml.safe_load(INSTALL["k3s.yaml"])
    numbers = [int(re.search(r"/volumes/(\d+)/hostPath/path$", each["path"])[1]) for each in patch]  # type: ignore[index]
    assert [volumes[number]["name"] for number in numbers] == ["host-cni-bin", "host-cni-conf"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_definition_for_multus_can_be_used(name: str, tmp_path: Path) -> None:
    definition = yaml.safe_load(MULTUS[name])
    assert (definition["apiVersion"], definition["kind"]) == ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition")
    check_configuration(json.loads(definition["spec"]["config"]), tmp_path)


def test_the_pod_names_a_definition_of_the_page() -> None:
    pod = yaml.safe_load(MULTUS["two-networks.yaml"])
    kubernetes_validate.validate(pod, NEWEST, strict=True)
    names = {yaml.safe_load(MULTUS[name])["metadata"]["name"] for name in DEFINITIONS}
    assert pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] in names
