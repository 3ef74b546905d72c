"""Which machine this is, by the files of its kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.hardware import PRODUCT_UUID, SERIAL_NUMBERS, machine_serial

UUID = "4C4C4544-0039-3510-8054-B4C04F4E3333"


def write(root: Path, name: Path, content: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_the_product_uuid_names_the_machine_however_it_is_spelled(tmp_path: Path) -> None:
    write(tmp_path, PRODUCT_UUID, f"{UUID}\n".encode())
    assert machine_serial(tmp_path) == UUID.lower()


@pytest.mark.parametrize("name", SERIAL_NUMBERS)
def test_a_board_without_dmi_is_named_by_its_device_tree(tmp_path: Path, name: Path) -> None:
    write(tmp_path, name, b"10000000a1b2c3d4\0")
    assert machine_serial(tmp_path) == "10000000a1b2c3d4"


@pytest.mark.parametrize(
    "default",
    [
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "",
        "0000000000000000",
    ],
)
def test_what_a_vendor_leaves_in_many_machines_names_none(tmp_path: Path, default: str) -> None:
    write(tmp_path, PRODUCT_UUID, default.encode())
    assert machine_serial(tmp_path) == ""
    write(tmp_path, SERIAL_NUMBERS[0], b"10000000a1b2c3d4\0")
    assert machine_serial(tmp_path) == "10000000a1b2c3d4"


def test_a_machine_that_says_nothing_is_unknown(tmp_path: Path) -> None:
    assert machine_serial(tmp_path) == ""
