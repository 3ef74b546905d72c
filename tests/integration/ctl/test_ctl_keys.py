"""`cni-infoblox keys init`, as a person runs it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from protocol import keys
from protocol.cluster_id import is_cluster_id, read_cluster_id


def keys_init(directory: Path, *nodes: str) -> subprocess.CompletedProcess[str]:
    flags = [argument for node in nodes for argument in ("--node", node)]
    command = [sys.executable, "-m", "ctl", "keys", "init", str(directory), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_every_machine_gets_its_files_and_secrets_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "keys"
    assert keys_init(directory, "node-a", "node-b.example").returncode == 0
    assert sorted(contents(directory)) == [
        "coordinator/authorized/node-a.key",
        "coordinator/authorized/node-b.example.key",
        "coordinator/cluster-id",
        "coordinator/coordinator.key",
        "coordinator/coordinator.key_secret",
        "node-a/agent.key",
        "node-a/agent.key_secret",
        "node-a/coordinator.key",
        "node-b.example/agent.key",
        "node-b.example/agent.key_secret",
        "node-b.example/coordinator.key",
    ]
    for path in [directory, *directory.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o700, path
        if path.suffix == ".key_secret":
            assert mode == 0o600, path


def test_the_files_fit_each_other(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    coordinator = keys.load_pair(tmp_path / "coordinator" / "coordinator.key_secret")
    assert keys.load_public(tmp_path / "node-a" / "coordinator.key") == coordinator.public
    agent = keys.load_pair(tmp_path / "node-a" / "agent.key_secret")
    authorized = (tmp_path / "coordinator" / "authorized").iterdir()
    assert keys.load_authorized(authorized) == ({agent.public: "node-a"}, [])


def test_a_second_run_adds_nodes_and_keeps_every_key(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    before = contents(tmp_path)
    result = keys_init(tmp_path, "node-a", "node-b")
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert "node-b/agent.key_secret" in after
    assert "node-a: kept" in result.stdout
    assert "node-b: made" in result.stdout


def test_the_clusters_id_is_made_once(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    made = read_cluster_id(tmp_path / "coordinator" / "cluster-id")
    assert f"kept {tmp_path / 'coordinator' / 'cluster-id'}, {made}" in keys_init(tmp_path, "node-b").stdout
    assert read_cluster_id(tmp_path / "coordinator" / "cluster-id") == made
    (tmp_path / "coordinator" / "cluster-id").write_text("edited")
    broken = keys_init(tmp_path, "node-b")
    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
    assert "holds no cluster id" in broken.stderr


def printed(*flags: str) -> dict[str, str]:
    """What the Secret holds that 'keys init --kubernetes' prints."""
    command = [sys.executable, "-m", "ctl", "keys", "init", "--kubernetes", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    secret: dict[str, dict[str, str]] = next(yaml.safe_load_all(done.stdout))
    return secret["stringData"]


def test_the_secret_has_the_clusters_id_and_names_the_cluster_that_may_use_it() -> None:
    uid = "12345678-1234-1234-1234-123456789abc"
    first = printed("--cluster-uid", uid)
    assert is_cluster_id(first["cluster-id"])
    assert first["cluster-uid"] == uid
    second = printed("--cluster-id", first["cluster-id"])
    assert second["cluster-id"] == first["cluster-id"]
    assert second["coordinator.key"] != first["coordinator.key"]
    assert "cluster-uid" not in second
    assert printed()["cluster-id"] != first["cluster-id"]


@pytest.mark.parametrize(
    "flags",
    [
        ("--kubernetes", "--cluster-uid", "kube-system"),
        ("--kubernetes", "--cluster-id", "c0ffee"),
        ("DIR", "--node", "node-a", "--cluster-id", "c0ffee000000"),
    ],
)
def test_an_id_that_is_none_is_refused_with_the_flags_name(flags: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "ctl", "keys", "init", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--cluster-" in done.stderr


def test_keys_that_were_carried_away_are_not_made_anew(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    (tmp_path / "coordinator" / "coordinator.key_secret").unlink()
    for path in (tmp_path / "node-a").iterdir():
        path.unlink()
    before = contents(tmp_path)
    result = keys_init(tmp_path, "node-a", "node-b")
    assert result.returncode == 0
    assert "secret is no longer here" in result.stdout
    added = set(contents(tmp_path)) - set(before)
    assert {name.split("/")[0] for name in added if "authorized" not in name} == {"node-b"}


def test_an_interrupted_run_is_completed_by_the_next(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    whole = contents(tmp_path)
    for name in ("coordinator/authorized/node-a.key", "node-a/coordinator.key", "node-a/agent.key"):
        (tmp_path / name).unlink()
    assert keys_init(tmp_path, "node-a").returncode == 0
    assert contents(tmp_path) == whole


def test_a_key_that_contradicts_another_is_reported_and_left_alone(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    stale = tmp_path / "node-a" / "coordinator.key"
    stale.write_bytes((tmp_path / "node-a" / "agent.key").read_bytes())
    before = contents(tmp_path)
    result = keys_init(tmp_path, "node-a")
    assert result.returncode == 1
    assert str(stale) in result.stderr
    assert result.stderr.count("\n") == 1
    assert contents(tmp_path) == before


def test_a_secret_that_others_can_read_is_reported(tmp_path: Path) -> None:
    keys_init(tmp_path, "node-a")
    (tmp_path / "node-a" / "agent.key_secret").chmod(0o644)
    result = keys_init(tmp_path, "node-a")
    assert result.returncode == 1
    assert "chmod 600" in result.stderr


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = keys_init(tmp_path / "file" / "keys", "node-a")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
