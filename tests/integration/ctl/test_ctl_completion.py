"""The shells themselves complete our commands: what they offer, and what a line becomes on Tab."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from ctl.terminal.completion import SHELLS
from demo.daemons import command

STATES: Final = {"held", "ready", "adopted", "asked", "let-go", "missing", "unclaimed", "away"}
PROMPT: Final = "ready>"
TAB: Final = b"\t"
TELL: Final = b"\x07"
"""The key that writes what the line is by now, and in zsh what was offered."""

LISTEN: Final = b"\x0f"
"""The key after which zsh keeps what is offered. It offers the same, and completes no more."""

ZSH: Final = """
autoload -Uz compinit && compinit -u -d "$ZDOTDIR/compdump"
source {script}
typeset -ga offered
listen() {{
    compadd() {{
        local -a hits
        if [[ "$*" != *-[OA]\\ * ]]; then
            builtin compadd -A hits "$@"
            offered+=("${{hits[@]}}")
        fi
        builtin compadd "$@"
    }}
}}
zle -N listen
bindkey '^O' listen
tell() {{ print -rl -- "$BUFFER" "${{offered[@]}}" > "$TOLD" }}
zle -N tell
bindkey '^G' tell
PS1='{prompt}'
"""
BASH: Final = """
source {script}
bind -x '"\\C-g": printf "%s\\n" "$READLINE_LINE" > "$TOLD"'
PS1='{prompt}'
"""
STARTS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "bash": (".bashrc", BASH, ("bash", "--noprofile", "--rcfile", "{directory}/.bashrc", "-i")),
    "zsh": (".zshrc", ZSH, ("zsh", "-i")),
}
"""Of a shell: the file that it reads first, what is in it, how it is started."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the script of each shell, and what a shell reads when it starts."""
    directory = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        argv = [*command("cni-infoblox"), "completion", shell]
        script = directory / f"completion.{shell}"
        script.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
        if shell in STARTS:
            name, text, _ = STARTS[shell]
            (directory / name).write_text(text.format(script=script, prompt=PROMPT))
    return directory


class Terminal:
    """A terminal in which a shell waits for keys."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_ready = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def type(self, keys: bytes) -> None:
        assert self._is_ready.wait(30)
        os.write(self._descriptor, keys)

    def _read(self) -> None:
        """Whoever writes to a terminal that nobody reads waits."""
        seen = b""
        try:
            while got := os.read(self._descriptor, 4096):
                seen += got
                if PROMPT.encode() in seen:
                    self._is_ready.set()
        except OSError:
            return


@contextmanager
def terminal_of(shell: str, prepared: Path, told: Path) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "ZDOTDIR": str(prepared), "TERM": "xterm", "TOLD": str(told)}
    argv = [part.format(directory=prepared) for part in STARTS[shell][2]]
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    terminal = Terminal(ours)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        terminal.reader.join()
        os.close(ours)


def after(keys: bytes, shell: str, prepared: Path, directory: Path) -> list[str]:
    """What a line has become when these keys were pressed, and what zsh offered if it was to listen."""
    told = directory / "told"
    os.mkfifo(told)
    with terminal_of(shell, prepared, told) as terminal:
        terminal.type(keys + TELL)
        lines = told.read_text().splitlines()
    told.unlink()
    return lines


def offers(shell: str, line: str, prepared: Path, directory: Path) -> set[str]:
    """What a shell offers at the end of a line. fish can be asked without a terminal."""
    if shell == "zsh":
        return set(after(LISTEN + line.encode() + TAB, shell, prepared, directory)[1:])
    asked = f"source {prepared}/completion.fish; complete -C $argv[1]"
    environment = {**os.environ, "HOME": str(directory)}
    argv = ["fish", "--no-config", "-c", asked, line]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    words = (each.partition("\t")[0] for each in done.stdout.splitlines())
    return {each.rpartition("=")[2] for each in words}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cni-infoblox jou", {"journal"}),
        ("cni-infoblox grid ", {"check", "prepare"}),
        ("cni-infoblox keys init --nod", {"--node"}),
        ("cni-infoblox list --output ", {"table", "wide", "json", "csv"}),
        ("cni-infoblox list --state=", STATES),
        ("cni-infoblox completion f", {"fish"}),
        ("cni-infoblox list --node keys --namesp", {"--namespace"}),
    ],
)
def test_what_can_follow_is_offered(
    shell: str, line: str, offered: set[str], prepared: Path, tmp_path: Path
) -> None:
    assert offers(shell, line, prepared, tmp_path) - {"--help", "-h"} == offered


@pytest.mark.parametrize("words", ["validate", "list --operator-socket"])
def test_fish_offers_files_where_files_belong(words: str, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "pods.conflist").touch()
    offered = offers("fish", f"cni-infoblox {words} {tmp_path}/po", prepared, tmp_path)
    assert offered == {f"{tmp_path}/pods.conflist"}


@pytest.mark.parametrize("shell", STARTS)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("cni-infoblox jou", "cni-infoblox journal "),
        ("cni-infoblox list --state=re", "cni-infoblox list --state=ready "),
        ("cni-infoblox keys init --nod", "cni-infoblox keys init --node "),
        ("cni-infoblox validate {here}/po", "cni-infoblox validate {here}/pods.conflist "),
        (
            "cni-infoblox list --operator-socket {here}/po",
            "cni-infoblox list --operator-socket {here}/pods.conflist ",
        ),
    ],
)
def test_tab_completes_the_line(shell: str, line: str, completed: str, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "pods.conflist").touch()
    keys = line.format(here=tmp_path).encode() + TAB
    assert after(keys, shell, prepared, tmp_path)[0] == completed.format(here=tmp_path)
