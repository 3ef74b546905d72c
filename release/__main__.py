"""Writes a release beside its images, or names the next version: `python -m release bundle|bump`."""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from k8s.krew import package as krew
from release.bill import bill_of_materials
from release.checksums import NotSigned, sign, write_checksums
from release.components import UnknownLibrary, components
from release.contents import chart_entries, manifest_entries, plugin_entries
from release.debian_package import PackageNotBuilt, build_package
from release.image_archive import BadArchive, Image, read_image
from release.tar_file import compressed_tar
from release.version import CHANGELOG, BadVersion, bump, has_section, project_version

TREE: Final = Path(__file__).parents[1]
MAIN_IMAGE: Final = "cni-infoblox"
ARCHITECTURES: Final = ("amd64", "arm64")
IMAGES: Final = (MAIN_IMAGE, "cni-infoblox-gridsim")


class Incomplete(Exception):
    """Something that a release must have is missing; the text says what, and what makes it."""


def main() -> int:
    """Run it; exit code 1 with one line where something is missing."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "bump":
            for file in bump(TREE, arguments.version, datetime.datetime.now(datetime.UTC).date().isoformat()):
                _say(file.relative_to(TREE))
        else:
            _bundle(arguments.directory, arguments.signing_key)
    except (BadArchive, BadVersion, Incomplete, NotSigned, PackageNotBuilt, UnknownLibrary) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    bundle = commands.add_parser("bundle", help="write what a release consists of")
    bundle.add_argument("directory", type=Path, metavar="DIR", help="where the images' archives are")
    bundle.add_argument("--signing-key", type=Path, metavar="FILE", help="a private key in PEM")
    named = commands.add_parser("bump", help="name another version wherever the release is named")
    named.add_argument("version", metavar="X.Y.Z")
    return parser


def _bundle(directory: Path, signing_key: Path | None) -> None:
    version = project_version(TREE)
    if not has_section((TREE / CHANGELOG).read_text(encoding="utf-8"), version):
        raise Incomplete(f"{CHANGELOG} has no section {version}: run 'python -m release bump' first")
    written = list(_write_all(directory, version, _commit_time_s()))
    checksums = write_checksums(directory, written)
    signed = [sign(checksums, signing_key)] if signing_key else []
    for file in (*written, checksums, *signed):
        _say(f"{file}  {file.stat().st_size / 1e6:.1f} MB")
    if not signing_key:
        _say("not signed: no SIGNING_KEY was given")


def _write_all(directory: Path, version: str, time_s: int) -> Iterator[Path]:
    for architecture in ARCHITECTURES:
        for name in IMAGES:
            archive = directory / f"{name}-image-{version}-{architecture}.tar"
            image = _image(archive, version, architecture)
            yield archive
            bill = archive.with_suffix(".cdx.json")
            bill.write_text(bill_of_materials(image, components(image)), encoding="utf-8")
            yield bill
            if name == MAIN_IMAGE:
                yield from _write_for_hosts(directory, image, time_s)
    manifests = directory / f"cni-infoblox-manifests-{version}.tar.gz"
    manifests.write_bytes(compressed_tar(manifest_entries(TREE, version), time_s))
    yield manifests
    chart = directory / f"cni-infoblox-{version}.tgz"
    chart.write_bytes(compressed_tar(chart_entries(TREE), time_s))
    yield chart
    kubectl_plugin = directory / krew.ARCHIVE
    kubectl_plugin.write_bytes(krew.archive())
    yield kubectl_plugin


def _write_for_hosts(directory: Path, image: Image, time_s: int) -> Iterator[Path]:
    plugin = directory / f"cni-infoblox-plugin-{image.version}-{image.architecture}.tar.gz"
    plugin.write_bytes(compressed_tar(plugin_entries(image, TREE), time_s))
    yield plugin
    package = directory / f"cni-infoblox_{image.version}_{image.architecture}.deb"
    build_package(image, TREE, package, time_s)
    yield package


def _image(archive: Path, version: str, architecture: str) -> Image:
    if not archive.is_file():
        raise Incomplete(f"{archive} is missing: 'make release' builds the images first")
    image = read_image(archive)
    if (image.version, image.architecture) != (version, architecture):
        raise Incomplete(f"{archive} holds {image.version} for {image.architecture}: build it anew")
    return image


def _commit_time_s() -> int:
    """When the released commit was made, so that a second run writes the same bytes; 0 without git."""
    argv = ["git", "-C", str(TREE), "log", "-1", "--format=%ct"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
