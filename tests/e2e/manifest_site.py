"""A site that follows k8s/README.md or docs/install.md: a grid, an API server, machines for the pods."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from demo.cluster import MAIN_PLUGINS
from demo.cni import Invocation, Outcome, pod_args
from demo.daemons import command
from demo.grid import PASSWORD, SimulatedGrid
from demo.links import NETNS_DIRECTORY, Underlay, add_namespace, remove_namespace
from k8s import helm
from k8s.render import CHART, HERE
from tests.free_subnet import free_subnet
from tests.kubelet import ClusterObjects, CniDirectories, Machine, RunningPod
from tests.kubelet.machine import Api
from tests.kubernetes_stub import KubernetesStub
from tests.kubernetes_stub.asked import Asked

RELEASE: Final = ("cni-infoblox-coordinator.yaml", "cni-infoblox-daemon.yaml", "cni-infoblox-plugin.yaml")
EXAMPLES: Final = ("cni-infoblox-site.yaml", "infoblox-secret.yaml", "infoblox-cni-cfg.yaml")
CLUSTER: Final = "cluster-a"
VIEW: Final = "cni_view"
NETWORK: Final = "10.0.0.0/24"
CONFIGURATION: Final = {
    "name": "ipam-test",
    "type": "macvlan",
    "master": "eth0",
    "ipam": {"type": "infoblox", "subnet": NETWORK, "gateway": "10.0.0.1", "network-view": VIEW},
}
"""The original's example: the seed's layout with one network for all nodes."""


@dataclass(frozen=True)
class Installation:
    """What a release brings, as YAML texts; the namespace; where the machines' runtime has its directories."""

    texts: tuple[str, ...]
    namespace: str
    cni: CniDirectories


def by_files() -> Installation:
    """As k8s/README.md has it."""
    texts = tuple((HERE / name).read_text() for name in RELEASE)
    return Installation((*texts, *examples()), "kube-system", CniDirectories())


def by_chart(namespace: str, cni: CniDirectories) -> Installation:
    """By the chart; its Secret is the site's own. Helm renders it."""
    values = {
        "clusterName": CLUSTER,
        "grid": {"host": "gm.example.com", "username": "admin"},
        "networks": {"configuration": CONFIGURATION},
        "nodes": {"cniBinDir": cni.plugins, "cniConfDir": cni.configurations},
    }
    argv = [*helm.command(), "template", "cni-infoblox", str(CHART), "-n", namespace, "-f", "/dev/stdin"]
    done = subprocess.run(argv, input=json.dumps(values), capture_output=True, text=True, check=True)
    return Installation((done.stdout, (HERE / "site" / "infoblox-secret.yaml").read_text()), namespace, cni)


