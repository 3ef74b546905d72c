"""Cases from real use as stories of the simulated world."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.play import play, stories


@pytest.mark.parametrize("path", stories(), ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    play(path)
