"""Writes what bash, zsh and fish need to complete a command line, from the tree of commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ctl.terminal.command_tree import Command, Flag

_BASH: Final = """\
# Completes {program} in bash; written by '{program} completion bash'.
{function}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command= words= i
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command ${{COMP_WORDS[i]}}" in
{descend}
        esac
    done
    case "$command $before" in
{values}
    esac
    case "$command" in
{words}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F {function} {program}
"""
_ZSH: Final = """\
#compdef {program}
# Completes {program} in zsh; written by '{program} completion zsh'.
{function}() {{
    local word=${{words[CURRENT]}} before=${{words[CURRENT - 1]}} command= i
    if [[ $word == --*=* ]]; then
        before=${{word%%=*}}
        compset -P '*='
    fi
    for ((i = 2; i < CURRENT; i++)); do
        case "$command ${{words[i]}}" in
{descend}
        esac
    done
    case "$command $before" in
{values}
    esac
    local -a known
    case "$command" in
{words}
    esac
    _describe {program} known
}}
if [ "$funcstack[1]" = {function} ]; then
    {function} "$@"
else
    compdef {function} {program}
fi
"""


def bash(program: str, root: Command) -> str:
    """A script that bash sources."""
    return _filled(_BASH, program, root, _bash_action, _bash_words)


def zsh(program: str, root: Command) -> str:
    """A script that zsh sources, or loads from its `fpath` as `_PROGRAM`."""
    return _filled(_ZSH, program, root, _zsh_action, _zsh_words)


def fish(program: str, root: Command) -> str:
    """A script that fish sources."""
    lines = [
        f"# Completes {program} in fish; written by '{program} completion fish'.",
        f"complete -c {program} -f",
    ]
    for command in root.all():
        seen = [f"__fish_seen_subcommand_from {word}" for word in command.words]
        others = " ".join(each.words[-1] for each in command.subcommands)
        open_here = [*seen, f"not __fish_seen_subcommand_from {others}"] if others else seen
        for each in command.subcommands:
            condition = _quoted("; and ".join(open_here))
            lines.append(f"complete -c {program} -n {condition} -a {each.words[-1]} -d {_quoted(each.summary)}")
        for flag in command.flags:
            lines += _fish_flag(program, "; and ".join(seen), flag)
    return "\n".join(lines) + "\n"


SHELLS: Final[Mapping[str, Callable[[str, Command], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _filled(
    script: str,
    program: str,
    root: Command,
    action: Callable[[Flag], str],
    words: Callable[[Command], Iterator[str]],
) -> str:
    """A script that descends the tree word by word, with what one shell does about values and words."""
    return script.format(
        program=program,
        function=_function(program),
        descend=_lines(_descend(root), 8),
        values=_lines(_values(root, action), 4),
        words=_lines(words(root), 4),
    )


def _function(program: str) -> str:
    return "_" + re.sub(r"\W", "_", program)


def _lines(cases: Iterator[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}{case}" for case in cases)


def _descend(root: Command) -> Iterator[str]:
    """The cases that follow the words of a command line into the tree."""
    for command in root.all():
        if command.words:
            *above, last = command.words
            yield f"'{' '.join(above)} {last}') command='{' '.join(command.words)}' ;;"


def _values(root: Command, action: Callable[[Flag], str]) -> Iterator[str]:
    """The cases in which the word is the value of the flag before it."""
    for command in root.all():
        for flag in command.flags:
            if flag.names and flag.value:
                cases = "|".join(f"'{' '.join(command.words)} {name}'" for name in flag.names)
                yield f"{cases}) {action(flag)}return ;;"


def _bash_action(flag: Flag) -> str:
    if flag.choices:
        return f"COMPREPLY=($(compgen -W '{' '.join(flag.choices)}' -- \"$word\")); "
    return 'COMPREPLY=($(compgen -f -- "$word")); ' if flag.is_path else ""


def _zsh_action(flag: Flag) -> str:
    if flag.choices:
        return f"compadd -- {' '.join(flag.choices)}; "
    return "_files; " if flag.is_path else ""


def _bash_words(root: Command) -> Iterator[str]:
    for command in root.all():
        words = [each.words[-1] for each in command.subcommands]
        for flag in command.flags:
            words += flag.names or flag.choices
        takes_files = any(flag.is_path and not flag.names for flag in command.flags)
        files = '[[ $word == -* ]] || { COMPREPLY=($(compgen -f -- "$word")); return; }; ' if takes_files else ""
        yield f"'{' '.join(command.words)}') {files}words='{' '.join([*words, '--help'])}' ;;"


def _zsh_words(root: Command) -> Iterator[str]:
    for command in root.all():
        known = [(each.words[-1], each.summary) for each in command.subcommands]
        for flag in command.flags:
            known += [(name, flag.text) for name in flag.names or flag.choices]
        takes_files = any(flag.is_path and not flag.names for flag in command.flags)
        files = "[[ $word == -* ]] || { _files; return; }; " if takes_files else ""
        described = " ".join(_quoted(f"{name}:{text}") for name, text in [*known, ("--help", "show this help")])
        yield f"'{' '.join(command.words)}') {files}known=({described}) ;;"


def _fish_flag(program: str, condition: str, flag: Flag) -> Iterator[str]:
    start = f"complete -c {program} -n {_quoted(condition)}" if condition else f"complete -c {program}"
    if not flag.names:
        if flag.is_path:
            yield f"{start} -F"
        elif flag.choices:
            yield f"{start} -a {_quoted(' '.join(flag.choices))}"
        return
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    value = " -r -F" if flag.is_path else f" -x -a {_quoted(' '.join(flag.choices))}" if flag.choices else " -x"
    yield f"{start} {names}{value if flag.value else ''} -d {_quoted(flag.text)}"


def _quoted(text: str) -> str:
    """For any of the three shells."""
    return "'" + text.replace("\\", " ").replace("'", "’") + "'"
