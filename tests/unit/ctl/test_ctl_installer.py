"""What the installer reads, decides and tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.failures import Failed
from ctl.installer import agent, record, source
from ctl.installer.leftovers import Left
from ctl.installer.lock import only_one
from ctl.installer.record import Record
from ctl.installer.report import Configuration, Report, State, Warned
from ctl.installer.runtime_files import RuntimeFiles, sorting_before
from ctl.installer.source import Wanted
from ctl.networks.closing import close, uses_driver
from ctl.networks.failures import BadConfiguration
from daemon import files

OURS, THEIRS = b"as we wrote it", b"as somebody changed it"
WRITTEN = {"10.conf": record.digest(OURS), "20.conf": record.digest(OURS)}


def mounted(directory: Path, keys: Mapping[str, str]) -> Path:
    """A ConfigMap as the kubelet mounts it."""
    version = directory / "..2026_1"
    version.mkdir()
    (directory / "..data").symlink_to(version.name)
    for key, text in keys.items():
        (version / key).write_text(text)
        (directory / key).symlink_to(f"..data/{key}")
    return directory


def test_the_config_map_names_its_file(tmp_path: Path) -> None:
    mounted(tmp_path, {"ipam_conf_file_name": "10-pods.conf\n", "10-pods.conf": "{}", "other.conf": "[]"})
    assert source.read(tmp_path) == Wanted("10-pods.conf", b"{}")


def test_a_config_map_is_read_while_the_kubelet_has_not_yet_linked_its_new_key(tmp_path: Path) -> None:
    mounted(tmp_path, {"ipam_conf_file_name": "20-pods.conf", "20-pods.conf": "{}"})
    (tmp_path / "20-pods.conf").unlink()
    (tmp_path / "10-pods.conf").symlink_to("..data/10-pods.conf")
    assert source.read(tmp_path) == Wanted("20-pods.conf", b"{}")


def test_a_plain_directory_serves_too(tmp_path: Path) -> None:
    (tmp_path / "ipam_conf_file_name").write_text("10-pods.conf")
    (tmp_path / "10-pods.conf").write_text("{}")
    assert source.read(tmp_path) == Wanted("10-pods.conf", b"{}")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({}, "ipam_conf_file_name is missing"),
        ({"ipam_conf_file_name": "a.conf", "b.conf": "{}"}, r"names a\.conf, .* \(other keys: b\.conf\)"),
        ({"ipam_conf_file_name": "a.conf"}, r"names a\.conf, .* \(other keys: none\)"),
        ({"ipam_conf_file_name": "../a.conf"}, "is no file name"),
        ({"ipam_conf_file_name": ".a.conf"}, "is no file name"),
        ({"ipam_conf_file_name": ""}, "is no file name"),
    ],
)
def test_a_config_map_that_names_no_file_is_refused(tmp_path: Path, keys: Mapping[str, str], why: str) -> None:
    with pytest.raises(BadConfiguration, match=why):
        source.read(mounted(tmp_path, keys))


def test_only_what_is_as_we_wrote_it_is_removed() -> None:
    contents = {"10.conf": OURS, "20.conf": THEIRS}
    assert record.removable(WRITTEN, contents, None) == ("10.conf",)
    assert record.changed(WRITTEN, contents, None) == ("20.conf",)


def test_what_is_kept_or_gone_is_neither_removed_nor_told() -> None:
    contents = {"10.conf": OURS, "20.conf": None}
    assert record.removable(WRITTEN, contents, "10.conf") == ()
    assert record.changed(WRITTEN, contents, "10.conf") == ()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"../x": "y", "a": 1}'])
def test_a_record_that_makes_no_sense_lets_nothing_be_removed(tmp_path: Path, text: str) -> None:
    kept = Record(tmp_path, "infoblox")
    kept.path.write_text(text)
    assert kept.read() == {}


def test_a_record_is_no_configuration_and_goes_when_it_is_empty(tmp_path: Path) -> None:
    kept = Record(tmp_path, "infoblox")
    kept.write(WRITTEN)
    assert kept.read() == WRITTEN
    assert RuntimeFiles(tmp_path).names() == ()
    kept.write({})
    assert list(tmp_path.iterdir()) == []


def test_files_are_named_in_the_order_of_the_runtime(tmp_path: Path) -> None:
    for name in ("b.conf", "B.conflist", "a.json", "c.txt", ".hidden.conf", "10.conf"):
        (tmp_path / name).touch()
    (tmp_path / "00.conf").mkdir()
    names = RuntimeFiles(tmp_path).names()
    assert names == (".hidden.conf", "10.conf", "B.conflist", "a.json", "b.conf")
    assert sorting_before(names, "B.conf") == (".hidden.conf", "10.conf")
    assert sorting_before(names, "b.conf") == (".hidden.conf", "10.conf", "B.conflist", "a.json")


def report(state: State, *warnings: Warned) -> Report:
    return Report("/opt/cni/bin/infoblox", "1", None, Configuration(state, "a.conf", "the reason", warnings))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Report("p", "1", "no space left", None), "plugin: no space left"),
        (Report("p", "1", None, None), None),
        (report(State.IN_PLACE, Warned("x", "y")), None),
        (report(State.WAITING), "configuration waiting: the reason"),
        (report(State.REFUSED), "configuration refused: the reason"),
    ],
)
def test_the_probe_gives_the_reason(told: Report, why: str | None) -> None:
    assert told.unready() == why


def test_warnings_are_counted_by_kind() -> None:
    told = report(State.IN_PLACE, Warned("master_unfit", "a"), Warned("master_unfit", "b")).metrics()
    assert b'cni_infoblox_installer_warnings{event="master_unfit"} 2.0' in told
    assert b"cni_infoblox_installer_ready 1.0" in told


def test_what_a_killed_installer_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".cni-infoblox-0123456789abcdef").touch()
    (tmp_path / "infoblox").touch()
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["infoblox"]


def test_the_same_trouble_is_told_in_the_same_words(tmp_path: Path) -> None:
    told = set()
    for _ in range(2):
        with pytest.raises(OSError, match="absent") as caught:
            files.replace(tmp_path / "absent" / "10-pods.conf", b"", 0o600)
        told.add(str(caught.value))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 0", None),
        ("""echo '{"msg": "no coordinator", "details": "request '$$'"}'; exit 1""", "no coordinator"),
        ("echo nonsense; exit 1", "the plugin failed"),
    ],
)
def test_the_agent_is_asked_through_the_plugin(tmp_path: Path, script: str, why: str | None) -> None:
    plugin = tmp_path / "infoblox"
    plugin.write_text(f'#!/bin/sh\n[ "$CNI_COMMAND" = STATUS ] || exit 1\n{script}\n')
    plugin.chmod(0o755)
    assert agent.why_not_serving(plugin, tmp_path) == why


def test_a_plugin_that_does_not_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "infoblox").touch()
    assert "does not run here" in str(agent.why_not_serving(tmp_path / "infoblox", tmp_path))


def test_one_plugin_has_one_installer(tmp_path: Path) -> None:
    plugin = tmp_path / "infoblox"
    with only_one(plugin), pytest.raises(Failed, match="an installer looks after"), only_one(plugin):
        pytest.fail("two at once")
    with only_one(plugin):
        pass


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--config-dir", "/"], "--config-dir: only together with --watch"),
        (["--set-promiscuous"], "--set-promiscuous: only together with --watch"),
        (["--watch", "--config-dir", "/"], "--cni-conf-dir: is required"),
        (["--watch", "--config-dir", "/absent", "--cni-conf-dir", "/"], "--config-dir /absent"),
        (["--watch", "--config-dir", "/", "--cni-conf-dir", "/absent"], "--cni-conf-dir /absent"),
        (
            ["--watch", "--config-dir", "/", "--cni-conf-dir", "/", "--cni-version-max", "2"],
            "--cni-version-max 2: must be one of",
        ),
        (["--watch", "--status-listen", "9512"], "--status-listen 9512: must be of the form ADDRESS:PORT"),
        (["--watch", "--log-level", "loud"], "--log-level loud: must be one of"),
    ],
)
def test_a_bad_flag_of_the_watch_is_one_line(
    flags: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--cni-bin-dir", str(tmp_path), *flags]) == 2
    complaint = capsys.readouterr().err
    assert named in complaint
    assert complaint.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("left", "is_nothing", "words"),
    [
        (Left({"held": 0, "let_go": 0}, 0), True, "0 pending deletes"),
        (Left({"held": 1, "let_go": 0}, 0), False, "1 held, 0 pending deletes"),
        (Left({"held": 0, "let_go": 3}, 2), False, "3 let go, 2 pending deletes"),
        (Left(None, 0, "URL: nobody listens"), False, "addresses unknown (the node's agent at URL: nobody"),
    ],
)
def test_nothing_is_left_only_when_the_agent_says_so(left: Left, is_nothing: object, words: str) -> None:
    assert left.is_nothing is is_nothing
    assert words in str(left)


CLOSED = {"type": "infoblox", "closed": True}


@pytest.mark.parametrize(
    ("fields", "closed"),
    [
        ({"ipam": {"type": "infoblox"}}, {"ipam": CLOSED}),
        ({"plugins": [{"ipam": {"type": "infoblox"}}, 7]}, {"plugins": [{"ipam": CLOSED}, 7]}),
        (
            {"delegates": [{"plugins": [{"ipam": {"type": "infoblox"}}]}]},
            {"delegates": [{"plugins": [{"ipam": CLOSED}]}]},
        ),
    ],
)
def test_a_file_is_closed_wherever_it_uses_the_driver(fields: object, closed: object) -> None:
    data = json.dumps(fields).encode()
    assert uses_driver(data, "infoblox")
    assert json.loads(close(data, "infoblox")) == closed
    assert uses_driver(close(data, "infoblox"), "infoblox")
    again = close(data, "infoblox")
    assert close(again, "infoblox") is again


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"[]", b'{"ipam": {"type": "host-local"}}', b'{"ipam": 1}'])
def test_a_file_that_does_not_use_the_driver_is_known(data: bytes) -> None:
    assert not uses_driver(data, "infoblox")
