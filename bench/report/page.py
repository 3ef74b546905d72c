"""Writes docs/performance.md from the results of a run: targets, then each part with its plot and its table."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.report.targets import verdicts
from bench.result import Result, Table

HEAD: Final = """\
# Performance

Written by `make bench`, which measures all of this on one machine in about twenty minutes; `make bench PART=exec`
measures one part, `python -m bench compare BEFORE.json AFTER.json` says what differs by more than its noise.
Absolute times are this machine's, and depend on what else it did; the targets are ratios within the run.
"""
HEADINGS: Final = ("what", "target", "measured", "")


def write_page(results: Sequence[Result], plots: Path, notes: Path, page: Path) -> None:
    """Write the page, with the plots beside it in a directory of its name. `notes` is what people have written."""
    pictures = page.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    sections = [HEAD, "## Targets\n", _table(Table(HEADINGS, [verdict.row() for verdict in verdicts(results)]))]
    for result in results:
        shutil.copy(plots / f"{result.part}.svg", pictures)
        sections += _section(result, f"{pictures.name}/{result.part}.svg")
    sections += ["## Machine\n", _table(Table(("", ""), list(results[0].machine.items())))]
    # One level down: the file has a title of its own.
    sections.append(re.sub(r"^#", "##", notes.read_text(), flags=re.MULTILINE))
    page.write_text("\n".join(sections))


def _section(result: Result, picture: str) -> list[str]:
    checked = "".join(f"- Checked afterwards: {check}.\n" for check in result.checks)
    return [
        f"## {result.title}\n",
        f"{result.compared}\n",
        f"![{result.title}]({picture})\n",
        _table(result.table),
        f"{checked}- `make bench PART={result.part}` took {result.took_s:.0f} s.\n",
    ]


def _table(table: Table) -> str:
    rule = ["---:" if all(map(_is_number, column)) else "---" for column in zip(*table.rows, strict=True)]
    lines = [f"| {' | '.join(cells)} |" for cells in (table.headings, rule, *table.rows)]
    return "\n".join(lines) + "\n"


def _is_number(cell: str) -> bool:
    return not cell or cell.strip("%").replace(",", "").replace(".", "").isdigit()
