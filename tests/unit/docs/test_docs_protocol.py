"""docs/protocol.md names every message of protocol 2 with its fields, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest

from protocol.admin import messages as admin
from protocol.wire import messages, values

PAGE = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
DIRECTIONS = {"Agent to coordinator": messages.ToCoordinator, "Coordinator to agent": messages.ToAgent}
OF_EVERY_MESSAGE = set(messages.Message.model_fields) | {"type"}


def rows(heading: str) -> dict[str, set[str]]:
    """What the table below a heading says: the fields of each message, by its type."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \|(.*?)\|", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)|: rows of .*", "", cell))) for name, cell in found}


def specified(models: Iterable[type[messages.Message]]) -> dict[str, set[str]]:
    return {
        str(model.model_fields["type"].default): set(model.model_fields) - OF_EVERY_MESSAGE for model in models
    }


@pytest.mark.parametrize("heading", DIRECTIONS)
def test_the_page_has_the_messages_of_the_code(heading: str) -> None:
    assert rows(heading) == specified(get_args(DIRECTIONS[heading]))


def test_the_page_has_the_messages_of_peoples_commands() -> None:
    section = PAGE.partition("\n# 3 ")[2]
    found = re.findall(r"^\| `(\w+)` \| \w+ \|(.*?)\|", section, re.MULTILINE)
    models = (*get_args(admin.AdminRequest), *get_args(admin.AdminAnswer))
    assert {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in found} == specified(models)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("network ask", values.NetworkAsk),
        ("range ask", values.RangeAsk),
        ("want", values.Want),
        ("label", values.Label),
        ("claim row", values.ClaimRow),
        ("let_go row", values.LetGoRow),
        ("orphan row", values.OrphanRow),
        ("interface", values.Interface),
        ("of `addresses`", admin.UnadoptedAddress),
        ("of `results`", admin.AdoptionResult),
        ("of `differences`", admin.Difference),
        ("of `uncompared`", admin.Uncompared),
        ("of `stories`", admin.Story),
        ("of `over`", admin.EndedBoot),
    ],
)
def test_the_page_has_the_fields_of_each_row(name: str, model: type[values.Model]) -> None:
    (cell,) = re.findall(rf"^\| {name} \| (.*) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", cell))) == set(model.model_fields)
