"""What the journal's writes do to its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.domain.attachment import AttachmentId
from nodeagent.journal_file import Journal, Reports, Write
from nodeagent.journal_records import Record, State
from nodeagent.steps import no_step

WRITES = 600


def record(number: int) -> Record:
    return Record(
        attachment=AttachmentId(f"c{number % 50}", "eth0"),
        state=State.HELD,
        seq=number,
        attempt=1,
        since_ms=0,
        boot_id="boot",
        request_id="r",
    )


def test_no_write_makes_the_log_longer(tmp_path: Path) -> None:
    journal = Journal(tmp_path, no_step)
    log = journal.path.with_name(f"{journal.path.name}-wal")
    sizes_bytes = []

    def write_another(tickets: list[int]) -> None:
        sizes_bytes.append(log.stat().st_size)
        number = tickets[-1] + 1
        journal.submit(Write(number, record(number))) if number <= WRITES else journal.close()

    journal.submit(Write(1, record(1)))
    journal.run(Reports(write_another, pytest.fail, pytest.fail, pytest.fail))

    assert len(sizes_bytes) == WRITES
    assert len(set(sizes_bytes)) == 1
