"""How long the grid is left alone after a call that did not get through."""

from __future__ import annotations

import pytest

from coordinator.core.errors import GridLoginRefused, GridUnavailable
from coordinator.grid.refusals import Kind, classify
from coordinator.lane.outage import after_failure
from coordinator.lane.outage_notes import OutageNotes


def test_a_refused_login_is_tried_after_a_minute_doubling_to_ten() -> None:
    problem = GridLoginRefused(user="pods")
    outage, now_s, pauses = None, 0.0, []
    for _ in range(6):
        outage = after_failure(outage, problem, now_s)
        pauses.append(outage.retry_at_s - now_s)
        now_s = outage.retry_at_s
    assert pauses == [60, 120, 240, 480, 600, 600]


def test_a_refused_login_fails_allocations_at_once_and_an_outage_after_some_patience() -> None:
    assert after_failure(None, GridLoginRefused(user="pods"), 100.0).give_up_at_s == 100.0
    assert after_failure(None, GridUnavailable(grid="g"), 100.0).give_up_at_s == 105.0


def test_an_outage_is_probed_with_growing_pauses_up_to_half_a_minute() -> None:
    outage = None
    for _ in range(12):
        outage = after_failure(outage, GridUnavailable(grid="g"), 0.0)
    assert outage
    assert outage.retry_at_s == 30.0


def test_a_trouble_is_told_once_each_other_trouble_too_and_the_end_once() -> None:
    notes = OutageNotes()
    outage, told = None, []
    for tries, problem in enumerate([GridUnavailable(grid="g")] * 3 + [GridLoginRefused(user="pods")] * 2):
        now_s = 20.0 * tries
        outage = after_failure(outage, problem, now_s)
        told += [note.fields["reason"] for note in notes.failed(outage, now_s)]
    assert told == [GridUnavailable(grid="g").msg, GridLoginRefused(user="pods").msg]
    (ended,) = notes.answered(outage, 90.0)
    assert (ended.event, ended.is_alarm, ended.fields["after_s"]) == ("grid_available", False, 90.0)
    assert notes.answered(outage, 91.0) == []


def test_a_grid_that_comes_and_goes_is_told_at_most_every_ten_seconds() -> None:
    notes, told_at_s = OutageNotes(), []
    for now_s in map(float, range(25)):
        outage = after_failure(None, GridUnavailable(grid="g"), now_s)
        told_at_s += [now_s for _ in notes.failed(outage, now_s)]
        notes.answered(outage, now_s + 0.5)
    assert told_at_s == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "Cannot find 1 available IP address(es) in this network.", Kind.EXHAUSTED),
        (400, "MAC address aa is used in two fixed addresses 10.55.0.2 and 10.55.0.9, which", Kind.MAC_TWICE),
        (400, "Unknown extensible attribute: VM ID", Kind.UNKNOWN_EA),
        (400, "Extensible attribute 'VM ID' is not allowed for this operation", Kind.EA_NOT_WRITABLE),
        (400, "The action is not allowed. A parent was not found.", Kind.NO_PARENT),
        (404, "Network View X not found", Kind.NO_PARENT),
        (400, "Duplicate object 'X' of type 'network' already exists in the database.", Kind.EXISTS),
        (400, "Cannot create … Only superusers can manage extensible attribute definition", Kind.SUPERUSERS_ONLY),
        (400, "The network 192.168.1.0/24 already exists.  Select another network.", Kind.EXISTS),
        (400, "Result set too large (> 1)", Kind.AMBIGUOUS),
        (400, "You have no permission to delete this object recursively", Kind.NO_PERMISSION),
        (400, "something that nobody has seen", Kind.OTHER),
        (413, "", Kind.TOO_BIG),
    ],
)
def test_a_refusal_is_told_by_a_fragment_of_its_text(status: int, text: str, kind: Kind) -> None:
    assert classify(status, {"Error": "e", "code": "Client.Ibap.Data.Conflict", "text": text}).kind is kind


def test_a_refusal_names_the_attribute_and_survives_a_body_that_is_no_json() -> None:
    assert classify(400, {"text": "Unknown extensible attribute: VM ID"}).name == "VM ID"
    assert classify(400, None).kind is Kind.OTHER
