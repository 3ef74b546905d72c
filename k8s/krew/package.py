"""Packs the kubectl plugin as krew wants it: an archive, and the manifest that names its checksum."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import tarfile
import tomllib
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
ARCHIVE: Final = "kubectl-infoblox.tar.gz"
FILES: Final = {"kubectl-infoblox": HERE / "kubectl-infoblox", "LICENSE": ROOT / "LICENSE"}
_MANIFEST: Final = """\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: infoblox
spec:
  version: v{version}
  shortDescription: Ask cni-infoblox who has which address, and why
  description: |
    Runs the command cni-infoblox in the pod that can answer: that of the coordinator that leads, or, with
    --node, that of a node's agent. It lists addresses by node, namespace, pod and state, explains why a pod
    does not start, and shows grid, networks, nodes and alarms.
  caveats: |
    Needs the right to list pods, to read the Lease cni-infoblox-coordinator, and to exec into pods, in the
    namespace of cni-infoblox; and, unless --namespace is given, to list pods in all namespaces.
  platforms:
    - selector:
        matchExpressions:
          - key: os
            operator: In
            values: [darwin, linux]
      uri: {uri}
      sha256: {sha256}
      bin: kubectl-infoblox
"""


def archive() -> bytes:
    """The archive, the same bytes from the same files."""
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, path in FILES.items():
            if path.exists():
                data = path.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o755 if name.startswith("kubectl") else 0o644
                tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(tarred.getvalue(), mtime=0)


def manifest(packed: bytes, uri: str) -> str:
    """The manifest of an archive that is found at `uri`."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return _MANIFEST.format(version=version, uri=uri, sha256=hashlib.sha256(packed).hexdigest())


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", required=True, help=f"where {ARCHIVE} is going to be found")
    parser.add_argument("directory", type=Path, help="where the files go")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    packed = archive()
    (arguments.directory / ARCHIVE).write_bytes(packed)
    (arguments.directory / "infoblox.yaml").write_text(manifest(packed, arguments.uri), encoding="utf-8")


if __name__ == "__main__":
    main()
