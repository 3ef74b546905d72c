"""`python -m tests.matrix`: tries every verb under every fault, and writes what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.matrix.page import page, text
from tests.matrix.row import Cell
from tests.matrix.rows import Row, Sites, all_rows, both_sites

PAGE = Path(__file__).parents[2] / "docs" / "failure-matrix.md"


def main() -> int:
    """The command; exit code 1 where a cell is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name contains this; writes no page")
    parser.add_argument("--jobs", type=int, default=2, help="how many rows at a time (2)")
    arguments = parser.parse_args()
    rows = [row for row in all_rows() if arguments.only in row.name]
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-matrix-") as directory:
        cells = run_all(rows, Path(directory), arguments.jobs)
    if not arguments.only:
        PAGE.write_text(page([(row, cells[row.name]) for row in rows]))
    wrong = [cell for each in cells.values() for cell in each if cell.wrong]
    print(f"{len(rows)} rows, {sum(map(len, cells.values()))} cells, {len(wrong)} of them wrong")
    return 1 if wrong else 0


def run_all(rows: list[Row], directory: Path, jobs: int) -> dict[str, list[Cell]]:
    """The cells of each row by its name; each job has clusters of its own."""
    waiting: SimpleQueue[Row] = SimpleQueue()
    for row in rows:
        waiting.put(row)
    cells: dict[str, list[Cell]] = {}

    def work(number: int) -> None:
        while not waiting.empty():
            with both_sites(directory / f"sites{number}-{len(cells)}") as sites:
                work_at(sites)

    def work_at(sites: Sites) -> None:
        """Until no row is left, or one could not be carried out: who knows in which state the sites are then."""
        with suppress(Empty):
            is_whole = True
            while is_whole:
                row = waiting.get_nowait()
                cells[row.name], is_whole = attempt(row, sites)
                print(f"[{len(cells)}/{len(rows)}] {row.group}: {row.name}", flush=True)
                for cell in cells[row.name]:
                    print(f"    {cell.verb}: {text(cell)}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(work, number) for number in range(jobs)]:
            done.result()
    return cells


def attempt(row: Row, sites: Sites) -> tuple[list[Cell], bool]:
    """The row's cells, with whether it could be carried out at all."""
    try:
        return row.run(sites), True
    except Exception as error:  # noqa: BLE001, the other rows are worth having
        told = str(error).partition("\n")[0]
        wrong = (f"not carried out: {type(error).__name__}: {told}",)
        return [Cell(title, "-", "-", "-", died=False, wrong=wrong) for title in row.titles], False


if __name__ == "__main__":
    sys.exit(main())
