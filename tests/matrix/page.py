"""Writes the matrix as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.matrix.row import TITLES, Cell, Fault

HEAD: Final = """\
# Failure matrix

Written by `make matrix`: each cell is one call of our plugin on a node with a real agent, a real coordinator
and the grid simulator, all of them processes, while the row's fault is in force. A wrong or a late answer fails
the command.

- **ADD**: a new container, for which nothing is ready. **ADD from the reserve**: one for which an address is.
  **Repeated ADD**: one that has its address. **DEL**: one that has an address, with
  no more than its name. **GC**: a container is gone without a DEL, and not in the list. **STATUS**.
- A cell says what the runtime saw: `ok`, or the code and the message of the CNI error.
- After it, what the grid held for that container: at the answer (with DEL and GC a moment later) → when all was
  well again and the runtime had done what it does next (DEL after an ADD that failed, GC again). With STATUS it
  is another pod of the node, which must keep its address.
- † A daemon died at the step, in this very call or as it started for it, and a new one took its place at once.
  Cells without † in these tables are calls that never come to the step.

Right is: an ADD succeeds only with an address that the grid holds for us, and the same one again when it is
repeated; once all is well the grid names its container; after an ADD that failed its DEL leaves nothing; a DEL
always succeeds, within 5 s, and nothing stays once all is well; a GC never takes more than 20 s, and frees what
is gone the next time at the latest; STATUS fails only where no pod can start for minutes; no ADD takes more
than 60 s; the other pod keeps its address throughout.
"""

GROUPS: Final[Mapping[str, str]] = {
    "grid": "The grid",
    "daemons": "The daemons and the way between them",
    "agent": "The agent dies at a step",
    "coordinator": "The coordinator dies at a step",
}

Rows = Sequence[tuple[Fault, Sequence[Cell]]]


def page(rows: Rows) -> str:
    """The whole page."""
    parts = [HEAD]
    for group, title in GROUPS.items():
        parts.append(f"\n## {title}\n\n{_line(['Fault', *TITLES])}\n{_line(['---'] * (1 + len(TITLES)))}\n")
        parts += [
            f"{_line([row_name(fault), *map(text, cells)])}\n" for fault, cells in rows if fault.group == group
        ]
    return "".join(parts)


def row_name(fault: Fault) -> str:
    """The first cell of a row."""
    return f"`{fault.name}`" if fault.is_crash else fault.name


def text(cell: Cell) -> str:
    """What a cell says."""
    mark = "† " if cell.died else ""
    wrong = f" **WRONG: {'; '.join(cell.wrong)}**" if cell.wrong else ""
    return f"{mark}{cell.saw}; {cell.during} → {cell.after}{wrong}".replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
