"""Which arguments are refused, by the flag's name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctl import keys, plugin_file
from ctl.__main__ import main
from ctl.failures import BadArgument


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["polish"], "polish"),
        (["keys", "init", "keys"], "--node"),
        (["keys", "init", "--node", "a"], "DIR"),
        (["install"], "--cni-bin-dir"),
        (["install", "--cni-bin-dir", "/absent"], "--cni-bin-dir"),
        (["install", "--cni-bin-dir", "/", "--driver-name", "../x"], "--driver-name"),
        (["install", "--cni-bin-dir", "/", "--driver-name", "x.conf"], "--driver-name"),
        (["install", "--cni-bin-dir", "/", "--interpreter", "python3"], "--interpreter"),
        (["install", "--cni-bin-dir", "/", "--interpreter", "/bin/true"], "--interpreter"),
        (["install", "--cni-bin-dir", "/", "--interpreter", "/absent"], "--interpreter"),
        (["install", "--cni-bin-dir", "/", "--interpreter", "/" + "long" * 70], "--interpreter"),
        (["install", "--cni-bin-dir", "/", "--plugin", "/absent"], "--plugin /absent: does not run"),
        (["install", "--cni-bin-dir", "/", "--plugin", "/bin/true"], "--plugin /bin/true: is no CNI plugin"),
        (
            ["install", "--cni-bin-dir", "/", "--plugin", "/bin/true", "--interpreter", "/bin/true"],
            "--interpreter",
        ),
        (
            ["uninstall", "--cni-bin-dir", "/", "--cni-conf-dir", "/", "--status-listen", ":1"],
            "--status-listen: only together with --stay",
        ),
        (["status", "--agent-status", "localhost:9511"], "--agent-status"),
        (["status", "--coordinator-status", "file:///etc/passwd"], "--coordinator-status"),
    ],
)
def test_a_bad_command_line_is_one_line_that_names_the_culprit(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    output, complaint = capsys.readouterr()
    assert output == ""
    assert complaint.count("\n") == 1
    assert named in complaint


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "-a", "a-", ".a", "a.", "a..b", "a/b", "..", "a\n", "ä", "a" * 254, "coordinator"]
)
def test_a_name_that_no_node_can_have_is_refused(name: str, tmp_path: Path) -> None:
    assert main(["keys", "init", str(tmp_path / "keys"), "--node", "fine", f"--node={name}"]) == 2
    assert not (tmp_path / "keys").exists()


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,20}){0,3}", fullmatch=True))
def test_names_of_kubernetes_nodes_are_accepted(name: str) -> None:
    if name != "coordinator":
        keys.check_node_name(name)


def test_an_interpreter_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\necho 3 9\n")
    old.chmod(0o755)
    with pytest.raises(BadArgument, match=r"is Python 3\.9, at least 3\.11"):
        plugin_file.check_interpreter(old)


def test_the_plugin_is_never_bound_to_a_virtual_environment() -> None:
    interpreter = plugin_file.running_interpreter()
    assert interpreter.is_absolute()
    assert not interpreter.is_symlink()
    assert not interpreter.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
