"""Finds what an image consists of: Debian packages, Python packages, what wheels bundle, what is in the plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import Parser
from typing import Any, Final
from urllib.parse import quote

from release.image_archive import Image

STATUS: Final = "var/lib/dpkg/status.d"
PACKAGES: Final = "opt/cni-infoblox/lib/python3.11/site-packages"
PLUGIN: Final = "usr/lib/cni-infoblox/infoblox"
DISTRO: Final = "debian-12"
BUNDLED: Final = {
    "libzmq.so.5.2.5": ("4.3.5", "MPL-2.0"),
    "libsodium.so.26.4.0": ("1.0.22", "ISC"),
}
"""Release and licence of the libraries in pyzmq's wheel, by their names, which have the interface's version."""

_LIBRARY: Final = re.compile(r"(?P<name>lib\w+)-[0-9a-f]{8}(?P<interface>\.so[.\d]*)$")


class UnknownLibrary(Exception):
    """A library in a wheel of which nobody has said which release it is; the text names it."""


@dataclass(frozen=True)
class Component:
    """One thing of the image. `nested` is what it contains, as CycloneDX components."""

    kind: str
    name: str
    version: str
    purl: str = ""
    licence: str = ""
    nested: tuple[Mapping[str, Any], ...] = ()


def components(image: Image) -> list[Component]:
    """All of them, in a fixed order. Raises `UnknownLibrary`."""
    return [*_debian(image), *_python(image), *_bundled(image), *_plugin(image)]


def _debian(image: Image) -> Iterator[Component]:
    for entry in image.below(STATUS):
        fields = Parser().parsestr(entry.data.decode())
        name, version = fields["Package"], fields["Version"]
        yield Component("library", name, version, debian_purl(name, version, fields["Architecture"]))


def debian_purl(name: str, version: str, architecture: str) -> str:
    """The package URL of a Debian package."""
    return f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}&distro={DISTRO}"


def _python(image: Image) -> Iterator[Component]:
    for entry in image.below(PACKAGES):
        directory, _, file = entry.path.rpartition("/")
        if file == "METADATA" and directory.endswith(".dist-info"):
            fields = Parser().parsestr(entry.data.decode())
            name, version = fields["Name"], fields["Version"]
            yield Component(
                kind="library",
                name=name,
                version=version,
                purl=f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version, safe='')}",
                licence=fields["License-Expression"] or fields["License"] or "",
                nested=tuple(_brought(image.below(f"{directory}/sboms"))),
            )


def _brought(files: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """What the bills of materials in a wheel list, without their references, which may not be unique here."""
    for file in files:
        for component in json.loads(file.data).get("components", []):
            yield {key: value for key, value in component.items() if key not in ("bom-ref", "components")}


def _bundled(image: Image) -> Iterator[Component]:
    for entry in image.below(PACKAGES):
        directory, _, file = entry.path.rpartition("/")
        match = _LIBRARY.match(file)
        if match and directory.endswith("pyzmq.libs"):
            library = match["name"] + match["interface"]
            if library not in BUNDLED:
                remedy = f"add the release of {library} to BUNDLED in release/components.py"
                raise UnknownLibrary(f"{entry.path}: {remedy}")
            version, licence = BUNDLED[library]
            yield Component("library", match["name"], version, f"pkg:generic/{match['name']}@{version}", licence)


def _plugin(image: Image) -> Iterator[Component]:
    packages = image.files.get(f"{PLUGIN}.packages")
    if packages is None:
        return
    linked = [line.split() for line in packages.data.decode().splitlines()]
    yield Component(
        kind="application",
        name="infoblox",
        version=image.version,
        licence="Apache-2.0",
        nested=tuple(
            {"type": "library", "name": name, "version": version, "purl": debian_purl(name, version, arch)}
            for name, version, arch in linked
        ),
    )
