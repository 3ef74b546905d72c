"""Draws the dashboard from what Prometheus answers to its queries, each panel in its place, type and unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, MultipleLocator

from demo.prometheus import Prometheus, Series
from docs.value_units import WRITTEN
from k8s.dashboard import Dashboard, Defaults, Panel, replaced

COLUMNS: Final = 24
WIDTH_PX: Final = 1600
CELL_PX: Final = 38
MARGIN_PX: Final = 4
HEAD_PX: Final = 52
DOTS: Final = 100
TITLE_PX: Final = 32
LEGEND_PX: Final = 17
LETTER_PX: Final = 6.2
HANDLE_PX: Final = 36
TICK_S: Final = 60
TICKS: Final = 5

PAGE: Final = "#f4f5f5"
EDGE: Final = "#dcdde0"
TEXT: Final = "#24292e"
FAINT: Final = "#6e757c"
COLOURS: Final = {"red": "#e02f44", "green": "#56a64b", "orange": "#ff780a"}
SERIES: Final = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642")


@dataclass(frozen=True)
class Window:
    """The time that is shown, in seconds since 1970, a point every `step_s`."""

    start_s: float
    end_s: float
    step_s: float

    @property
    def times(self) -> list[float]:
        """When the points are."""
        count = int((self.end_s - self.start_s) / self.step_s) + 1
        return [self.start_s + number * self.step_s for number in range(count)]


Line = tuple[str, Series]
"""A series and what the legend calls it."""


def ask(prometheus: Prometheus, panel: Panel, values: Mapping[str, str], window: Window) -> list[Line]:
    """What the queries of a panel have in the window."""
    return [
        (target.name(series.labels), series)
        for target in panel.targets
        for series in prometheus.query_range(
            replaced(target.expr, values), window.start_s, window.end_s, window.step_s
        )
    ]


def draw(dashboard: Dashboard, lines: Sequence[Sequence[Line]], window: Window, subtitle: str, path: Path) -> None:
    """Draw the dashboard into a PNG file. `lines` has those of each panel, in the order of the panels."""
    height = HEAD_PX + CELL_PX * max(each.grid_pos.y + each.grid_pos.h for each in dashboard.panels)
    canvas = _Canvas(Figure(figsize=(WIDTH_PX / DOTS, height / DOTS), dpi=DOTS, facecolor=PAGE), height)
    canvas.text(14, 33, dashboard.title, size=14, weight="bold")
    canvas.text(150, 32, subtitle, size=9, color=FAINT)
    for panel, of_panel in zip(dashboard.panels, lines, strict=True):
        canvas.panel(panel, of_panel, window)
    canvas.figure.savefig(path)


class _Canvas:
    """A figure whose places are pixels from the upper left."""

    def __init__(self, figure: Figure, height_px: float) -> None:
        self.figure = figure
        self._height_px = height_px

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        self.figure.text(x / WIDTH_PX, 1 - y / self._height_px, text, **{"color": TEXT, **style})

    def panel(self, panel: Panel, lines: Sequence[Line], window: Window) -> None:
        at, cell = panel.grid_pos, WIDTH_PX / COLUMNS
        left, top = at.x * cell + MARGIN_PX, HEAD_PX + at.y * CELL_PX + MARGIN_PX
        width, height = at.w * cell - 2 * MARGIN_PX, at.h * CELL_PX - 2 * MARGIN_PX
        if panel.type == "row":
            self.text(left + 4, top + 21, f"⌄  {panel.title}", size=12, weight="bold")
            return
        colour = (
            _colour(panel.shown, _last(lines[0][1])) if lines and panel.options.color_mode == "background" else ""
        )
        self._box(left, top, width, height, colour or "white")
        style = {"color": "white"} if colour else {}
        self.text(left + 9, top + 21, panel.title, size=10, weight="bold", **style)
        if not lines:
            self.text(left + width / 2, top + height / 2, "No data", size=12, color=FAINT, ha="center")
        elif panel.type == "stat":
            number = _written(panel.shown, _last(lines[0][1]))
            self.text(left + width / 2, top + height / 2 + 26, number, size=30, ha="center", **style)
        elif panel.type == "bargauge":
            inside = self._axes(left + 130, top + TITLE_PX + 6, width - 140 - 60, height - TITLE_PX - 16)
            _bars(inside, panel.shown, lines)
        else:
            names = [name for name, _ in lines]
            columns = max(1, int(width / (LETTER_PX * max(map(len, names)) + HANDLE_PX)))
            rows = math.ceil(len(names) / columns)
            low = 30 + rows * LEGEND_PX
            inside = self._axes(left + 78, top + TITLE_PX, width - 92, height - TITLE_PX - low)
            _curves(inside, panel.shown, lines, window)
            corner = ((left + 4) / WIDTH_PX, 1 - (top + height - 2) / self._height_px)
            self._legend(inside, corner, columns)

    def _box(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        corner = (left / WIDTH_PX, 1 - (top + height) / self._height_px)
        size = (width / WIDTH_PX, height / self._height_px)
        box = Rectangle(
            corner, *size, facecolor=colour, edgecolor=EDGE, zorder=-1, transform=self.figure.transFigure
        )
        self.figure.add_artist(box)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = 1 - (top + height) / self._height_px
        axes: Axes = self.figure.add_axes(
            (left / WIDTH_PX, bottom, width / WIDTH_PX, height / self._height_px), facecolor="none"
        )
        axes.tick_params(labelsize=8, colors=FAINT, length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def _legend(self, axes: Axes, corner: tuple[float, float], columns: int) -> None:
        handles, names = axes.get_legend_handles_labels()
        self.figure.legend(
            handles,
            names,
            loc="lower left",
            bbox_to_anchor=corner,
            ncols=columns,
            fontsize=8,
            frameon=False,
            handlelength=1.2,
            columnspacing=1.2,
            labelspacing=0.3,
            borderaxespad=0.2,
        )


def _curves(axes: Axes, shown: Defaults, lines: Sequence[Line], window: Window) -> None:
    times = window.times
    rows = [_row(series, window) for _, series in lines]
    names = [name for name, _ in lines]
    colours = [SERIES[number % len(SERIES)] for number in range(len(lines))]
    if shown.custom.draw_style == "bars":
        _columns(axes, rows, names, colours, window)
    elif shown.custom.stacking.mode == "normal":
        full = [[0.0 if math.isnan(value) else value for value in row] for row in rows]
        axes.stackplot(times, full, labels=names, colors=colours, alpha=0.7)
    else:
        for name, row, colour in zip(names, rows, colours, strict=True):
            axes.plot(times, row, label=name, color=colour, linewidth=1.2)
            axes.fill_between(times, row, 0, color=colour, alpha=0.1, linewidth=0)
    highest = max((value for row in rows for value in row if not math.isnan(value)), default=0.0)
    axes.set_ylim(bottom=shown.min, top=None if highest else 1)
    axes.set_xlim(window.start_s, window.end_s)
    axes.xaxis.set_ticks(_minutes(window))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: f"{datetime.fromtimestamp(at_s, UTC):%H:%M}"))
    axes.yaxis.set_major_locator(_ticks(shown.unit, highest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: WRITTEN[shown.unit](value)))
    axes.grid(color=EDGE, linewidth=0.6)


def _columns(
    axes: Axes, rows: Sequence[Sequence[float]], names: Sequence[str], colours: Sequence[str], window: Window
) -> None:
    """Columns that stand on each other."""
    below = [0.0] * len(window.times)
    for name, row, colour in zip(names, rows, colours, strict=True):
        full = [0.0 if math.isnan(value) else value for value in row]
        axes.bar(window.times, full, window.step_s, below, label=name, color=colour, alpha=0.7)
        below = [low + high for low, high in zip(below, full, strict=True)]


def _ticks(unit: str, highest: float) -> Locator:
    """Round numbers, which for bytes are powers of two."""
    if unit == "bytes" and highest > 0:
        return MultipleLocator(2 ** math.ceil(math.log2(highest / TICKS)))
    return MaxNLocator(TICKS)


def _bars(axes: Axes, shown: Defaults, lines: Sequence[Line]) -> None:
    top = shown.max if shown.max is not None else max(_last(series) for _, series in lines)
    for number, (_, series) in enumerate(lines):
        value = _last(series)
        colour = _colour(shown, value) or COLOURS["green"]
        axes.barh(number, top, height=0.62, color=PAGE)
        axes.barh(number, value, height=0.62, color=colour)
        axes.text(
            top * 1.02, number, _written(shown, value), va="center", fontsize=12, color=colour, weight="bold"
        )
    axes.set_xlim(shown.min or 0, top)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.xaxis.set_visible(False)
    axes.yaxis.set_ticks(range(len(lines)), [name.replace(" (", "\n(") for name, _ in lines])


def _row(series: Series, window: Window) -> list[float]:
    """A value for each point of the window; NaN where the series has none."""
    known = {round((at_s - window.start_s) / window.step_s): value for at_s, value in series.points}
    return [known.get(number, math.nan) for number in range(len(window.times))]


def _minutes(window: Window) -> list[float]:
    first = math.ceil(window.start_s / TICK_S) * TICK_S
    return [float(at_s) for at_s in range(first, int(window.end_s) + 1, TICK_S)]


def _last(series: Series) -> float:
    return next((value for _, value in reversed(series.points) if not math.isnan(value)), math.nan)


def _written(shown: Defaults, value: float) -> str:
    texts = {name: each.text for mapped in shown.mappings for name, each in mapped.options.items()}
    return texts.get(f"{value:g}") or WRITTEN[shown.unit](value)


def _colour(shown: Defaults, value: float) -> str:
    """The colour of the highest step that the value has reached; empty where there are no steps."""
    reached = [step for step in shown.thresholds.steps if step.value is None or value >= step.value]
    return COLOURS[reached[-1].color] if reached else ""
