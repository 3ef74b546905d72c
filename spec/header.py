"""Reads what a model's opening comment says about itself: how to run it, and which mistakes can be built in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"^ \* (run|quick|mutant)(?: (\w+))?:\s*(.*?)\s*$")
_MUTANT = re.compile(r"^(\w+)\s{2,}(\S.*)$")


class HeaderError(Exception):
    """A model's opening comment cannot be read."""


@dataclass(frozen=True)
class Run:
    """One exhaustive search of a model."""

    name: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Mutant:
    """A mistake that a definition builds into the model."""

    name: str
    property_name: str
    sentence: str


@dataclass(frozen=True)
class Model:
    """A model with its searches, the quick one apart, and its mutants."""

    path: Path
    runs: tuple[Run, ...]
    quick: Run
    mutants: tuple[Mutant, ...]

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def read(path: Path) -> Model:
    """The model in that file; raises HeaderError when its comment names no run, or something else than it may."""
    runs: list[Run] = []
    quick: list[Run] = []
    mutants: list[Mutant] = []
    for line in path.read_text(encoding="utf-8").split("*/", 1)[0].splitlines():
        if not (found := _LINE.match(line)):
            continue
        kind, name, rest = found.groups()
        match kind, name:
            case "run", str():
                runs.append(Run(name, tuple(rest.split())))
            case "quick", None:
                quick.append(Run("quick", tuple(rest.split())))
            case "mutant", str():
                mutants.append(_mutant(path, name, rest))
            case _:
                raise HeaderError(f"{path.name}: cannot read '{line.strip()}'")
    if not runs or len(quick) != 1:
        raise HeaderError(f"{path.name}: the opening comment needs lines 'run NAME:' and one line 'quick:'")
    return Model(path, tuple(runs), quick[0], tuple(mutants))


def _mutant(path: Path, name: str, rest: str) -> Mutant:
    if not (found := _MUTANT.match(rest)):
        raise HeaderError(f"{path.name}: mutant {name} needs a property and a sentence, two blanks apart")
    return Mutant(name, *found.groups())
