"""What every part of the bench is given: a directory, how much to do, and how to say how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.grid import GridControl


class Wrong(Exception):
    """The system under measurement did something that it must not do, so that its figures mean nothing."""


@dataclass(frozen=True)
class Run:
    """One part's run."""

    directory: Path
    is_quick: bool
    say: Callable[[str], None]

    def count(self, full: int, quick: int) -> int:
        """How often to do something."""
        return quick if self.is_quick else full


def check_books(grid: GridControl, living: Mapping[str, str]) -> str:
    """Compare the grid with what each living container was told, once the last release is through.

    Returns the finding for the report. Raises `Wrong` where the grid holds more or less than what was not
    released, or an address was given twice.
    """
    if len(set(living.values())) != len(living):
        raise Wrong(f"{len(living) - len(set(living.values()))} addresses were given twice")
    if not grid.wait_until(lambda: _held(grid) == living, timeout_s=60):
        held = _held(grid)
        raise Wrong(
            f"{_differing(held, living)} more and {_differing(living, held)} less than it must be in the grid"
        )
    return f"the grid holds exactly the {len(living):,} addresses that were not released, no address twice"


def _held(grid: GridControl) -> dict[str, str]:
    found = [(_container(each), each["ipv4addr"]) for each in grid.pods().values()]
    if len(dict(found)) != len(found):
        raise Wrong("a container has several addresses in the grid")
    return dict(found)


def _container(found: Mapping[str, object]) -> str:
    attributes = found["extattrs"]
    assert isinstance(attributes, Mapping)
    return str(attributes["VM ID"]["value"])


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return len(set(one.items()) - set(other.items()))
