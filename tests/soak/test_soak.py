"""A short soak: some hundred pods come and go while daemons die."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.soak import Soak

ADDS = 800


@pytest.mark.timeout(300)
def test_a_short_soak_leaves_what_lives_and_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    report = Soak(tmp_path / "cluster", ADDS, seed=1, say=said.append).run()
    assert report.wrong == [], said
    assert report.adds == ADDS
    assert report.faults.keys() == {"agent killed", "coordinator killed", "grid cut off"}
    assert [vitals.keys() for vitals in report.vitals] == [{"agent", "coordinator"}] * 3
