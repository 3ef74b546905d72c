"""Numbers and times in the words that people use for them."""

from __future__ import annotations

from typing import Final

from coordinator.page.markup import Html, element

_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def duration(seconds: float) -> str:
    """How long something lasts, to two digits or so: 7 s, 12 min, 3 h, 5 d."""
    for length_s, unit in _UNITS:
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:,.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def ago(seconds: float | None) -> str:
    """How long ago something was; None is never."""
    return "never" if seconds is None else f"{duration(seconds)} ago"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: str) -> Html:
    """A time of day as the status has it (ISO 8601, UTC), for people."""
    return element("time", at.replace("T", " ").removesuffix("Z"), datetime=at)
