"""A machine of the cluster: its network namespace, its directories, the pods and the runtime on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from demo.cni import Invocation, Outcome, execute
from demo.daemons import Daemon, DaemonFailed
from demo.links import NETNS_DIRECTORY, inside
from tests.kubelet.container import PATH_IN_IMAGE, Identity, Mount, Object, lay_out_image, root_script
from tests.kubelet.objects import ClusterObjects
from tests.kubelet.pod import RunningPod
from tests.kubelet.volumes import TOKEN_MODE, Ownership, make_empty, write_atomically

REAL_DIRECTORIES: Final = ("/run/netns", "/var/run/netns")
"""The pods' network namespaces lie where this machine keeps its own."""
API_ACCESS: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
ISOLATED: Final = ("unshare", "--mount", "--propagation", "slave", "sh", "-c")

Issue = Callable[[str, str, str], str]
"""Makes a token: node, ServiceAccount, audience."""


@dataclass(frozen=True)
class Api:
    """The API server as pods know it: its address, the credentials for it, the tokens that it issues."""

    host: str
    port: int
    credentials: Path
    issue: Issue


@dataclass(frozen=True)
class CniDirectories:
    """Where a machine's runtime looks for plugins and for network configurations."""

    plugins: str = "/opt/cni/bin"
    configurations: str = "/etc/cni/net.d"


