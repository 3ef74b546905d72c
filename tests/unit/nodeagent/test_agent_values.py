"""Records as rows."""

from __future__ import annotations

import sqlite3

import pytest
from agent_builders import a_record

from nodeagent import journal_records
from nodeagent.domain.attachment import Network, Pod
from nodeagent.journal_records import COLUMNS, Record, State


@pytest.mark.parametrize(
    "record",
    [
        a_record(State.ASKED, pod=Pod("web-0", "shop", "u-1")),
        a_record(State.HELD, network=Network("pods", "blue", "10.55.0.0/24", "10.55.0.1", is_gateway=True)),
        a_record(State.RELEASING, network=None, mac=None),
        a_record(State.RELEASED, unclaimed_ms=5),
    ],
    ids=lambda record: record.state,
)
def test_a_record_survives_its_row_in_sqlite(record: Record) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
    marks = ", ".join("?" * len(COLUMNS))
    connection.execute(f"INSERT INTO t VALUES ({marks})", journal_records.encode(record))

    (row,) = connection.execute("SELECT * FROM t").fetchall()
    connection.close()

    assert journal_records.decode(row) == record


def test_a_damaged_row_is_refused() -> None:
    row = list(journal_records.encode(a_record()))
    row[2] = "dreaming"
    with pytest.raises(ValueError, match="state"):
        journal_records.decode(tuple(row))
