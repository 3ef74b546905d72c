"""Reads an image's configuration and files from an archive of `docker save`, without an engine."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

MANIFEST: Final = "manifest.json"


class BadArchive(Exception):
    """A file that is no archive of one image; the text names it."""


@dataclass(frozen=True)
class Entry:
    """One file, link or directory of the image. `target` is a link's, `data` a file's."""

    path: str
    mode: int
    data: bytes = b""
    target: str = ""
    is_directory: bool = False


@dataclass(frozen=True)
class Image:
    """An image of one processor architecture. `files` has no leading slash in its paths."""

    reference: str
    architecture: str
    created: str
    digest: str
    labels: Mapping[str, str]
    files: Mapping[str, Entry]

    @property
    def name(self) -> str:
        """The reference without its tag."""
        return self.reference.rpartition(":")[0]

    @property
    def version(self) -> str:
        """The release, as the label says."""
        return self.labels["org.opencontainers.image.version"]

    def below(self, directory: str) -> list[Entry]:
        """The entries below a directory, each before what lies in it."""
        return [self.files[path] for path in sorted(self.files) if path.startswith(f"{directory}/")]


def read_image(path: Path) -> Image:
    """The one image of an archive, all of its files in memory. Raises `BadArchive`.

    Our layers only add, so what would remove a file of a lower layer is not looked for.
    """
    try:
        with tarfile.open(path) as archive:
            (described,) = json.loads(_member(archive, MANIFEST))
            configuration = _member(archive, described["Config"])
            files: dict[str, Entry] = {}
            for layer in described["Layers"]:
                files |= _entries(_member(archive, layer))
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise BadArchive(f"{path}: is no archive of an image ({error})") from None
    found: Mapping[str, Any] = json.loads(configuration)
    return Image(
        reference=described["RepoTags"][0],
        architecture=found["architecture"],
        created=found["created"],
        digest=Path(described["Config"]).name.removesuffix(".json"),
        labels=found["config"].get("Labels") or {},
        files=files,
    )


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    return file.read()


def _entries(layer: bytes) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    with tarfile.open(fileobj=BytesIO(layer)) as archive:
        for member in archive:
            path = member.name.removeprefix("./").strip("/")
            if member.issym():
                entries[path] = Entry(path, 0o777, target=member.linkname)
            elif member.isdir():
                entries[path] = Entry(path, member.mode, is_directory=True)
            elif member.isfile() or member.islnk():
                file = archive.extractfile(member)
                assert file is not None
                entries[path] = Entry(path, member.mode, data=file.read())
    return entries