@dataclass
class Machine:
    """`name` is the node's name; `namespace` its network. The cluster IPs of services are `service_ips`.

    `pod_ips` are the addresses of each headless service's pods, as the cluster's name server tells them.
    """

    name: str
    namespace: str
    directory: Path
    objects: ClusterObjects
    api: Api
    service_ips: Mapping[str, str]
    pod_ips: Mapping[str, Sequence[str]]
    cni: CniDirectories
    pods: list[RunningPod] = field(default_factory=list)

    def path(self, path: str) -> Path:
        """Where a path of this machine really lies."""
        return Path(NETNS_DIRECTORY) if path in REAL_DIRECTORIES else self.directory / path.lstrip("/")

    def run(self, workload: Object, issue: Issue | None = None) -> RunningPod:
        """Start the workload's pod here. `issue` makes its tokens in the API server's place."""
        machine = self if issue is None else replace(self, api=replace(self.api, issue=issue))
        running = machine._start(workload)
        self.pods.append(running)
        return running

    def stop(self) -> None:
        """End all pods."""
        for running in self.pods:
            with suppress(DaemonFailed):
                running.stop()

    def runtime(self, invocation: Invocation, previous: Mapping[str, Any] | None = None) -> Outcome:
        """What a runtime does for the pod network: takes the first configuration, executes its plugin."""
        plugins = self.path(self.cni.plugins)
        first = min(self.path(self.cni.configurations).glob("*.conf"))
        config = json.loads(first.read_text())
        if previous is not None:
            config["prevResult"] = previous
        argv = [str(plugins / config["type"])]
        return execute(self._on_host(argv), replace(invocation, path=str(plugins)), config)

    def _on_host(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` with this machine's network, and its /run/cni at the real place."""
        scratch = self.directory / "host-run"
        scratch.mkdir(exist_ok=True)
        script = (
            f"set -e; mount -t tmpfs -o mode=755 tmpfs {scratch}; mkdir {scratch}/cni {scratch}/netns; "
            f"mount --rbind {NETNS_DIRECTORY} {scratch}/netns; "
            f"mount --rbind {self.path('/run/cni')} {scratch}/cni; "
            f'mount --rbind {scratch} /run; exec "$@"'
        )
        return inside(self.namespace, [*ISOLATED, script, "-", *argv])

    def _start(self, workload: Object) -> RunningPod:
        spec, namespace = workload["spec"]["template"]["spec"], workload["metadata"]["namespace"]
        (container,) = spec["containers"]
        assert spec["hostNetwork"], "only the network of the machine is known here"
        identity = Identity.of(spec, container)
        place = self.directory / "pods" / f"{workload['metadata']['name']}-{self.name}-{len(self.pods)}"
        place.mkdir(parents=True)
        sources = {volume["name"]: self._volume(place, volume, spec, namespace) for volume in spec["volumes"]}
        mounts = [Mount.of(each, sources[each["name"]][0]) for each in container["volumeMounts"]]
        if self._may_ask_the_api(spec):
            mounts.append(self._api_access(place, spec))
        environment = self._environment(container, {"metadata.name": place.name, "metadata.namespace": namespace})
        argv = [_expand(text, environment) for text in (*container["command"], *container["args"])]
        lay_out_image(place / "image")
        (place / "hosts").write_text(self._hosts(spec))
        mode = "ro" if container["securityContext"].get("readOnlyRootFilesystem") else "rw"
        script = root_script(place / "root", place / "image", mounts, place / "hosts", mode)
        daemon = Daemon(
            inside(self.namespace, [*ISOLATED, script, "-", *identity.wrap(environment, argv)]), {}, place / "log"
        )
        return RunningPod(
            place.name, daemon, container, identity, environment, self.namespace, sources, place / "hosts"
        )

    def _volume(self, place: Path, volume: Object, spec: Object, namespace: str) -> tuple[Path, Ownership]:
        target, fs_group = place / volume["name"], spec.get("securityContext", {}).get("fsGroup")
        if "hostPath" in volume:
            source = self.path(volume["hostPath"]["path"])
            assert volume["hostPath"]["type"] == "DirectoryOrCreate"
            source.mkdir(mode=0o755, parents=True, exist_ok=True)
            return source, Ownership(None)
        if "emptyDir" in volume:
            make_empty(target, fs_group)
            return target, Ownership(fs_group)
        if "projected" in volume:
            (source,) = volume["projected"]["sources"]
            asked = source["serviceAccountToken"]
            account = f"{namespace}:{spec['serviceAccountName']}"
            token = self.api.issue(self.name, account, asked["audience"])
            ownership = Ownership(fs_group, TOKEN_MODE)
            write_atomically(target, {asked["path"]: token.encode()}, ownership)
            return target, ownership
        kind, name, details = _content_source(volume)
        ownership = Ownership(fs_group, details.get("defaultMode", 0o644))
        is_absent = details.get("optional", False) and not self.objects.holds(kind, name)
        write_atomically(target, {} if is_absent else self.objects.files(kind, name), ownership)
        return target, ownership

    def _may_ask_the_api(self, spec: Object) -> bool:
        account = self.objects.get("ServiceAccount", spec["serviceAccountName"])
        by_default = account.get("automountServiceAccountToken", True)
        return bool(spec.get("automountServiceAccountToken", by_default))

    def _api_access(self, place: Path, spec: Object) -> Mount:
        files = {path.name: path.read_bytes() for path in self.api.credentials.iterdir()}
        ownership = Ownership(spec.get("securityContext", {}).get("fsGroup"))
        write_atomically(place / "kube-api-access", files, ownership)
        return Mount(place / "kube-api-access", API_ACCESS, is_read_only=True)

    def _hosts(self, spec: Object) -> str:
        """What a container can look up: the cluster's names only where its DNS policy says so."""
        if spec.get("dnsPolicy") != "ClusterFirstWithHostNet":
            return ""
        names = [each["metadata"] for each in self.objects.services() if is_headless(each)]
        return "".join(
            f"{address} {each['name']}.{each['namespace']}.svc\n"
            for each in names
            for address in self.pod_ips[each["name"]]
        )

    def _environment(self, container: Object, pod: Mapping[str, str]) -> dict[str, str]:
        """The variables of a container; `pod` has the fields of its pod by their paths."""
        known = {
            "PATH": PATH_IN_IMAGE,
            "HOSTNAME": self.name,
            "KUBERNETES_SERVICE_HOST": self.api.host,
            "KUBERNETES_SERVICE_PORT": str(self.api.port),
        }
        for service in self.objects.services():
            if not is_headless(service):
                known |= _service_links(service, self.service_ips[service["metadata"]["name"]])
        fields = {"spec.nodeName": self.name, **pod}
        for variable in container.get("env", []):
            known[variable["name"]] = (
                variable["value"]
                if "value" in variable
                else fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
            )
        return known


def is_headless(service: Object) -> bool:
    """Whether it is a name for its pods' addresses, and has none of its own."""
    return bool(service["spec"].get("clusterIP") == "None")


def _content_source(volume: Object) -> tuple[str, str, Object]:
    if "secret" in volume:
        return "Secret", volume["secret"]["secretName"], volume["secret"]
    return "ConfigMap", volume["configMap"]["name"], volume["configMap"]


def _expand(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` by the variable's value; what is unknown stays as it is."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1], match[0]), text)


def _service_links(service: Object, address: str) -> dict[str, str]:
    """The variables of a service, all that the kubelet sets."""
    prefix = service["metadata"]["name"].upper().replace("-", "_")
    (port,) = service["spec"]["ports"]
    number = port["port"]
    endpoint = f"tcp://{address}:{number}"
    return {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(number),
        f"{prefix}_SERVICE_PORT_{port['name'].upper()}": str(number),
        f"{prefix}_PORT": endpoint,
        f"{prefix}_PORT_{number}_TCP": endpoint,
        f"{prefix}_PORT_{number}_TCP_PROTO": "tcp",
        f"{prefix}_PORT_{number}_TCP_PORT": str(number),
        f"{prefix}_PORT_{number}_TCP_ADDR": address,
    }
