"""Says which files go into which archive of a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from release.image_archive import Entry, Image

LICENCES: Final = ("LICENSE", "NOTICE")
PLUGIN: Final = "usr/lib/cni-infoblox"
MANIFESTS: Final = (
    "k8s/*.yaml",
    "k8s/README.md",
    "k8s/base/**/*",
    "k8s/components/**/*",
    "k8s/overlays/**/*",
    "k8s/site/*",
)
CHART: Final = "k8s/chart"


def plugin_entries(image: Image, tree: Path) -> Iterator[Entry]:
    """The static plugin of an image, with its licences, at the top of the archive."""
    for entry in image.below(PLUGIN):
        yield Entry(Path(entry.path).name, entry.mode, data=entry.data)
    for name in LICENCES:
        yield _entry(tree / name, name)


def manifest_entries(tree: Path, version: str) -> Iterator[Entry]:
    """The manifests in the layout of the source tree, so that what the pages say holds there too."""
    found = {file for pattern in MANIFESTS for file in tree.glob(pattern) if file.is_file()}
    for file in sorted(found):
        yield _entry(file, f"cni-infoblox-{version}/{file.relative_to(tree)}")
    for name in LICENCES:
        yield _entry(tree / name, f"cni-infoblox-{version}/{name}")


def chart_entries(tree: Path) -> Iterator[Entry]:
    """The chart as `helm package` lays it out; nothing where there is no chart."""
    chart = tree / CHART
    for file in sorted(chart.rglob("*")):
        if file.is_file():
            yield _entry(file, f"cni-infoblox/{file.relative_to(chart)}")


def _entry(file: Path, path: str) -> Entry:
    return Entry(path, 0o644, data=file.read_bytes())
