"""Says which files go into which archive of a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from release.image_archive import Entry, Image

LICENCES: Final = ("LICENSE", "NOTICE")
PLUGIN: Final = "usr/lib/cni-infoblox"
MANIFESTS: Final = "k8s"
CHART: Final = "k8s/chart"
OF_THE_CHART_FOR_TESTS: Final = "ci"
TOOLS: Final = (".py", ".txt", ".pyc")
"""Endings of what makes and checks the manifests."""


def plugin_entries(image: Image, tree: Path) -> Iterator[Entry]:
    """The static plugin of an image, with its licences, at the top of the archive."""
    for entry in image.below(PLUGIN):
        yield Entry(Path(entry.path).name, entry.mode, data=entry.data)
    for name in LICENCES:
        yield _entry(tree / name, name)


def manifest_entries(tree: Path, version: str) -> Iterator[Entry]:
    """The manifests in the layout of the source tree, so that what the pages say holds there too."""
    for file in sorted((tree / MANIFESTS).rglob("*")):
        if file.is_file() and file.suffix not in TOOLS and tree / CHART not in file.parents:
            yield _entry(file, f"cni-infoblox-{version}/{file.relative_to(tree)}")
    for name in LICENCES:
        yield _entry(tree / name, f"cni-infoblox-{version}/{name}")


def chart_entries(tree: Path) -> Iterator[Entry]:
    """The chart as `helm package` lays it out."""
    chart = tree / CHART
    for file in sorted(chart.rglob("*")):
        if file.is_file() and chart / OF_THE_CHART_FOR_TESTS not in file.parents:
            yield _entry(file, f"cni-infoblox/{file.relative_to(chart)}")


def _entry(file: Path, path: str) -> Entry:
    mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
    return Entry(path, mode, data=file.read_bytes())
