"""Whether the grid holds exactly what it must: figures of a system that is wrong mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.run import Wrong
from demo.grid import GridControl, ea

LAST_RELEASE_S = 60


def check_books(grid: GridControl, living: Mapping[str, str]) -> str:
    """Compare the grid with what each living container was told, once the last release is through.

    Returns the finding for the report. Raises `Wrong` where the grid holds more or less than what was not
    released, or an address was given twice.
    """
    grid.wait_until(lambda: holders(grid.pods().values()) == living, timeout_s=LAST_RELEASE_S)
    return compare_books(holders(grid.pods().values()), living)


def compare_books(held: Mapping[str, str], living: Mapping[str, str]) -> str:
    """Compare what the grid holds, by container, with what it must hold, as `check_books` does."""
    if len(set(living.values())) != len(living):
        raise Wrong(f"{len(living) - len(set(living.values()))} addresses were given twice")
    if held != living:
        more, less = (
            len(set(one.items()) - set(other.items())) for one, other in ((held, living), (living, held))
        )
        raise Wrong(f"the grid holds {more} addresses too many, {less} too few")
    return f"the grid holds exactly what was not released ({len(living):,}), no address twice"


def holders(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The addresses of fixed addresses by container. Raises `Wrong` where a container has several."""
    pairs = [(ea(each, "VM ID"), str(each["ipv4addr"])) for each in found]
    if len(dict(pairs)) != len(pairs):
        raise Wrong("a container has several addresses in the grid")
    return dict(pairs)
