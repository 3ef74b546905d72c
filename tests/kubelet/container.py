"""The command line that runs one container: its root, its mounts, its user, its capabilities, by util-linux.

The root holds what our image holds, at the image's places: the static plugin, a Python with our packages, the
libraries of the base system. Of its programs it has Python alone: what the image lacks does not run here.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parents[2]
PLUGIN_IN_IMAGE: Final = Path("lib/cni-infoblox/infoblox")
PATH_IN_IMAGE: Final = f"{Path(sys.executable).parent}:/usr/bin:/bin"
PROGRAM_DIRECTORIES: Final = ("bin", "sbin", "local/bin", "local/sbin")
"""Below /usr."""
KUBELETS_OWN: Final = ".kubelet"
"""Where the root has what gives a process its identity, as a runtime does from outside."""
BASE_FILES: Final = ("ld.so.cache", "passwd", "group", "nsswitch.conf")

Object = dict[str, Any]


@dataclass(frozen=True)
class Mount:
    """A directory of the machine inside of the container."""

    source: Path
    path: str
    is_read_only: bool = False
    propagation: str = "None"

    @staticmethod
    def of(mount: Object, source: Path) -> Mount:
        """As a container's volumeMounts say."""
        is_read_only, propagation = mount.get("readOnly", False), mount.get("mountPropagation", "None")
        return Mount(source, mount["mountPath"], is_read_only, propagation)


@dataclass(frozen=True)
class Identity:
    """As whom a container runs, and with what."""

    user: int
    group: int
    more_groups: Sequence[int]
    capabilities: Sequence[str]
    may_gain: bool

    @staticmethod
    def of(pod: Object, container: Object) -> Identity:
        """As the security contexts say; the container's comes first. Only what drops ALL is understood."""
        security = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        capabilities = security["capabilities"]
        assert capabilities["drop"] == ["ALL"]
        user = security["runAsUser"]
        assert user or not security.get("runAsNonRoot")
        fs_group = security.get("fsGroup")
        return Identity(
            user=user,
            group=security["runAsGroup"],
            more_groups=[] if fs_group is None else [fs_group],
            capabilities=capabilities.get("add", []),
            may_gain=security.get("allowPrivilegeEscalation", True),
        )

    def wrap(self, environment: Mapping[str, str], argv: Sequence[str]) -> list[str]:
        """The command line that turns root with everything into this identity, then runs `argv`."""
        groups = ",".join(map(str, self.more_groups))
        return [
            *(f"/{KUBELETS_OWN}/env", "-i", *(f"{name}={value}" for name, value in environment.items())),
            *(f"/{KUBELETS_OWN}/setpriv", f"--reuid={self.user}", f"--regid={self.group}"),
            f"--groups={groups}" if groups else "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=" + ",".join(["-all", *(f"+{name.lower()}" for name in self.capabilities)]),
            *([] if self.may_gain else ["--no-new-privs"]),
            "--",
            *argv,
        ]


def lay_out_image(directory: Path) -> None:
    """Put what only our image has below /usr into a directory."""
    plugin = directory / PLUGIN_IN_IMAGE
    plugin.parent.mkdir(parents=True)
    plugin.write_bytes((PROJECT / "dist" / "infoblox").read_bytes())
    plugin.chmod(0o755)


def root_script(root: Path, image: Path, mounts: Sequence[Mount], hosts: Path, mode: str) -> str:
    """A shell script for a mount namespace of its own: it builds the root, then runs its arguments in there.

    `hosts` is its /etc/hosts, `mode` ro or rw.
    """
    at = shlex.quote(str(root))
    lines = [
        "set -e",
        f"mkdir {at}",
        f"mount -t tmpfs -o mode=755 tmpfs {at}",
        f"cd {at}",
        "mkdir -p usr etc run tmp var/lib proc dev sys",
        "ln -s ../run var/run",
        "for name in bin sbin lib lib64; do ln -s usr/$name $name; done",
        f"mount -t overlay -o ro,lowerdir={shlex.quote(str(image))}:/usr overlay usr",
        *_only_python(),
        *(f"cp -p /etc/{name} etc/" for name in BASE_FILES),
        # A name may have several addresses there, as it may in DNS.
        f"echo multi on > etc/host.conf; touch etc/hosts; mount --bind {shlex.quote(str(hosts))} etc/hosts",
        *("mount --rbind /proc proc", "mount --rbind /dev dev", "mount --rbind -o ro /sys sys"),
    ]
    for tree in _python_trees():
        lines += _bind(Mount(tree, str(tree), is_read_only=True))
    for mount in mounts:
        lines += _bind(mount)
    lines += [f"mount -o remount,{mode} {at}", f'exec chroot {at} "$@"']
    return "\n".join(lines)


def _only_python() -> list[str]:
    """Hide the programs of the base system, but for the one that our packages run in."""
    python = Path(sys.executable).resolve()
    hidden = [
        f"[ ! -d /usr/{name} ] || mount -t tmpfs -o mode=755 tmpfs usr/{name}" for name in PROGRAM_DIRECTORIES
    ]
    kept = [f"cp -p {python} {str(python).lstrip('/')}"] if python.is_relative_to("/usr") else []
    return [
        *hidden,
        *kept,
        f"mkdir {KUBELETS_OWN}",
        f'cp -p "$(command -v env)" "$(command -v setpriv)" {KUBELETS_OWN}/',
    ]


def _python_trees() -> list[Path]:
    """Where this Python, its packages, our sources lie; the image has them under /opt/cni-infoblox."""
    trees = {Path(sys.base_prefix).resolve(), Path(sys.prefix), PROJECT}
    return sorted(tree for tree in trees if not tree.is_relative_to("/usr"))


def _bind(mount: Mount) -> list[str]:
    inside = shlex.quote(mount.path.lstrip("/"))
    lines = [f"mkdir -p {inside}", f"mount --rbind {shlex.quote(str(mount.source))} {inside}"]
    if mount.propagation == "None":
        lines.append(f"mount --make-rprivate {inside}")
    if mount.is_read_only:
        lines.append(f"mount -o remount,bind,ro {inside}")
    return lines
