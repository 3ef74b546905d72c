"""Writes the checksums of a release, and their signature where a key is given."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CHECKSUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.sig"


class NotSigned(Exception):
    """The key cannot sign; the text is openssl's."""


def write_checksums(directory: Path, files: Iterable[Path]) -> Path:
    """Write a file that `sha256sum --check` reads, of files that lie beside it."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(files)]
    path = directory / CHECKSUMS
    path.write_text("".join(lines), encoding="ascii")
    return path


def sign(checksums: Path, key: Path) -> Path:
    """Sign with a private key in PEM, as `cosign sign-blob` does: SHA-256, in Base64. Raises `NotSigned`."""
    argv = ["openssl", "dgst", "-sha256", "-sign", str(key), str(checksums)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise NotSigned(f"{key}: {done.stderr.decode(errors='replace').strip()}")
    path = checksums.with_name(SIGNATURE)
    path.write_text(base64.b64encode(done.stdout).decode("ascii") + "\n", encoding="ascii")
    return path
