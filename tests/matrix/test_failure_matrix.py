"""Some rows of the failure matrix are run anew; the page has all of them, none with a wrong cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.matrix.__main__ import PAGE
from tests.matrix.crashes import crashes
from tests.matrix.faults import FAULTS
from tests.matrix.page import row_name
from tests.matrix.row import TITLES, run
from tests.matrix.site import Site

ROWS = {row.name: row for row in (*FAULTS, *crashes())}
QUICK = (
    "has forgotten the session, once",
    "writes, but the reply is lost, once",
    "has no address left in the network",
    "agent's journal lost",
    "refuses connections",
    "journal:held:before",
    "wapi:create:after",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One cluster for all rows, each of which leaves it as it was."""
    with Site(tmp_path_factory.mktemp("matrix") / "cluster") as shared:
        yield shared


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", QUICK)
def test_no_verb_has_a_wrong_answer(site: Site, name: str) -> None:
    cells = run(ROWS[name], site)
    assert [cell.verb for cell in cells] == list(TITLES)
    assert [cell for cell in cells if cell.wrong] == []


def test_the_page_has_every_row_and_no_wrong_cell() -> None:
    lines = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    named = [cells[0].removeprefix("| ") for cells in lines if cells[0] not in ("| Fault", "| ---")]
    assert named == [row_name(row) for row in ROWS.values()]
    assert all(len(cells) == 1 + len(TITLES) for cells in lines)
    assert "WRONG" not in PAGE.read_text()
