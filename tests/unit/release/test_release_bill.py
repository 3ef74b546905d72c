"""An image's bill of materials names what is in the image, also what wheels and the plugin contain."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zmq
from made_image import FILES, PACKAGES, write_archive

from release.bill import bill_of_materials
from release.components import BUNDLED, UnknownLibrary, components
from release.image_archive import BadArchive, read_image


@pytest.fixture(name="bill")
def bill_of_a_made_image(tmp_path: Path) -> Mapping[str, Any]:
    image = read_image(write_archive(tmp_path / "image.tar"))
    found: Mapping[str, Any] = json.loads(bill_of_materials(image, components(image)))
    return found


def test_the_bill_is_of_the_image_and_its_release(bill: Mapping[str, Any]) -> None:
    subject = bill["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == ("container", "cni-infoblox", "0.1.0")
    assert {"name": "cni-infoblox:architecture", "value": "arm64"} in subject["properties"]
    assert bill["metadata"]["timestamp"] == "2026-11-30T19:00:00Z"


def test_each_component_has_name_version_and_package_url(bill: Mapping[str, Any]) -> None:
    assert [(each["name"], each.get("purl")) for each in bill["components"]] == [
        ("libc6", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=arm64&distro=debian-12"),
        ("pydantic_core", "pkg:pypi/pydantic-core@2.50.5"),
        ("libsodium", "pkg:generic/libsodium@1.0.22"),
        ("libzmq", "pkg:generic/libzmq@4.3.5"),
        ("infoblox", None),
    ]


def test_what_a_wheel_and_the_plugin_contain_is_below_them(bill: Mapping[str, Any]) -> None:
    nested = {each["name"]: each["components"] for each in bill["components"] if "components" in each}
    assert nested == {
        "pydantic_core": [{"type": "library", "name": "serde", "version": "1.0"}],
        "infoblox": [
            {
                "type": "library",
                "name": "libpython3.11-dev",
                "version": "3.11.2-6+deb12u6",
                "purl": "pkg:deb/debian/libpython3.11-dev@3.11.2-6%2Bdeb12u6?arch=arm64&distro=debian-12",
            }
        ],
    }


def test_references_are_unique(bill: Mapping[str, Any]) -> None:
    references = [each["bom-ref"] for each in bill["components"]]
    assert len(set(references)) == len(references)


def test_a_library_of_unknown_release_is_named(tmp_path: Path) -> None:
    files = {**FILES, f"{PACKAGES}/pyzmq.libs/libzmq-2f02442c.so.6.0.0": b"ELF"}
    image = read_image(write_archive(tmp_path / "image.tar", files))
    with pytest.raises(UnknownLibrary, match=r"libzmq\.so\.6\.0\.0"):
        components(image)


def test_the_releases_of_bundled_libraries_are_those_of_the_installed_wheel() -> None:
    (sodium,) = (Path(zmq.__file__).parents[1] / "pyzmq.libs").glob("libsodium*")
    version = ctypes.CDLL(str(sodium)).sodium_version_string
    version.restype = ctypes.c_char_p
    assert {version for version, _ in BUNDLED.values()} == {zmq.zmq_version(), version().decode()}


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(b"nothing")
    with pytest.raises(BadArchive, match=r"image\.tar"):
        read_image(path)
