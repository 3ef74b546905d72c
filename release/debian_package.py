"""Makes the Debian package for hosts without Kubernetes from the image: the same files, with systemd units."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from release.image_archive import Entry, Image

NAME: Final = "cni-infoblox"
COMMANDS: Final = ("cni-infoblox", "cni-infoblox-agent", "cni-infoblox-coordinator")
DOCUMENTS: Final = ("README.md", "LICENSE", "NOTICE", "SECURITY.md", "CHANGELOG.md")
UNITS: Final = ("cni-infoblox-agent.service", "cni-infoblox-coordinator.service")
CONFIGURATIONS: Final = ("agent.conf", "coordinator.conf")
TREES: Final = ("opt/cni-infoblox", "usr/lib/cni-infoblox")
"""What is taken from the image as it is."""

CONTROL: Final = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: The cni-infoblox authors <cni-infoblox@localhost>
Installed-Size: {size_kb}
Depends: python3.11 (>= 3.11.2), libc6 (>= 2.36), libgcc-s1, libstdc++6, systemd | systemd-standalone-sysusers
Suggests: containernetworking-plugins
Section: net
Priority: optional
Description: IP address management for containers, backed by an Infoblox NIOS grid
 Agent, coordinator, CNI plugin and command of cni-infoblox, for machines
 without Kubernetes. Neither daemon is started before it was configured.
"""
SCRIPTS: Final = {
    "postinst": """\
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers cni-infoblox.conf
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
# An upgrade: what runs goes on with the new files.
[ -z "$2" ] || systemctl try-restart cni-infoblox-coordinator.service cni-infoblox-agent.service
""",
    "prerm": """\
#!/bin/sh
set -e
[ "$1" = remove ] && [ -d /run/systemd/system ] || exit 0
systemctl disable --now cni-infoblox-coordinator.service cni-infoblox-agent.service
""",
    "postrm": """\
#!/bin/sh
set -e
# Keys and the cluster's id in /etc/cni-infoblox stay: without the id the cluster owns nothing in the grid.
[ ! -d /run/systemd/system ] || systemctl daemon-reload
""",
}


class PackageNotBuilt(Exception):
    """dpkg-deb has failed; the text is its own."""


def build_package(image: Image, tree: Path, output: Path, time_s: int) -> None:
    """Write the package of an image, with what the source tree adds to it. Raises `PackageNotBuilt`."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        _lay_out(root, image, tree)
        argv = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(output)]
        done = subprocess.run(
            argv,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(time_s)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageNotBuilt(done.stderr.strip())


def sources() -> Mapping[str, str]:
    """The files of the source tree that the package has, by their places in it."""
    return {
        **{f"usr/share/doc/{NAME}/{name}": name for name in DOCUMENTS},
        f"usr/share/doc/{NAME}/install-hosts.md": "docs/install-hosts.md",
        **{f"lib/systemd/system/{name}": f"systemd/{name}" for name in UNITS},
        **{f"etc/cni-infoblox/{name}": f"systemd/{name}" for name in CONFIGURATIONS},
        "usr/lib/sysusers.d/cni-infoblox.conf": "systemd/sysusers.conf",
    }


def _lay_out(root: Path, image: Image, tree: Path) -> None:
    root.mkdir(mode=0o755)
    for directory in TREES:
        for entry in image.below(directory):
            _write(root, entry)
    for command in COMMANDS:
        _write(root, Entry(f"usr/bin/{command}", 0o777, target=f"/opt/cni-infoblox/bin/{command}"))
    for path, source in sources().items():
        _write(root, Entry(path, 0o644, data=(tree / source).read_bytes()))
    size_kb = sum(len(entry.data) for directory in TREES for entry in image.below(directory)) // 1024
    control = CONTROL.format(
        name=NAME, version=image.version.replace("rc", "~rc"), architecture=image.architecture, size_kb=size_kb
    )
    configurations = "".join(f"/etc/cni-infoblox/{name}\n" for name in CONFIGURATIONS)
    _write(root, Entry("DEBIAN/control", 0o644, data=control.encode()))
    _write(root, Entry("DEBIAN/conffiles", 0o644, data=configurations.encode()))
    for name, text in SCRIPTS.items():
        _write(root, Entry(f"DEBIAN/{name}", 0o755, data=text.encode()))


def _write(root: Path, entry: Entry) -> None:
    path = root / entry.path
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if entry.target:
        path.symlink_to(entry.target)
    elif entry.is_directory:
        path.mkdir(exist_ok=True)
        path.chmod(entry.mode)
    else:
        path.write_bytes(entry.data)
        path.chmod(entry.mode)
