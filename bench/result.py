"""What a part of the bench hands over: a table, a plot, and the samples behind both, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

SIGNIFICANT_DIGITS: Final = 6


@dataclass(frozen=True)
class Samples:
    """One quantity, measured so many times. `higher_is_better` says how a comparison reads."""

    unit: str
    values: Sequence[float]
    higher_is_better: bool = False


@dataclass(frozen=True)
class Table:
    """Headings, then rows of as many texts."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


class Mark(StrEnum):
    """How a series is drawn."""

    LINE = "line"
    LIMIT = "limit"
    BAR = "bar"


@dataclass(frozen=True)
class Series:
    """Values of one name over the x of its panel: numbers for lines, categories for bars."""

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    mark: Mark = Mark.LINE


@dataclass(frozen=True)
class Panel:
    """One pair of axes. Bars of several series are stacked where `is_stacked`."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    is_log_x: bool = False
    is_log_y: bool = False
    is_stacked: bool = False


@dataclass(frozen=True)
class Result:
    """One part. `compared` says what was measured how, `checks` what was found correct afterwards."""

    part: str
    title: str
    compared: str
    table: Table
    panels: Sequence[Panel]
    samples: Mapping[str, Samples]
    checks: Sequence[str]
    machine: Mapping[str, str] = field(default_factory=dict)
    took_s: float = 0.0
    is_quick: bool = False


def write(result: Result, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(_rounded(asdict(result)), indent=1) + "\n")


def read(path: Path) -> Result:
    """The result that `write` wrote. Raises OSError, or ValueError for a file that is none."""
    try:
        return _result(json.loads(path.read_text()))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no result of the bench: {error!r}") from None


def _result(found: Mapping[str, Any]) -> Result:
    panels = [
        Panel(**{**panel, "series": [Series(**{**one, "mark": Mark(one["mark"])}) for one in panel["series"]]})
        for panel in found["panels"]
    ]
    samples = {name: Samples(**one) for name, one in found["samples"].items()}
    return Result(**{**found, "table": Table(**found["table"]), "panels": panels, "samples": samples})


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
