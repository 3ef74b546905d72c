"""Knows every place that names the release, and writes another one there. pyproject.toml leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = "pyproject.toml"
CHANGELOG: Final = "CHANGELOG.md"
VERSION: Final = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


class BadVersion(Exception):
    """A version that cannot be released; the text says why."""


@dataclass(frozen=True)
class Place:
    """Files, by a pattern below the tree, with what stands before the version there."""

    files: str
    before: str

    def pattern(self) -> re.Pattern[str]:
        """Finds the version as the group `version`."""
        return re.compile(rf"(?P<before>{self.before})(?P<version>{VERSION.pattern})", re.MULTILINE)


IMAGE: Final = r"image: cni-infoblox(-\w+)?:"
PLACES: Final = (
    Place(PROJECT, r'^version = "'),
    Place("Dockerfile", r"^ARG VERSION="),
    Place("docker-compose.yml", IMAGE),
    Place("k8s/*.yaml", IMAGE),
    Place("k8s/base/*/*.yaml", IMAGE),
    Place("k8s/chart/Chart.yaml", r'^(appVersion: "?|version: "?)'),
    Place("docs/*.md", r"\bcni-infoblox(-\w+)?(:|_|-image-)"),
)
"""The manifests that are generated from these follow with `make manifests`, and are the same."""


@dataclass(frozen=True)
class Named:
    """A version, as a file names it."""

    file: Path
    version: str


def named_versions(tree: Path) -> Iterator[Named]:
    """Each version that is named in one of the places of a source tree."""
    for place in PLACES:
        for file in sorted(tree.glob(place.files)):
            for match in place.pattern().finditer(file.read_text(encoding="utf-8")):
                yield Named(file.relative_to(tree), match["version"])


def project_version(tree: Path) -> str:
    """The version that leads."""
    return next(named.version for named in named_versions(tree) if named.file == Path(PROJECT))


def bump(tree: Path, version: str, date: str) -> list[Path]:
    """Name `version` in every place, and give the changelog's unreleased section its name.

    Returns the files that have changed. Raises `BadVersion` where it is none, or nothing is to be released.
    """
    if not VERSION.fullmatch(version):
        raise BadVersion(f"{version!r} is no version: use X.Y.Z, or X.Y.Zrc1 before it")
    log = tree / CHANGELOG
    texts = {log: released(log.read_text(encoding="utf-8"), version, date)}
    for place in PLACES:
        for file in sorted(tree.glob(place.files)):
            text = texts.get(file) or file.read_text(encoding="utf-8")
            texts[file] = place.pattern().sub(rf"\g<before>{version}", text)
    changed = [file for file, text in texts.items() if file.read_text(encoding="utf-8") != text]
    for file in changed:
        file.write_text(texts[file], encoding="utf-8")
    return changed


def released(changelog: str, version: str, date: str) -> str:
    """The changelog whose unreleased section has become that of `version`, below an empty one."""
    if has_section(changelog, version):
        raise BadVersion(f"{CHANGELOG} has a section {version} already")
    head, heading, rest = changelog.partition("## Unreleased\n")
    if not heading or not rest.partition("\n## ")[0].strip():
        raise BadVersion(f"{CHANGELOG} has nothing below '## Unreleased'")
    return f"{head}{heading}\n## {version} ({date})\n{rest}"


def has_section(changelog: str, version: str) -> bool:
    """Whether the changelog says what is in this version."""
    return re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE) is not None
