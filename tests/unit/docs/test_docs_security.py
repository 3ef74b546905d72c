"""docs/security.md says nothing that no test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith("| ---") and not line.endswith("| test |")
]
TESTS = sorted(set(re.findall(r"`(tests/[^`]*)`", PAGE)))


def test_the_page_has_rows_about_each_kind_of_attacker() -> None:
    for heading in (
        "A stranger on the network",
        "A tenant",
        "Whoever has a node's key",
        "A local user without rights",
    ):
        section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        assert "| cannot " in section, heading
        assert "*can*" in section, heading


@pytest.mark.parametrize("row", ROWS)
def test_each_row_names_its_test(row: str) -> None:
    assert re.fullmatch(r"\| .+ \| `tests/\S+\.py::test_\w+` \|", row)


@pytest.mark.parametrize("named", TESTS)
def test_each_test_that_is_named_exists(named: str) -> None:
    path, _, function = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
