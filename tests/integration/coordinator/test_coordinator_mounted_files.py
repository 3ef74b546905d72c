"""Files of mounted volumes: which secret key is accepted, and that a replaced file is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from mounted import MountedVolume

from coordinator.nodes.authorized import Authorized
from daemon.file_watch import FileWatch
from protocol.keys import BadKey, generate, lets_others_read, load_pair, pair_text, public_text
from tests.unexpected import NothingUnexpected

POD = 65532


def test_a_replaced_secret_is_noticed_once(tmp_path: Path) -> None:
    volume = MountedVolume(tmp_path / "password", {"wapi-password": "one"})
    path = volume.directory / "wapi-password"
    seen: list[str] = []
    watch = FileWatch({path: lambda: seen.append(path.read_text())}, NothingUnexpected())
    watch.look()
    assert seen == []
    volume.write({"wapi-password": "two"})
    watch.look()
    watch.look()
    assert seen == ["two"]
    volume.write({"wapi-password": "one"})
    watch.look()
    assert seen == ["two", "one"]


def test_each_file_has_its_own_consequence(tmp_path: Path) -> None:
    seen: list[str] = []
    paths = [tmp_path / "a", tmp_path / "b"]
    changed = {path: lambda path=path: seen.append(path.name) for path in paths}  # type: ignore[misc]
    watch = FileWatch(changed, NothingUnexpected())
    paths[1].write_text("now it is there")
    watch.look()
    assert seen == ["b"]


@pytest.mark.parametrize(
    ("owner", "group", "mode", "uid", "gid", "is_open"),
    [
        (POD, POD, 0o600, POD, POD, False),
        (POD, POD, 0o640, POD, POD, True),
        (POD, POD, 0o604, POD, POD, True),
        (0, POD, 0o440, POD, POD, False),
        (0, POD, 0o640, POD, POD, False),
        (0, POD, 0o444, POD, POD, True),
        (0, POD, 0o460, POD, POD, True),
        (0, 100, 0o440, POD, POD, True),
        (1000, POD, 0o440, POD, POD, True),
        (0, 0, 0o400, 0, 0, False),
        (0, 0, 0o440, 0, 0, True),
    ],
)
def test_a_secret_is_read_by_its_process_alone(
    owner: int, group: int, mode: int, uid: int, gid: int, *, is_open: bool
) -> None:
    found = os.stat_result((0o100000 | mode, 1, 1, 1, owner, group, 100, 0, 0, 0))
    assert lets_others_read(found, uid, gid) is is_open


def test_a_pod_that_is_not_root_reads_its_mounted_key() -> None:
    pair = generate()
    name = "coordinator.key_secret"
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        volume = MountedVolume(Path(reachable) / "keys", {name: pair_text(pair)})
        path = volume.directory / name
        os.chown(path, 0, POD)
        read = f"print(load_pair(Path({str(path)!r})).public == {pair.public!r})"
        become = f"os.setgroups([]); os.setgid({POD}); os.setuid({POD})"
        program = f"import os; from pathlib import Path; from protocol.keys import load_pair; {become}; {read}"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.stdout == "True\n", done.stderr
        with pytest.raises(BadKey, match="lets others read"):
            load_pair(path)  # root has no need for the group


def test_without_an_authorized_directory_nobody_is_authorized(tmp_path: Path) -> None:
    complaints: list[str] = []
    authorized = Authorized(tmp_path / "authorized", complaints.append)
    authorized.reread()
    assert (len(authorized), complaints) == (0, [])

    pair = generate()
    (tmp_path / "authorized").mkdir()
    (tmp_path / "authorized" / "node-1.key").write_text(public_text(pair.public))
    authorized.reread()
    assert authorized.node_of(pair.public) == "node-1"
    assert authorized.has("node-1")
    (tmp_path / "authorized" / "node-1.key").unlink()
    authorized.reread()
    assert not authorized.has("node-1")


def test_a_key_is_rechecked_by_its_own_file_alone(tmp_path: Path) -> None:
    directory = tmp_path / "authorized"
    directory.mkdir()
    one, other, new = generate(), generate(), generate()
    (directory / "node-1.key").write_text(public_text(one.public))
    authorized = Authorized(directory, pytest.fail)
    authorized.reread()
    (directory / "node-2.key").write_text(public_text(other.public))
    authorized.recheck(one.public, 10.0, 10.0)
    assert len(authorized) == 1
    authorized.recheck(other.public, 10.0, 10.0)
    assert authorized.node_of(other.public) == "node-2"
    (directory / "node-1.key").unlink()
    authorized.recheck(one.public, 10.0, 10.0)
    assert authorized.node_of(one.public) is None
    (directory / "node-2.tmp").write_text(public_text(new.public))
    (directory / "node-2.tmp").rename(directory / "node-2.key")
    authorized.recheck(other.public, 10.0, 10.0)
    assert authorized.node_of(other.public) is None
    assert authorized.node_of(new.public) == "node-2"


def test_keys_that_nobody_knows_lead_to_one_look_in_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    authorized = Authorized(tmp_path, pytest.fail)
    monkeypatch.setattr(authorized, "reread", lambda: looks.append(True))
    for moment in range(1000):
        authorized.recheck(generate().public, 10.0 + moment / 500, 10.0 + moment / 500)
    assert len(looks) == 2


def test_of_a_key_that_came_since_the_last_look_it_is_certain_after_the_next(tmp_path: Path) -> None:
    pair = generate()
    authorized = Authorized(tmp_path, pytest.fail)
    assert authorized.recheck(generate().public, asked_at_s=10.0, now_s=10.0)
    (tmp_path / "node-1.key").write_text(public_text(pair.public))
    assert not authorized.recheck(pair.public, asked_at_s=10.2, now_s=10.2)
    assert not authorized.recheck(pair.public, asked_at_s=10.2, now_s=10.9)
    assert authorized.recheck(pair.public, asked_at_s=10.2, now_s=11.0)
    assert authorized.node_of(pair.public) == "node-1"
    assert authorized.recheck(generate().public, asked_at_s=10.9, now_s=11.1)


def test_a_directory_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    complaints: list[str] = []
    (tmp_path / "authorized").write_text("a file")
    authorized = Authorized(tmp_path / "authorized", complaints.append)
    authorized.reread()
    authorized.reread()
    assert len(complaints) == 1
