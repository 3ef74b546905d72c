"""A pod of one container that runs on a machine, with the probes that its manifest gives it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.daemons import Daemon
from demo.links import inside
from demo.process_status import status_of
from tests.kubelet.container import Identity, Object
from tests.kubelet.volumes import Ownership, write_atomically

_GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode())"


@dataclass
class RunningPod:
    """The container's process, with what is needed to probe it and to change its volumes."""

    name: str
    daemon: Daemon
    container: Object
    identity: Identity
    environment: Mapping[str, str]
    namespace: str
    volumes: Mapping[str, tuple[Path, Ownership]]
    hosts: Path
    """What it can look up; a change shows at once."""

    def probe(self, name: str) -> subprocess.CompletedProcess[str]:
        """Carry out one of the container's probes once."""
        probe = self.container[name]
        limit_s = probe["timeoutSeconds"]
        if "exec" in probe:
            argv = self._into_container(probe["exec"]["command"])
        else:
            argv = inside(self.namespace, [sys.executable, "-c", _GET, self._url(probe["httpGet"]), str(limit_s)])
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s + 10, check=False
        )

    def execute(self, argv: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What 'kubectl exec' does."""
        command = self._into_container(argv)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def update(self, volume: str, files: Mapping[str, bytes]) -> None:
        """Let a mounted ConfigMap or Secret have other content."""
        path, ownership = self.volumes[volume]
        write_atomically(path, files, ownership)

    def status_of_process(self) -> dict[str, str]:
        """The fields of /proc/PID/status."""
        return status_of(self.daemon.pid)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self.daemon.stop()

    def _into_container(self, argv: Sequence[str]) -> list[str]:
        enter = ["nsenter", "--target", str(self.daemon.pid), "--mount", "--net", "--root", "--wd=/", "--"]
        return [*enter, *self.identity.wrap(self.environment, argv)]

    def _url(self, request: Object) -> str:
        ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        return f"http://{request['host']}:{ports[request['port']]}{request['path']}"
