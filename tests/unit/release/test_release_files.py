"""What a release consists of besides images: plugin, manifests, Debian package, checksums and their signature."""

from __future__ import annotations

import base64
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from made_image import write_archive

from release.checksums import NotSigned, sign, write_checksums
from release.contents import chart_entries, manifest_entries, plugin_entries
from release.debian_package import build_package
from release.image_archive import Image, read_image
from release.tar_file import compressed_tar

TREE = Path(__file__).parents[3]


@pytest.fixture(name="image")
def made_image(tmp_path: Path) -> Image:
    return read_image(write_archive(tmp_path / "image.tar"))


def output(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plugins_archive_has_the_executable_and_its_licences(image: Image) -> None:
    with tarfile.open(fileobj=BytesIO(compressed_tar(plugin_entries(image, TREE), 1))) as archive:
        modes = {member.name: member.mode for member in archive}
    assert modes == {"infoblox": 0o755, "infoblox.packages": 0o644, "LICENSE": 0o644, "NOTICE": 0o644}


def test_the_same_content_makes_the_same_archive(image: Image) -> None:
    first, second = (compressed_tar(plugin_entries(image, TREE), 1) for _ in range(2))
    assert first == second


def test_each_manifest_that_people_apply_is_in_the_archive_with_what_it_refers_to() -> None:
    paths = {entry.path for entry in manifest_entries(TREE, "0.1.0")}
    wanted = {path for path in (TREE / "k8s").rglob("*.yaml") if "chart" not in path.parts}
    assert paths >= {f"cni-infoblox-0.1.0/{path.relative_to(TREE)}" for path in wanted}
    assert not [path for path in paths if path.endswith(".py") or "/chart/" in path]


def test_the_charts_archive_is_laid_out_as_helm_wants_it() -> None:
    paths = {entry.path for entry in chart_entries(TREE)}
    assert {"cni-infoblox/Chart.yaml", "cni-infoblox/values.yaml", "cni-infoblox/values.schema.json"} <= paths
    assert any(path.startswith("cni-infoblox/templates/") for path in paths)
    assert not [path for path in paths if path.startswith("cni-infoblox/ci/")]


def test_the_debian_package_has_the_images_files_with_units_and_settings(image: Image, tmp_path: Path) -> None:
    package = tmp_path / "package.deb"
    build_package(image, TREE, package, time_s=1)
    lines = output("dpkg-deb", "--contents", str(package)).splitlines()
    listed = {line.split(maxsplit=5)[5]: line.split() for line in lines}
    assert listed["./opt/cni-infoblox/bin/cni-infoblox"][0] == "-rwxr-xr-x"
    assert "./opt/cni-infoblox/bin/python -> /usr/bin/python3.11" in listed
    assert "./usr/bin/cni-infoblox-agent -> /opt/cni-infoblox/bin/cni-infoblox-agent" in listed
    assert "./lib/systemd/system/cni-infoblox-agent.service" in listed
    assert "./usr/share/doc/cni-infoblox/LICENSE" in listed
    assert {line[1] for line in listed.values()} == {"root/root"}
    fields = output("dpkg-deb", "--field", str(package), "Version", "Architecture")
    assert fields == "Version: 0.1.0\nArchitecture: arm64\n"
    settings = output("dpkg-deb", "--info", str(package), "conffiles").split()
    assert settings == ["/etc/cni-infoblox/agent.conf", "/etc/cni-infoblox/coordinator.conf"]


def test_the_same_image_makes_the_same_package(image: Image, tmp_path: Path) -> None:
    first, second = tmp_path / "1.deb", tmp_path / "2.deb"
    for package in (first, second):
        build_package(image, TREE, package, time_s=1)
    assert first.read_bytes() == second.read_bytes()


def test_checksums_are_read_by_sha256sum_and_a_changed_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    checksums = write_checksums(tmp_path, [file])
    argv = ["sha256sum", "--check", "--strict", checksums.name]
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    file.write_text("other")
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_the_signature_is_verified_with_the_public_key(tmp_path: Path) -> None:
    key, public, raw = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "raw"
    output("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    output("openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public))
    checksums = write_checksums(tmp_path, [key])
    raw.write_bytes(base64.b64decode(sign(checksums, key).read_text()))
    verify = ("openssl", "dgst", "-sha256", "-verify", str(public), "-signature", str(raw), str(checksums))
    assert output(*verify) == "Verified OK\n"


def test_a_key_that_cannot_sign_is_named(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key")
    with pytest.raises(NotSigned, match=r"key\.pem"):
        sign(write_checksums(tmp_path, [key]), key)
