"""Reads a parser as a tree of commands with their flags, for completion, documentation and suggestions."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

PATHS: Final = ("FILE", "DIR", "PATH")


@dataclass(frozen=True)
class Flag:
    """A flag, or an argument without a name. `value` is what stands for its value, empty where it takes none."""

    names: tuple[str, ...]
    value: str
    text: str
    choices: tuple[str, ...]
    is_path: bool
    is_required: bool
    repeats: bool


@dataclass(frozen=True)
class Command:
    """A command by its words after the program's name, which are none for the program itself."""

    words: tuple[str, ...]
    summary: str
    description: str
    flags: tuple[Flag, ...]
    exit_codes: Mapping[int, str]
    subcommands: tuple[Command, ...]

    def all(self) -> Iterator[Command]:
        """This command, then all below it."""
        yield self
        for each in self.subcommands:
            yield from each.all()


def read(parser: argparse.ArgumentParser, words: tuple[str, ...] = (), summary: str = "") -> Command:
    """The command of this parser, with those below it."""
    subcommands = []
    for name, below, its_summary in _below(parser):
        subcommands.append(read(below, (*words, name), its_summary))
    return Command(
        words=words,
        summary=summary,
        description=parser.description or "",
        flags=tuple(_flag(parser, action) for action in parser._actions if _is_flag(action)),
        exit_codes=parser.get_default("exit_codes") or {},
        subcommands=tuple(subcommands),
    )


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers below which there is no other."""
    below = [each for _, each, _ in _below(parser)]
    if not below:
        yield parser
    for each in below:
        yield from leaves(each)


def chosen(parser: argparse.ArgumentParser, words: Iterable[str]) -> argparse.ArgumentParser:
    """The parser of the deepest command that these words name."""
    for word in words:
        parser = next((below for name, below, _ in _below(parser) if name == word), parser)
    return parser


def option_names(parser: argparse.ArgumentParser) -> list[str]:
    """The flags that a parser knows."""
    return [name for action in parser._actions for name in action.option_strings]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Ends a complaint about an unknown word with what was probably meant, if anything is like it."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _below(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {each.dest: each.help or "" for each in action._choices_actions}
            for name, below in action.choices.items():
                yield name, below, summaries.get(name, "")


def _is_flag(action: argparse.Action) -> bool:
    is_help = isinstance(action, argparse._HelpAction)
    return not (is_help or isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS)


def _flag(parser: argparse.ArgumentParser, action: argparse.Action) -> Flag:
    names = tuple(sorted(action.option_strings, key=len, reverse=True))
    takes_value = action.nargs != 0
    choices = tuple(map(str, action.choices or ()))
    value = str(action.metavar or "|".join(choices) or action.dest.upper()) if takes_value else ""
    return Flag(
        names=names,
        value=value,
        text=(action.help or "") % {**vars(action), "prog": parser.prog},
        choices=choices,
        is_path=takes_value and (action.type is Path or value in PATHS),
        is_required=action.required,
        repeats=isinstance(action, argparse._AppendAction),
    )
