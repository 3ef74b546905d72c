"""How the command speaks: suggestions, completion, JSON, progress, exit codes that are documented."""

from __future__ import annotations

import argparse
import io
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from ctl.__main__ import SUBCOMMANDS, main, whole_parser
from ctl.terminal import command_tree, completion, progress
from ctl.terminal.command_tree import Command
from ctl.terminal.progress import Progress

TREE = command_tree.read(whole_parser())
LEAVES = [command for command in TREE.all() if not command.subcommands]
OTHER_FORMATS = ("completion", "support")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stauts"], "argument COMMAND: 'stauts' is none of keys, "),
        (["stauts"], "; did you mean status?"),
        (["keys", "innit"], "; did you mean init?"),
        (["xyz"], "'xyz' is none of "),
        (["verify", "--repare"], "--repare: is not known; did you mean --repair?"),
        (["verify", "--repare=yes"], "--repare=yes: is not known; did you mean --repair?"),
        (["node", "replace", "node-1", "--boat", "x"], "--boat: is not known; did you mean --boot?"),
        (["completion", "csh"], "'csh' is none of bash, zsh, fish"),
    ],
)
def test_what_was_probably_meant_is_suggested(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_nothing_is_suggested_where_nothing_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyz"]) == 2
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("command", LEAVES, ids=lambda command: " ".join(command.words))
def test_each_command_has_json_and_exit_codes(command: Command) -> None:
    if command.words[0] not in OTHER_FORMATS:
        (output,) = [flag for flag in command.flags if "--output" in flag.names]
        assert "json" in output.choices
    assert set(command.exit_codes) >= {0, 2}


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    assert "Exit codes: 0 they agree; 1 they differ; " in " ".join(capsys.readouterr().out.split())


# JSON of what is done


def test_what_keys_makes_is_an_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["keys", "init", str(tmp_path / "keys"), "--node", "node-1", "-o", "json"]
    assert main(words) == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["action"], each["machine"]) for each in made] == [
        ("made", "coordinator"),
        ("made", "coordinator"),
        ("made", "node-1"),
    ]
    assert all(Path(each["path"]).exists() for each in made)
    assert main(words) == 0
    kept = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["action"] for each in kept] == ["kept"] * 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["keys", "init", "--kubernetes"], "--output: --kubernetes prints YAML"),
        (["install", "--cni-bin-dir", "/", "--plugin", "/bin/true"], "--plugin"),
        (["adopt"], "--output json: asks nobody, so it needs --dry-run or --yes"),
    ],
)
def test_what_json_does_not_go_with_is_said(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "-o", "json"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, said in printed.err) == ("", True)


def test_a_file_that_cannot_be_used_is_a_document_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.conf"
    file.write_text("{}")
    assert main(["validate", str(file), "-o", "json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["usable"] is False
    assert document["problem"] in printed.err


# Completion


def complete(line: str) -> list[str]:
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    # As readline does it, `=` is a word of its own.
    words = [part for word in words for part in word.replace("=", " = ").rstrip(" ").split(" ")]
    if line.endswith("="):
        words.append("")
    script = completion.bash("cni-infoblox", TREE)
    array = " ".join(f"'{word}'" for word in words)
    asked = f"{script}\nCOMP_WORDS=({array})\nCOMP_CWORD={len(words) - 1}\n_cni_infoblox\n"
    printed = subprocess.run(
        ["bash", "-c", f'{asked}printf "%s\\n" "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True
    )
    assert printed.stderr == ""
    return printed.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cni-infoblox jou", ["journal"]),
        ("cni-infoblox keys ", ["init", "--help"]),
        ("cni-infoblox keys init --nod", ["--node"]),
        ("cni-infoblox list --state re", ["ready"]),
        ("cni-infoblox list --state=re", ["ready"]),
        ("cni-infoblox list --output ", ["table", "wide", "json", "csv"]),
        (
            "cni-infoblox list --state=",
            ["held", "ready", "adopted", "asked", "let-go", "missing", "unclaimed", "away"],
        ),
        ("cni-infoblox list --node ", []),
        ("cni-infoblox completion f", ["fish"]),
        ("cni-infoblox list --node keys --namesp", ["--namespace"]),
    ],
)
def test_bash_offers_what_can_follow(line: str, offered: list[str]) -> None:
    assert complete(line) == offered


def test_bash_offers_files_where_files_belong(tmp_path: Path) -> None:
    (tmp_path / "pods.conflist").touch()
    for line in (f"cni-infoblox validate {tmp_path}/po", f"cni-infoblox list --operator-socket {tmp_path}/po"):
        assert complete(line) == [f"{tmp_path}/pods.conflist"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_script_knows_each_subcommand(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in SUBCOMMANDS)


# Progress


def test_what_takes_long_is_told_at_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_S", 0.0)
    file = io.StringIO()
    with Progress("waiting", file):
        pass
    assert file.getvalue() == ""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        with Progress("waiting for the grid", terminal):
            shown = os.read(ours, 1000)
        cleared = os.read(ours, 1000)
    os.close(ours)
    assert shown.endswith(b"waiting for the grid, 0 s")
    assert cleared == b"\r\x1b[K"


def test_what_is_quick_says_nothing() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, Progress("waiting", terminal):
        pass
    os.set_blocking(ours, False)
    with pytest.raises(OSError):  # noqa: PT011, nothing to read, or the other end is closed
        os.read(ours, 10)
    os.close(ours)


def test_the_tree_reads_flags_as_people_give_them() -> None:
    parser = argparse.ArgumentParser(prog="p")
    parser.add_argument("--file", "-f", type=Path, metavar="X", required=True, help="of %(prog)s")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    (flag,) = command_tree.read(parser).flags
    assert (flag.names, flag.value, flag.text, flag.is_path, flag.is_required) == (
        ("--file", "-f"),
        "X",
        "of p",
        True,
        True,
    )
