"""Some rows of the failure matrix are run anew; the page has all of them, none with a wrong cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.matrix.__main__ import PAGE
from tests.matrix.crashes import crashes
from tests.matrix.deaths import run_deaths
from tests.matrix.faults import FAULTS
from tests.matrix.row import run
from tests.matrix.rows import VERB_TITLES, Sites, all_rows, both_sites

FAULTS_BY_NAME = {fault.name: fault for fault in (*FAULTS, *crashes())}
QUICK = (
    "has forgotten the session, once",
    "writes, but the reply is lost, once",
    "has no address left in the network",
    "agent's journal lost",
    "refuses connections",
    "journal:held:before",
    "wapi:create:after",
)
QUICK_WITHOUT_LEADER = ("writes, but the reply is lost, once", "wire:allocate:after", "wapi:create:after")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The same sites for all rows, each of which leaves them as they were."""
    with both_sites(tmp_path_factory.mktemp("matrix")) as shared:
        yield shared


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", QUICK)
def test_no_verb_has_a_wrong_answer(sites: Sites, name: str) -> None:
    cells = run(FAULTS_BY_NAME[name], sites.one)
    assert [cell.verb for cell in cells] == list(VERB_TITLES)
    assert [cell for cell in cells if cell.wrong] == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", QUICK_WITHOUT_LEADER)
def test_no_add_has_a_wrong_answer_as_the_leader_dies(sites: Sites, name: str) -> None:
    assert [cell for cell in run_deaths(FAULTS_BY_NAME[name], sites.two) if cell.wrong] == []


def test_the_page_has_every_row_and_no_wrong_cell() -> None:
    lines = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    table = [cells for cells in lines if cells[0] not in ("| Fault", "| ---")]
    shown = [(cells[0].removeprefix("| "), len(cells)) for cells in table]
    assert shown == [(row.name, 1 + len(row.titles)) for row in all_rows()]
    assert "WRONG" not in PAGE.read_text()
