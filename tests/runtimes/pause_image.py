"""Builds an image whose only process sleeps, without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

IMAGE = "localhost/pause:1"
SOURCE = """
#include <signal.h>
#include <unistd.h>
static void end(int number) { (void)number; _exit(0); }
int main(void) { signal(SIGTERM, end); for (;;) pause(); }
"""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def build(directory: Path) -> Path:
    """An OCI archive in this directory that containerd and podman can load."""
    program = directory / "pause"
    argv = ["gcc", "-O2", "-static", "-s", "-o", str(program), "-x", "c", "-"]
    subprocess.run(argv, input=SOURCE.encode(), check=True)
    archive = directory / "pause.tar"
    archive.write_bytes(_image(program.read_bytes()))
    return archive


def _image(program: bytes) -> bytes:
    layer = _tar({"pause": program})
    blobs: dict[str, bytes] = {}
    kind = "application/vnd.oci.image"
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": _blob(blobs, f"{kind}.config.v1+json", _json(config)),
        "layers": [_blob(blobs, f"{kind}.layer.v1.tar", layer)],
    }
    listed = _blob(blobs, f"{kind}.manifest.v1+json", _json(manifest))
    listed["annotations"] = {"io.containerd.image.name": IMAGE, "org.opencontainers.image.ref.name": IMAGE}
    index = {"schemaVersion": 2, "manifests": [listed]}
    return _tar({"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index), **blobs})


def _blob(blobs: dict[str, bytes], media_type: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = data
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
