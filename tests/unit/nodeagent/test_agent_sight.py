"""What a look at the path of a namespace shows; any file serves for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import NO_NAMESPACE, Sight
from nodeagent.netns.look import directory_of, sight_of

SOME = 4026532001


def a_namespace(path: Path | str) -> Namespace:
    return Namespace(str(path), SOME)


def test_a_file_is_shown_with_its_directory(tmp_path: Path) -> None:
    (tmp_path / "cni-1").touch()
    namespace = a_namespace(tmp_path / "cni-1")

    expected = Sight(namespace, directory_of(tmp_path.stat()), (tmp_path / "cni-1").stat().st_ino)
    assert sight_of(namespace, tmp_path.stat().st_dev) == expected
    assert sight_of(namespace, -1) == replace(expected, inode=NO_NAMESPACE)


def test_what_is_not_there_is_told_from_a_directory_that_is_not(tmp_path: Path) -> None:
    missing, nowhere = a_namespace(tmp_path / "cni-1"), a_namespace(tmp_path / "absent" / "cni-1")

    assert sight_of(missing, 4) == Sight(missing, directory_of(tmp_path.stat()))
    assert sight_of(nowhere, 4) == Sight(nowhere)


def test_links_say_nothing_whether_they_lead_somewhere_or_not(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to("/proc/self/ns/net")
    (tmp_path / "gone").symlink_to(tmp_path / "absent")
    for path in (tmp_path / "here", tmp_path / "gone", Path("/proc/self/ns/net")):
        assert sight_of(a_namespace(path), 4) == Sight(a_namespace(path))


@pytest.mark.parametrize(
    "path", ["", "cni-1", "./cni-1", "/", "/run/netns/", "/run/netns/..", "/a\0b/c", "/run/a\0b"]
)
def test_a_path_that_names_no_entry_says_nothing(path: str) -> None:
    assert sight_of(a_namespace(path), 4) == Sight(a_namespace(path))
