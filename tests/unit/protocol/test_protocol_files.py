"""Replacing a file: all or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from daemon import files


def test_a_replaced_file_has_the_bytes_and_the_mode_whatever_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "infoblox"
    target.write_bytes(b"old")
    before = os.umask(0o077)
    try:
        files.replace(target, b"new", 0o755)
    finally:
        os.umask(before)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert os.listdir(tmp_path) == ["infoblox"]


def test_whoever_has_the_old_file_open_keeps_reading_it(tmp_path: Path) -> None:
    target = tmp_path / "infoblox"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        files.replace(target, b"new", 0o755)
        assert reader.read() == b"old"


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "infoblox"
    (target / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        files.replace(target, b"new", 0o755)
    assert os.listdir(tmp_path) == ["infoblox"]


@pytest.mark.parametrize(
    ("data", "mode", "same"), [(b"new", 0o755, "yes"), (b"old", 0o755, "no"), (b"new", 0o644, "no")]
)
def test_a_file_is_the_same_only_with_equal_bytes_and_mode(
    tmp_path: Path, data: bytes, mode: int, same: str
) -> None:
    target = tmp_path / "infoblox"
    assert not files.holds(target, b"new", 0o755)
    files.replace(target, data, mode)
    assert files.holds(target, b"new", 0o755) is (same == "yes")
