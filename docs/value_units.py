"""Writes values in the units of a dashboard, as Grafana does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

_DIGITS: Final = 3
_THOUSANDS: Final = ("", " K", " Mil", " Bil")
_BYTES: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_SECONDS: Final = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (0.0, "µs"))
_MICROSECONDS: Final = 1e6


def _number(value: float) -> str:
    """Three digits, without zeros at the end."""
    text = f"{value:.{_DIGITS}g}" if abs(value) < 10**_DIGITS else f"{value:.0f}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".")


def _scaled(value: float, base: float, names: tuple[str, ...]) -> tuple[str, str]:
    place = 0
    while abs(value) >= base and place < len(names) - 1:
        value, place = value / base, place + 1
    return _number(value), names[place]


def _short(value: float) -> str:
    return "".join(_scaled(value, 1000, _THOUSANDS))


def _bytes(value: float) -> str:
    return " ".join(_scaled(value, 1024, _BYTES))


def _seconds(value: float) -> str:
    if value == 0:
        return "0 s"
    least, name = next(each for each in _SECONDS if abs(value) >= each[0])
    return f"{_number(value / least if least else value * _MICROSECONDS)} {name}"


def _percent(value: float) -> str:
    return f"{_number(value * 100)}%"


WRITTEN: Final[Mapping[str, Callable[[float], str]]] = {
    "short": _short,
    "percentunit": _percent,
    "s": _seconds,
    "bytes": _bytes,
    "reqps": lambda value: f"{_number(value)} req/s",
    "reqpm": lambda value: f"{_number(value)} req/min",
    "opm": lambda value: f"{_number(value)} ops/min",
}
"""By the name of a unit in the dashboard."""
