"""What was found once, step by step: a command, then what happened (`python -m tests.sim.rewrite`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.rewrite import SCENARIOS, played


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.txt")), ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    assert played(script) == script
