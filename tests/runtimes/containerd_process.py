"""Runs containerd in an enclosure, and speaks to it as the kubelet does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from enclosure import Enclosure
from pause_image import IMAGE

from demo.cluster import Node
from demo.daemons import Daemon

cri, cri_services = grpc.protos_and_services("tests/runtimes/cri.proto")

CALL_S = 90
CONFIG = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
[grpc]
address = "{directory}/containerd.sock"
[ttrpc]
address = "{directory}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{bin_dir}"
conf_dir = "{directory}/net.d"
max_conf_num = 1
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "{default}"
"""
# containerd chooses the network by the handler of the pod's RuntimeClass.
HANDLER = """
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{handler}]
runtime_type = "io.containerd.runc.v2"
cni_conf_dir = "{directory}/net.d/{handler}"
cni_max_conf_num = 1
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{handler}.options]
SystemdCgroup = false
"""


@dataclass(frozen=True)
class Sandbox:
    """A pod as the kubelet asks for it; `id` and `address` are known once it runs."""

    name: str
    handler: str
    namespace: str = "shop"
    attempt: int = 0
    id: str = ""
    address: str = ""


class Containerd:
    """As a context manager: containerd serves, with one handler for each network configuration that is given."""

    def __init__(
        self,
        directory: Path,
        node: Node,
        enclosure: Enclosure,
        configs: Mapping[str, Mapping[str, Any] | None],
    ):
        """A handler whose configuration is None has an empty directory for now."""
        self._directory = directory
        self._node = node
        self._enclosure = enclosure
        self._configs = configs
        self._stack = ExitStack()

    def __enter__(self) -> Containerd:
        with ExitStack() as stack:
            daemon = Daemon(self._enclosure.argv(["containerd", "--config", self._write()]), {}, self._log)
            stack.callback(daemon.kill)
            daemon.wait_until(lambda line: "containerd successfully booted" in line.get("text", ""), "boot")
            options = [("grpc.default_authority", "localhost")]
            channel = stack.enter_context(grpc.insecure_channel(f"unix://{self.socket}", options))
            self._calls = cri_services.RuntimeServiceStub(channel)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def socket(self) -> str:
        """Where it serves."""
        return f"{self._directory}/containerd.sock"

    @property
    def _log(self) -> Path:
        return self._directory / "containerd.log"

    def _write(self) -> str:
        values = {"directory": self._directory, "image": IMAGE, "bin_dir": self._node.bin_dir}
        text = CONFIG.format(**values, default=next(iter(self._configs)))
        for handler, config in self._configs.items():
            text += HANDLER.format(**values, handler=handler)
            net_d = self.configuration_dir(handler)
            net_d.mkdir(parents=True)
            if config:
                (net_d / "10-pods.conflist").write_text(json.dumps(conflist(config)))
        path = self._directory / "config.toml"
        path.write_text(text)
        return str(path)

    def configuration_dir(self, handler: str) -> Path:
        """Where it looks for the configuration of a handler."""
        return self._directory / "net.d" / handler

    def load(self, archive: Path) -> None:
        """Import an image."""
        argv = ["ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import", str(archive)]
        subprocess.run(self._enclosure.argv(argv), check=True, capture_output=True, timeout=CALL_S)

    def run(self, sandbox: Sandbox) -> Sandbox:
        """RunPodSandbox, then ask for its address. Raises `grpc.RpcError`."""
        metadata = cri.PodSandboxMetadata(
            name=sandbox.name, uid=f"uid-{sandbox.name}", namespace=sandbox.namespace, attempt=sandbox.attempt
        )
        config = cri.PodSandboxConfig(
            metadata=metadata,
            log_directory=str(self._directory / "logs"),
            linux=cri.LinuxPodSandboxConfig(cgroup_parent=f"/{self._enclosure.cgroup}"),
        )
        request = cri.RunPodSandboxRequest(config=config, runtime_handler=sandbox.handler)
        sandbox_id = self._calls.RunPodSandbox(request, timeout=CALL_S).pod_sandbox_id
        status = self._calls.PodSandboxStatus(
            cri.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id), timeout=CALL_S
        )
        return replace(sandbox, id=sandbox_id, address=status.status.network.ip)

    def stop(self, sandbox: Sandbox) -> None:
        """StopPodSandbox. Raises `grpc.RpcError`."""
        self._calls.StopPodSandbox(cri.StopPodSandboxRequest(pod_sandbox_id=sandbox.id), timeout=CALL_S)

    def remove(self, sandbox: Sandbox) -> None:
        """RemovePodSandbox. Raises `grpc.RpcError`."""
        self._calls.RemovePodSandbox(cri.RemovePodSandboxRequest(pod_sandbox_id=sandbox.id), timeout=CALL_S)


def conflist(config: Mapping[str, Any]) -> dict[str, Any]:
    """A network configuration list of one plugin."""
    outside = ("cniVersion", "name")
    plugin = {name: value for name, value in config.items() if name not in outside}
    return {**{name: config[name] for name in outside}, "plugins": [plugin]}
