"""All rows of the matrix, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.matrix.crashes import crashes
from tests.matrix.deaths import DEATHS, Death, run_deaths, run_verbs
from tests.matrix.faults import FAULTS
from tests.matrix.pair_site import PairSite, pair_site
from tests.matrix.row import Cell, Fault, run
from tests.matrix.site import Site
from tests.matrix.verbs import VERBS

VERB_TITLES: Final = tuple(verb.title for verb in VERBS)
TITLES: Final = (*VERB_TITLES, *(death.column for death in DEATHS))
LEADER: Final = "leader"
GROUPS: Final[Mapping[str, str]] = {
    "grid": "The grid",
    "daemons": "The daemons and the way between them",
    "agent": "The agent dies at a step",
    "coordinator": "The coordinator dies at a step",
    LEADER: "One of two coordinators leads, and dies",
}


@dataclass(frozen=True)
class Sites:
    """Where rows are run: with one coordinator, and with two."""

    one: Site
    two: PairSite


@dataclass(frozen=True)
class Row:
    """A row of the page: its table, its first cell, the columns that it has, and what fills them."""

    group: str
    name: str
    titles: Sequence[str]
    run: Callable[[Sites], list[Cell]]


@contextmanager
def both_sites(directory: Path) -> Iterator[Sites]:
    """Both sites, for as many rows as there are: each leaves them as they were."""
    with ExitStack() as stack:
        one = stack.enter_context(Site(directory / "one"))
        yield Sites(one, stack.enter_context(pair_site(directory / "two")))


def all_rows() -> list[Row]:
    """The rows."""
    return [*map(_of_fault, (*FAULTS, *crashes())), *map(_of_leader, DEATHS)]


def _of_fault(fault: Fault) -> Row:
    name = f"`{fault.name}`" if fault.is_crash else fault.name

    def cells(sites: Sites) -> list[Cell]:
        return [*run(fault, sites.one), *run_deaths(fault, sites.two)]

    return Row(fault.group, name, TITLES, cells)


def _of_leader(death: Death) -> Row:
    def cells(sites: Sites) -> list[Cell]:
        return run_verbs(death, sites.two)

    return Row(LEADER, death.row, VERB_TITLES, cells)
