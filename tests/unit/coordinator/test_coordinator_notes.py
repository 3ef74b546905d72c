"""Whatever others make happen without end has few lines in the log."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from coordinator.core.outbox import Note
from coordinator.core.recent import Recent
from coordinator.notes import LINES_OF_NODE_MAX, Notes


class Log:
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    debug = warning = info


def told(*notes: tuple[float, Note]) -> tuple[list[Note], list[tuple[str, Mapping[str, object]]]]:
    """What is counted, what is written, of notes at these times."""
    log, counted, clock = Log(), [], [0.0]
    keeper = Notes([counted.append], Recent(), log, lambda: clock[0], lambda: clock[0])  # type: ignore[arg-type]
    for clock[0], note in notes:
        keeper.tell(note)
    return counted, log.lines


@pytest.mark.parametrize("event", ["node_connected", "ticket_accepted", "enrolled"])
def test_a_node_that_connects_without_end_has_few_lines_and_hides_no_other(event: str) -> None:
    flaps = [(number / 100, Note(event, {"node": "flaps"})) for number in range(2000)]
    other = (5.0, Note(event, {"node": "other"}))

    counted, lines = told(*flaps[:500], other, *flaps[500:])

    assert len(counted) == 2001
    assert [fields["node"] for _, fields in lines].count("flaps") == 2 * LINES_OF_NODE_MAX
    assert (event, {"node": "other"}) in lines
    assert lines[LINES_OF_NODE_MAX + 1] == (event, {"node": "flaps", "left_out": 1000 - LINES_OF_NODE_MAX})


def test_what_anybody_can_cause_has_one_line_in_ten_seconds_whoever_it_was() -> None:
    counted, lines = told(*((number / 10, Note("not_yours", {"node": f"node-{number}"})) for number in range(150)))

    assert len(counted) == 150
    assert lines == [("not_yours", {"node": "node-0"}), ("not_yours", {"node": "node-100", "left_out": 99})]
