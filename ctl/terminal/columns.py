"""Writes rows under the titles of their columns, each as wide as it has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

ABSENT: Final = "-"


def columns(rows: Sequence[Mapping[str, str]], titles: Sequence[str] = ()) -> list[str]:
    """A line of titles, then a line for each row; `titles` are needed where there may be no row."""
    titles = titles or list(rows[0])
    cells = [list(titles), *([row[title] or ABSENT for title in titles] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
