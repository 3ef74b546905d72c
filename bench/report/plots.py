"""Draws the panels of a result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.result import Mark, Panel, Result, Series

PANEL_INCHES: Final = (6.0, 4.0)
BARS_SHARE: Final = 0.8
LIMIT_COLOUR: Final = "0.45"
LIMIT_STYLES: Final = ("--", ":")
PLAIN_NUMBERS: Final = FuncFormatter(lambda value, _: f"{value:,g}")


def draw(result: Result, path: Path) -> None:
    """All panels side by side, as SVG that is the same for the same figures."""
    matplotlib.rcParams["svg.hashsalt"] = result.part
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(result.panels), height), layout="constrained")
    for number, panel in enumerate(result.panels, 1):
        _draw_panel(figure.add_subplot(1, len(result.panels), number), panel)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_panel(axes: Axes, panel: Panel) -> None:
    styles = cycle(LIMIT_STYLES)
    bars = [series for series in panel.series if series.mark is Mark.BAR]
    _draw_bars(axes, bars, is_stacked=panel.is_stacked)
    for series in panel.series:
        if series.mark is Mark.LINE:
            axes.plot(series.x, series.y, marker="o", markersize=3, label=series.name)
        elif series.mark is Mark.LIMIT:
            axes.plot(series.x, series.y, linestyle=next(styles), color=LIMIT_COLOUR, label=series.name)
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.is_log_x:
        axes.set_xscale("log")
        axes.set_xticks(sorted({float(x) for series in panel.series for x in series.x}))
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(PLAIN_NUMBERS)
    if panel.is_log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    else:
        axes.set_ylim(bottom=0)
    if len(panel.series) > 1:
        axes.legend(fontsize=8)
    axes.grid(visible=True, axis="y", alpha=0.3)


def _draw_bars(axes: Axes, bars: Sequence[Series], *, is_stacked: bool) -> None:
    if not bars:
        return
    categories = list(dict.fromkeys(str(x) for series in bars for x in series.x))
    width = BARS_SHARE if is_stacked else BARS_SHARE / len(bars)
    heights = [0.0] * len(categories)
    for number, series in enumerate(bars):
        values = dict(zip(map(str, series.x), series.y, strict=True))
        y = [values.get(category, 0.0) for category in categories]
        shift = 0.0 if is_stacked else (number - (len(bars) - 1) / 2) * width
        places = [place + shift for place in range(len(categories))]
        axes.bar(places, y, width, bottom=heights if is_stacked else None, label=series.name)
        heights = [below + value for below, value in zip(heights, y, strict=True)]
    axes.set_xticks(range(len(categories)), categories, rotation=20, ha="right", fontsize=8)