class Site:
    """As a context manager. `controls` carry the coordinators, `worker` the pods."""

    def __init__(self, directory: Path, installation: Installation | None = None) -> None:
        self.directory = directory
        self._installation = installation or by_files()
        self._stack = ExitStack()
        self._subnet = free_subnet()
        self._machines: list[Machine] = []

    def __enter__(self) -> Site:
        with ExitStack() as stack:
            self._underlay = stack.enter_context(Underlay(secrets.token_hex(3), self._subnet))
            self.grid = SimulatedGrid(self.directory / "grid", "--listen", f"{self._underlay.address}:0")
            stack.callback(self.grid.stop)
            namespace = self._installation.namespace
            stub = KubernetesStub(self.directory, self._underlay.address, namespace=namespace)
            self.api = stack.enter_context(stub)
            self.objects = ClusterObjects(_printed_keys(namespace), *self._installation.texts)
            self.api.allows = self._grants
            self._prepare_grid()
            self._edit()
            stack.callback(self._stop)
            self.controls = tuple(self.add_machine(name) for name in ("control-1", "control-2"))
            self.worker = self.add_machine("worker-1")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def workload(self, name: str) -> dict[str, Any]:
        """The Deployment or DaemonSet of this name."""
        kind = "Deployment" if self.objects.holds("Deployment", name) else "DaemonSet"
        return self.objects.get(kind, name)

    def add_machine(self, name: str) -> Machine:
        """One more machine, with a main plugin but none of ours. The first two carry the coordinators."""
        machine = Machine(
            name,
            self._underlay.add_node(name),
            self.directory / name,
            self.objects,
            Api(self._underlay.address, self.api.port, self.api.credentials, self.token),
            # The cluster IP is the first one's alone: what the two are for is told by their names.
            {"cni-infoblox-coordinator": f"{self._subnet}.11"},
            {"cni-infoblox-coordinators": (f"{self._subnet}.11", f"{self._subnet}.12")},
            self._installation.cni,
        )
        plugins = machine.path(machine.cni.plugins)
        plugins.mkdir(parents=True)
        shutil.copy(f"{MAIN_PLUGINS}/macvlan", plugins)
        self._machines.append(machine)
        return machine

    @property
    def control(self) -> Machine:
        """The first of those for coordinators."""
        return self.controls[0]

    def start_coordinator(self, control: int = 0) -> RunningPod:
        """Run a pod of the Deployment on a machine for coordinators, wait until it listens."""
        pod = self.controls[control].run(self.workload("cni-infoblox-coordinator"))
        pod.daemon.wait_for("started")
        return pod

    def _grants(self, asked: Asked) -> bool:
        verb, group, resource = asked.permission
        rules = list(self.objects.get("ClusterRole", "cni-infoblox-coordinator")["rules"])
        role = self.objects.get("Role", "cni-infoblox-coordinator")
        if asked.namespace == role["metadata"]["namespace"]:
            rules += role["rules"]
        return any(
            group in rule["apiGroups"]
            and resource in rule["resources"]
            and verb in rule["verbs"]
            and asked.object_name in rule.get("resourceNames", [asked.object_name])
            for rule in rules
        )

    def upgrade(self) -> None:
        """Apply the files of the release, as they are."""
        for name in RELEASE:
            self.objects.apply(yaml.safe_load_all((HERE / name).read_text()))

    def _prepare_grid(self) -> None:
        """What people make there, since the manifests let nobody else make networks."""
        marks = {"Network Name": CONFIGURATION["name"], "Tenant ID": CLUSTER, "CMP Type": "Kubernetes"}
        wrapped = {name: {"value": value} for name, value in marks.items()}
        self.grid.create("networkview", {"name": VIEW})
        self.grid.create("network", {"network": NETWORK, "network_view": VIEW, "extattrs": wrapped})

    def _edit(self) -> None:
        """The site's own files, for a grid that no authority has signed; nor do tests wait."""
        values = {
            "GRID_HOST": self.grid.url.removeprefix("https://").partition(":")[0],
            "WAPI_USERNAME": "admin",
            "CLUSTER_NAME": CLUSTER,
            "SSL_VERIFY": "/etc/cni-infoblox/grid-ca/ca.crt",
            "WAPI_PORT": str(self.grid.port),
            "RELEASE_DELAY": "0",
        }
        site = self.objects.get("ConfigMap", "cni-infoblox-site")
        text = site["data"]["coordinator.conf"]
        for name, value in values.items():
            line = re.compile(f"^CNI_INFOBLOX_{name}=.*\n", re.MULTILINE)
            text = f"{line.sub('', text)}CNI_INFOBLOX_{name}={value}\n"
        configuration = self.objects.get("ConfigMap", "infoblox-cni-cfg")
        name = configuration["data"]["ipam_conf_file_name"]
        authority = {
            "kind": "ConfigMap",
            "metadata": {"name": "cni-infoblox-grid-ca"},
            "data": {"ca.crt": Path(self.grid.certificate).read_text()},
        }
        secret = self.objects.get("Secret", "infoblox-secret")
        self.objects.apply(
            [
                {**site, "data": {"coordinator.conf": text}},
                {**secret, "stringData": {"wapi-password": PASSWORD}},
                {**configuration, "data": {"ipam_conf_file_name": name, name: json.dumps(CONFIGURATION)}},
                authority,
            ]
        )

    def token(self, node: str, account: str, audience: str) -> str:
        """A ServiceAccount token as this API server issues it."""
        issued = self.api.cluster.issue(node, service_account=account, audiences=(audience,))
        return issued.token

    def _stop(self) -> None:
        for machine in reversed(self._machines):
            machine.stop()


class SitePod:
    """A pod of the cluster, as the runtime of a machine makes it."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.container_id = secrets.token_hex(32)
        self._name = name
        self._namespace = f"pod-{self.container_id[:12]}"

    @property
    def netns(self) -> str:
        """The path of its network namespace."""
        return f"{NETNS_DIRECTORY}/{self._namespace}"

    def __enter__(self) -> SitePod:
        add_namespace(self._namespace)
        return self

    def __exit__(self, *_: object) -> None:
        remove_namespace(self._namespace)

    def call(self, verb: str, previous: Mapping[str, Any] | None = None) -> Outcome:
        """One verb through the main plugin of the first configuration."""
        args = pod_args("shop", self._name, self.container_id, f"uid-{self.container_id[:8]}")
        return self.machine.runtime(Invocation(verb, self.container_id, "eth0", self.netns, args), previous)


def examples() -> list[str]:
    """The site's own files, unedited."""
    return [(HERE / "site" / name).read_text() for name in EXAMPLES]


def _printed_keys(namespace: str) -> str:
    argv = [*command("cni-infoblox"), "keys", "init", "--kubernetes", "--namespace", namespace]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
