"""An archive as `docker save` writes it, with a few files of each kind that an image of ours has."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PACKAGES: Final = "opt/cni-infoblox/lib/python3.11/site-packages"
FILES: Final[Mapping[str, bytes]] = {
    "var/lib/dpkg/status.d/libc6": b"Package: libc6\nVersion: 2.36-9+deb12u13\nArchitecture: arm64\n",
    f"{PACKAGES}/pydantic_core-2.50.5.dist-info/METADATA": (
        b"Metadata-Version: 2.4\nName: pydantic_core\nVersion: 2.50.5\nLicense-Expression: MIT\n\nText.\n"
    ),
    f"{PACKAGES}/pydantic_core-2.50.5.dist-info/sboms/core.cyclonedx.json": (
        b'{"components": [{"type": "library", "bom-ref": "r1", "name": "serde", "version": "1.0"}]}'
    ),
    f"{PACKAGES}/pyzmq.libs/libzmq-2f02442c.so.5.2.5": b"ELF",
    f"{PACKAGES}/pyzmq.libs/libsodium-6c8f8377.so.26.4.0": b"ELF",
    "opt/cni-infoblox/bin/cni-infoblox": b"#!/opt/cni-infoblox/bin/python\n",
    "usr/lib/cni-infoblox/infoblox": b"ELF",
    "usr/lib/cni-infoblox/infoblox.packages": b"libpython3.11-dev 3.11.2-6+deb12u6 arm64\n",
}
PROGRAMS: Final = ("opt/cni-infoblox/bin/cni-infoblox", "usr/lib/cni-infoblox/infoblox")
LABELS: Final = {"org.opencontainers.image.version": "0.1.0"}


def write_archive(path: Path, files: Mapping[str, bytes] = FILES, architecture: str = "arm64") -> Path:
    """Two layers: the files, then a link that a virtual environment has."""
    link = tarfile.TarInfo("opt/cni-infoblox/bin/python")
    link.type, link.linkname = tarfile.SYMTYPE, "/usr/bin/python3.11"
    configuration = {
        "architecture": architecture,
        "created": "2026-11-30T19:00:00.123456789Z",
        "config": {"Labels": LABELS},
    }
    layers = ["1/layer.tar", "2/layer.tar"]
    described = [{"Config": "c0ffee.json", "RepoTags": ["cni-infoblox:0.1.0"], "Layers": layers}]
    contents = {
        "manifest.json": json.dumps(described).encode(),
        "c0ffee.json": json.dumps(configuration).encode(),
        "1/layer.tar": _tar(files),
        "2/layer.tar": _tar({}, link),
    }
    path.write_bytes(_tar(contents))
    return path


def _tar(files: Mapping[str, bytes], *links: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755 if name in PROGRAMS else 0o644
            archive.addfile(member, io.BytesIO(data))
        for link in links:
            archive.addfile(link)
    return buffer.getvalue()
