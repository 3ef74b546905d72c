"""A node's directories as the installer finds them, with the ConfigMap laid out as the kubelet does."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.cluster import MAIN_PLUGINS
from demo.daemons import Daemon, command

NAME = "10-pods.conf"
LOOKS_S = 60.0
"""Within this time an edit of the ConfigMap, once the kubelet has brought it, must show on the node."""


def netconf(**changes: Any) -> dict[str, Any]:
    ipam = {"type": "infoblox", "subnet": "10.55.0.0/24", "gateway": "10.55.0.1"}
    fields = {"name": "pods", "type": "bridge", "bridge": "ibtest0", "ipam": ipam, **changes}
    return {key: value for key, value in fields.items() if value is not None}


class InstallerWorld:
    """Directories of one node; `start` runs the real installer on them."""

    def __init__(
        self, directory: Path, socket_dir: Path, bin_dir: Path | None = None, conf_dir: Path | None = None
    ) -> None:
        """Directories that are not given are made, that of the plugins with two main plugins."""
        self.directory = directory
        self.socket_dir = socket_dir
        self.config_dir = directory / "config"
        self.bin_dir, self.conf_dir = bin_dir or directory / "bin", conf_dir or directory / "net.d"
        for path in (self.bin_dir, self.conf_dir, self.config_dir):
            path.mkdir(exist_ok=True)
        for name in ("bridge", "macvlan"):
            if not (self.bin_dir / name).exists():
                (self.bin_dir / name).symlink_to(os.path.join(MAIN_PLUGINS, name))
        self._versions = 0
        self._installers: list[Daemon] = []
        self._uninstallers: list[Daemon] = []

    @property
    def plugin(self) -> Path:
        return self.bin_dir / "infoblox"

    @property
    def file(self) -> Path:
        return self.conf_dir / NAME

    def configure(self, config: Any, name: str = NAME) -> None:
        """Turn the ConfigMap over to a new content, as the kubelet does."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.set_keys({"ipam_conf_file_name": name, name: text})

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """The keys of the ConfigMap, all at once."""
        self._versions += 1
        version = self.config_dir / f"..2026_{self._versions}"
        version.mkdir()
        for key, text in keys.items():
            (version / key).write_text(text)
            if not (self.config_dir / key).is_symlink():
                (self.config_dir / key).symlink_to(f"..data/{key}")
        fresh = self.config_dir / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.rename(self.config_dir / "..data")
        for path in self.config_dir.iterdir():
            if not path.name.startswith("..") and path.name not in keys:
                path.unlink()

    def start(self, *flags: str, launcher: Sequence[str] = (), configured: bool = True) -> Daemon:
        """The installer, looking after this node."""
        argv = [
            *launcher,
            *(*command("cni-infoblox"), "install", "--watch", "--cni-bin-dir", str(self.bin_dir)),
            *("--cni-conf-dir", str(self.conf_dir), "--socket-dir", str(self.socket_dir)),
            *(("--config-dir", str(self.config_dir)) if configured else ()),
            *("--status-listen", "127.0.0.1:0", "--log-format", "json", *flags),
        ]
        installer = Daemon(argv, {}, self.directory / f"installer-{len(self._installers)}.log")
        self._installers.append(installer)
        return installer

    def uninstall(self, agent: Daemon, *flags: str, launcher: Sequence[str] = ()) -> Daemon:
        """The command that takes everything away again; it may be awaited line by line."""
        port = agent.wait_for("status_listening")["port"]
        argv = [
            *launcher,
            *(*command("cni-infoblox"), "uninstall", "--cni-bin-dir", str(self.bin_dir)),
            *("--cni-conf-dir", str(self.conf_dir), "--socket-dir", str(self.socket_dir)),
            *("--agent-status", f"http://127.0.0.1:{port}", *flags),
        ]
        log_path = self.directory / f"uninstaller-{len(self._uninstallers)}.log"
        self._uninstallers.append(Daemon(argv, {"PYTHONUNBUFFERED": "1"}, log_path))
        return self._uninstallers[-1]

    def stop(self) -> None:
        """End all that still run."""
        for daemon in (*self._installers, *self._uninstallers):
            daemon.stop()

    def in_place(self, count: int = 1) -> None:
        """Wait until the newest installer has found or made the configuration as it should be, so many times."""
        self._installers[-1].wait_for_count("configuration_in_place", count, LOOKS_S)

    def written(self, count: int) -> None:
        """Wait until the newest installer has written so many configurations."""
        self._installers[-1].wait_for_count("configuration_written", count, LOOKS_S)


def page(installer: Daemon, path: str) -> tuple[int, str]:
    """Status code with text of a page of the installer."""
    return fetch(installer.wait_for("started")["status_port"], path)


def fetch(port: int, path: str) -> tuple[int, str]:
    """Status code with text of a page on a port of this machine."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
