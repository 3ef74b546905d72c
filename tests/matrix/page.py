"""Writes the matrix as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.matrix.row import Cell
from tests.matrix.rows import GROUPS, Row

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
- **Leader killed**, **leader ends**: an ADD as in the first column, with two coordinators, of which a Lease lets
  one lead. Under the row's fault the leader gets SIGKILL, or SIGTERM, and the ADD comes at once. What the row says
  of the coordinator is true of the one that leads then.
- Some times are shortened: the agent answers an ADD for which there is no coordinator after 10 s instead of 56, a
  Lease lasts for 3 s instead of 15.
- † A daemon died at the step, in this very call or as it started for it, and a new one took its place at once.
  Cells without † in these tables are calls that never come to the step.

Right is: an ADD succeeds only with an address that the grid holds for us, and the same one again when it is
repeated; once all is well the grid names its container; after an ADD that failed its DEL leaves nothing; a DEL
always succeeds, within 5 s, and nothing stays once all is well; a GC never takes more than 20 s, and frees what
is gone the next time at the latest; STATUS fails only where no pod can start for minutes; no ADD takes more
than 4 s longer than the agent waits, nor more than 60 s where the plugin has to answer for it; the other pod keeps
its address throughout; a leader that is told to end does so within 15 s, with code 0.
"""

Rows = Sequence[tuple[Row, Sequence[Cell]]]


def page(rows: Rows) -> str:
    """The whole page."""
    return "".join([HEAD, *(_table(group, rows) for group in GROUPS)])


def _table(group: str, rows: Rows) -> str:
    of_group = [(row, cells) for row, cells in rows if row.group == group]
    titles = of_group[0][0].titles
    head = [f"\n## {GROUPS[group]}\n\n", _line(["Fault", *titles]), _line(["---"] * (1 + len(titles)))]
    return "".join([*head, *(_line([row.name, *map(text, cells)]) for row, cells in of_group)])


def text(cell: Cell) -> str:
    """What a cell says."""
    mark = "† " if cell.died else ""
    wrong = f" **WRONG: {'; '.join(cell.wrong)}**" if cell.wrong else ""
    return f"{mark}{cell.saw}; {cell.during} → {cell.after}{wrong}".replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
