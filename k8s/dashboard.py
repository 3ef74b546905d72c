"""Reads the dashboard: its panels with their places, their units and their queries, its variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

FILE: Final = Path(__file__).parent / "monitoring" / "dashboard.json"
_ESCAPE: Final = "\\"
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_LABEL: Final = re.compile(r"\{\{ *(\w+) *\}\}")
_LABEL_VALUES: Final = re.compile(r"^label_values\((.+), *(\w+)\)$")


class _Part(BaseModel):
    """A part of Grafana's JSON; what is not read here is passed over."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Place(_Part):
    """Where a panel stands: 24 columns, rows of 30 pixels."""

    x: int
    y: int
    w: int
    h: int


class Target(_Part):
    """A query of a panel."""

    expr: str
    legend_format: str

    def name(self, labels: Mapping[str, str]) -> str:
        """How the legend calls a series with these labels."""
        return _LABEL.sub(lambda found: labels.get(found[1], ""), self.legend_format)


class Step(_Part):
    """From which value on a colour holds; None for the lowest."""

    color: str
    value: float | None


class Thresholds(_Part):
    """Colours by value."""

    steps: tuple[Step, ...] = ()


class Shown(_Part):
    """What stands in place of a value."""

    text: str


class Mapped(_Part):
    """Values with their texts."""

    options: Mapping[str, Shown]


class Stacking(_Part):
    """Whether series stand on top of each other: `normal`, `none`."""

    mode: str = "none"


class Custom(_Part):
    """How the series of a panel are drawn."""

    draw_style: str = "line"
    stacking: Stacking = Stacking()


class Defaults(_Part):
    """How the values of a panel are shown."""

    unit: str = "short"
    min: float | None = None
    max: float | None = None
    thresholds: Thresholds = Thresholds()
    mappings: tuple[Mapped, ...] = ()
    custom: Custom = Custom()


class FieldConfig(_Part):
    """The same for all series of a panel."""

    defaults: Defaults = Defaults()


class Options(_Part):
    """What the colour of a single number fills: `background`, `value`."""

    color_mode: str = "value"


class Panel(_Part):
    """A panel; one of the type `row` is a headline."""

    type: str
    title: str
    grid_pos: Place
    description: str = ""
    targets: tuple[Target, ...] = ()
    field_config: FieldConfig = FieldConfig()
    options: Options = Options()

    @property
    def shown(self) -> Defaults:
        """How its values are shown."""
        return self.field_config.defaults


class Query(_Part):
    """The query of a variable."""

    query: str

    def selector_and_label(self, values: Mapping[str, str]) -> tuple[str, str]:
        """What `label_values` is asked for, with the variables before it replaced. Raises `ValueError`."""
        found = _LABEL_VALUES.match(replaced(self.query, values))
        if found is None:
            raise ValueError(f"not of the form label_values(selector, label): {self.query}")
        return found[1], found[2]


class Variable(_Part):
    """A choice at the dashboard's head; the query of a data source is its type."""

    name: str
    query: Query | str
    include_all: bool = False

    def opens_with(self, found: Sequence[str]) -> str:
        """What stands for it when the dashboard is opened, of the values that were found; nothing for none."""
        if not self.include_all:
            return next(iter(found), "")
        return f"({'|'.join(re.escape(each).replace(_ESCAPE, _ESCAPE * 2) for each in found)})"


class Templating(_Part):
    """All choices."""

    list: tuple[Variable, ...]


class Dashboard(_Part):
    """The dashboard."""

    title: str
    templating: Templating
    panels: tuple[Panel, ...] = Field(min_length=1)


def dashboard() -> Dashboard:
    """The dashboard of this release."""
    return Dashboard.model_validate_json(FILE.read_text(encoding="utf-8"))


def replaced(expression: str, values: Mapping[str, str]) -> str:
    """An expression with its variables replaced. Raises `KeyError` for one that has no value."""
    return _VARIABLE.sub(lambda found: values[found[1]], expression)


def chosen(
    variables: Sequence[Variable], label_values: Callable[[str, str], Sequence[str]], rate_interval_s: int
) -> Mapping[str, str]:
    """What the variables stand for when the dashboard is opened: all values, or the first one where it takes one.

    `label_values` gives the values that a label has in a selector's series; `rate_interval_s` is four times the
    interval of scraping.
    """
    values = {"__rate_interval": f"{rate_interval_s}s"}
    for variable in variables:
        if isinstance(variable.query, Query):
            found = label_values(*variable.query.selector_and_label(values))
            values[variable.name] = variable.opens_with(found)
    return values
