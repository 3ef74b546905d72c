"""The kubectl plugin as krew gets it: what the manifest says of the archive is true."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from k8s.krew import package
from k8s.render import HERE


def test_the_manifest_names_what_the_archive_is(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "krew" / "package.py"), "--uri", "https://x/a.tar.gz", str(tmp_path)]
    subprocess.run(argv, check=True)
    packed = (tmp_path / "kubectl-infoblox.tar.gz").read_bytes()
    manifest = yaml.safe_load((tmp_path / "infoblox.yaml").read_text())
    (platform,) = manifest["spec"]["platforms"]
    assert platform["sha256"] == hashlib.sha256(packed).hexdigest()
    assert platform["uri"] == "https://x/a.tar.gz"
    with tarfile.open(tmp_path / "kubectl-infoblox.tar.gz") as archive:
        assert archive.getmember(platform["bin"]).mode & 0o111
    assert packed == package.archive(), "the same bytes each time"


def test_a_posix_shell_takes_the_plugin() -> None:
    subprocess.run(["sh", "-n", str(HERE / "krew" / "kubectl-infoblox")], check=True)
