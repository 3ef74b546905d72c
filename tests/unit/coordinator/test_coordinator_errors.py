"""Every failure says what it must, and nothing that a runtime would misread."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import coordinator
from coordinator.core import errors
from coordinator.core.outbox import declined
from protocol.errors import Problem, leaves

LEAVES = [leaf for leaf in leaves(Problem) if leaf.__module__ == errors.__name__]
NOT_FACTS = {"cause"}


def raising_sites() -> dict[str, list[set[str]]]:
    """Which keyword arguments each failure is given, at each place that makes one by name."""
    names = {leaf.__name__ for leaf in LEAVES}
    sites: dict[str, list[set[str]]] = {}
    for path in Path(coordinator.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func).removeprefix("errors.")) in names:
                sites.setdefault(name, []).append({each.arg or "" for each in node.keywords})
    return sites


AS_PROBLEM = {"cause", "user", "name", "action"}
"""What `as_problem` gives to those that it picks from a table."""
FROM_TABLE = ("EaUndefined", "EaNotWritable", "LicenceMissing", "NoPermission", "ObjectsAmbiguous", "GridRefused")


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: str(leaf.__name__))
def test_every_field_of_a_failure_is_supplied_wherever_it_is_raised(leaf: type[Problem]) -> None:
    given = raising_sites().get(leaf.__name__, []) + ([AS_PROBLEM] if leaf.__name__ in FROM_TABLE else [])
    assert given, "nobody raises it"
    for fields in given:
        problem = leaf(**dict.fromkeys(fields, "x"))
        assert problem.msg
        assert problem.details
        assert declined("r", problem).kind == problem.kind


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: str(leaf.__name__))
def test_no_failure_says_what_a_runtime_takes_for_success(leaf: type[Problem]) -> None:
    text = f"{leaf.message} {leaf.remedy}".lower()
    assert "not found" not in text
    assert "no such file or directory" not in text
