"""A short rolling restart: each daemon is replaced while pods start at a steady rate, and no ADD fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rolling.rolling import Coordinators, Rolling

ADDS = 220
ADDS_PER_S = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("coordinators", Coordinators)
def test_no_add_fails_while_all_daemons_are_replaced(tmp_path: Path, coordinators: Coordinators) -> None:
    report = Rolling(tmp_path, ADDS, ADDS_PER_S, coordinators).run()
    assert report.failures == []
    assert report.wrong == []
    assert report.answers.keys() == {"ADD ok", "DEL ok"}
    assert len(report.took_s) == ADDS
    assert report.replaced.keys() == {"agent", *["coordinator", "coordinator-2"][: coordinators.count]}
