"""One row of the matrix: a fault, under which each verb is called in turn or all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any, Final, Protocol

from tests.matrix.site import Site
from tests.matrix.verbs import ANSWERED_S, VERBS, Verb


class Trouble(Protocol):
    """What goes wrong at one site. `died` tells whether a daemon has died since `begin`."""

    def begin(self) -> object: ...

    def died(self) -> bool: ...

    def end(self) -> object: ...


CRASHING: Final = ("agent", "coordinator")
"""The groups of rows in which a daemon dies at a step."""

MakeTrouble = Callable[[Site], Trouble]
"""Prepares trouble for a site; nothing goes wrong yet."""


class Course(Enum):
    """How the verbs meet the fault: each meets it anew, or it lasts while they come in turn or side by side."""

    ANEW = auto()
    IN_TURN = auto()
    AT_ONCE = auto()


@dataclass(frozen=True)
class Fault:
    """A row. `instead` has the columns whose right answers differ here, `ipam` changes the pods' network.

    `add_limit_s` is what an ADD may take: that depends on who answers.
    """

    group: str
    name: str
    trouble: MakeTrouble
    course: Course = Course.AT_ONCE
    instead: Mapping[str, type[Verb]] = field(default_factory=dict)
    ipam: Mapping[str, Any] = field(default_factory=dict)
    add_limit_s: float = ANSWERED_S

    @property
    def is_crash(self) -> bool:
        """Whether a daemon has to die in it."""
        return self.group in CRASHING

    def verbs(self, site: Site) -> list[Verb]:
        """The columns in which nothing else goes wrong."""
        return [self.instead.get(verb.title, verb)(site, self.ipam, self.add_limit_s) for verb in VERBS]


@dataclass(frozen=True)
class Cell:
    """What one verb met: `died` where a daemon died of it; `wrong` is empty where all was right."""

    verb: str
    saw: str
    during: str
    after: str
    died: bool
    wrong: tuple[str, ...]


def run(fault: Fault, site: Site) -> list[Cell]:
    """Each verb under this fault."""
    cells = carry_out(fault.verbs(site), partial(fault.trouble, site), fault.course, site)
    if fault.is_crash and not any(cell.died for cell in cells):
        cells[-1] = replace(cells[-1], wrong=(*cells[-1].wrong, "no verb came to this step"))
    return cells


def carry_out(
    verbs: Sequence[Verb], make_trouble: Callable[[], Trouble], course: Course, site: Site
) -> list[Cell]:
    """Call verbs while there is trouble, and go on until the site is as it was before."""
    for verb in verbs:
        verb.prepare()
    trouble = make_trouble()
    try:
        died = _COURSES[course](verbs, trouble)
    finally:
        trouble.end()
    site.make_whole()
    for verb in verbs:
        verb.finish()
    verbs[-1].wrong += site.complaints()
    return [
        Cell(verb.title, verb.saw, verb.during, verb.after, dead, tuple(verb.wrong))
        for verb, dead in zip(verbs, died, strict=True)
    ]


def _each_anew(verbs: Sequence[Verb], trouble: Trouble) -> list[bool]:
    died = []
    for verb in verbs:
        trouble.begin()
        verb.call()
        died.append(trouble.died())
    return died


def _in_turn(verbs: Sequence[Verb], trouble: Trouble) -> list[bool]:
    trouble.begin()
    for verb in verbs:
        verb.call()
    return [False] * len(verbs)


def _at_once(verbs: Sequence[Verb], trouble: Trouble) -> list[bool]:
    trouble.begin()
    with ThreadPoolExecutor(len(verbs)) as pool:
        for done in [pool.submit(verb.call) for verb in verbs]:
            done.result()
    return [False] * len(verbs)


_COURSES: Final = {
    Course.ANEW: _each_anew,
    Course.IN_TURN: _in_turn,
    Course.AT_ONCE: _at_once,
}
