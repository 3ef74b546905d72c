"""What has happened last is remembered within bounds, and nobody washes it away by doing the same thing again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from machine_world import World

from coordinator.core.outbox import Note
from coordinator.core.recent import EVENTS_MAX, FAILURES_MAX, FIELDS_MAX, RESERVE, TEXT_LENGTH_MAX, Recent
from coordinator.notes import Notes
from protocol.texts import is_fit
from protocol.wire.values import Label


def a_decline(pod: str, **changes: Any) -> Note:
    fields = {
        "allocation": "an id",
        "node": "node-1",
        "pod": pod,
        "network": "10.55.0.0/24",
        "request": "req-1",
        "code": 11,
        "error": "NetworkExhausted",
        "reason": "no address left",
        "remedy": "Enlarge it.",
    }
    return Note("declined", fields | changes)


class _NoLog:
    def info(self, event: str, **fields: object) -> None:
        """Nobody reads it."""

    debug = warning = info


def remembered(*notes: tuple[float, Note]) -> Recent:
    """What is remembered of notes at these times."""
    recent, clock = Recent(), [0.0]
    keeper = Notes([], recent, _NoLog(), lambda: clock[0], lambda: clock[0])  # type: ignore[arg-type]
    for clock[0], note in notes:
        keeper.tell(note)
    return recent


def test_the_last_events_come_first_without_what_happens_all_the_time() -> None:
    recent = remembered(
        (1.0, Note("node_connected", {"node": "node-1", "claims": 3})),
        (2.0, Note("allocated", {"address": "10.55.0.2"})),
        (3.0, Note("gone", {"address": "10.55.0.2"})),
        (4.0, Note("wapi_call", {}, is_detail=True)),
        (5.0, Note("grid_unavailable", {"reason": "no answer"}, is_alarm=True)),
    )
    assert [(each.at_s, each.name, each.is_alarm, dict(each.fields)) for each in recent.events()] == [
        (5.0, "grid_unavailable", True, {"reason": "no answer"}),
        (1.0, "node_connected", False, {"node": "node-1", "claims": "3"}),
    ]


def test_an_event_that_comes_again_is_counted_and_hides_no_other() -> None:
    exhausted = Note("network_exhausted", {"network": "10.55.0.0/24"}, is_alarm=True)
    storm = [(float(number), exhausted) for number in range(3 * EVENTS_MAX)]
    recent = remembered((0.0, Note("network_ready", {"network": "10.55.0.0/24"})), *storm)
    assert [(each.name, each.times) for each in recent.events()] == [
        ("network_exhausted", 300),
        ("network_ready", 1),
    ]


def test_what_strangers_cause_without_end_is_remembered_as_often_as_the_log_has_it() -> None:
    knocks = [
        (number / 100, Note("key_refused", {"address": "192.0.2.1"}, is_alarm=True)) for number in range(900)
    ]
    recent = remembered((0.0, Note("network_ready", {"network": "10.55.0.0/24"})), *knocks)
    assert [each.name for each in recent.events()] == ["key_refused", "network_ready"]


def test_a_failure_is_found_by_the_pod_and_counted_when_it_comes_again() -> None:
    recent = remembered(
        (1.0, a_decline("shop/web-1")),
        (2.0, a_decline("shop/web-2", request="req-2")),
        (12.0, a_decline("shop/web-1", request="req-3")),
        (13.0, a_decline(RESERVE)),
    )
    (again,) = recent.failures_of("web-1")
    assert recent.failures() == (again, *recent.failures_of("shop/web-2"))
    assert (again.times, again.first_at_s, again.at_s, again.request) == (2, 1.0, 12.0, "req-3")
    assert (again.network, again.code, again.error) == ("10.55.0.0/24", 11, "NetworkExhausted")
    assert recent.failures_of("web") == recent.failures_of("other/web-1") == ()
    assert recent.events() == ()


def test_a_pod_that_fails_all_the_time_hides_no_other_pods_failure() -> None:
    storm = [(float(number), a_decline("shop/web-1", request=f"r-{number}")) for number in range(3 * FAILURES_MAX)]
    recent = remembered((0.0, a_decline("shop/early")), *storm)
    assert len(recent.failures_of("early")) == 1
    assert recent.failures_of("web-1")[0].times == len(storm)


def test_of_different_failures_the_last_ones_are_kept() -> None:
    recent = remembered(*((float(number), a_decline(f"shop/web-{number}")) for number in range(FAILURES_MAX + 7)))
    assert len(recent.failures()) == FAILURES_MAX
    assert recent.failures()[0].pod == f"shop/web-{FAILURES_MAX + 6}"
    assert recent.failures_of("web-6") == ()
    assert [each.pod for each in recent.failures(2)] == ["shop/web-1006", "shop/web-1005"]


@given(
    st.lists(st.dictionaries(st.text(max_size=9), st.text(max_size=700) | st.integers(), max_size=30), max_size=9)
)
def test_whatever_is_noted_is_remembered_within_bounds_as_fit_text(notes: list[dict[str, Any]]) -> None:
    recent = Recent()
    for number in range(EVENTS_MAX + 1):
        recent.happened(Note("listed", {"number": number}), 0.0)
    for fields in notes:
        recent.happened(Note("grid_unavailable", fields, is_alarm=True), 0.0)
        recent.declined(a_decline(pod="x", reason=str(fields)), 0.0)
    assert len(recent.events()) == EVENTS_MAX
    texts = [text for each in recent.events() for text in each.fields.values()]
    texts += [each.reason for each in recent.failures()]
    assert all(len(text) <= TEXT_LENGTH_MAX and is_fit(text) for text in texts)
    assert all(len(each.fields) <= FIELDS_MAX for each in recent.events())


def test_a_declined_ask_has_all_that_a_failure_is_told_by() -> None:
    world, recent = World(), Recent()
    told: list[Note] = []
    world.on_note = told.append
    agent = world.agent()
    agent.hello()
    label = Label(container_id="c1", ifname="eth0", pod="web-1", pod_namespace="shop", pod_uid="u-1")
    agent.ask(subnet="10.99.0.0/30", gateway="10.99.0.9", label=label)
    agent.ask(subnet="10.99.0.0/30", gateway="10.99.0.9", for_reserve=True)
    (note, refill) = [each for each in told if each.event == "declined"]
    recent.declined(note, 1.0)
    recent.declined(refill, 1.0)
    (failure,) = recent.failures()
    assert (failure.pod, failure.node, failure.network) == ("shop/web-1", "node-1", "10.99.0.0/30")
    assert (failure.code, failure.error) == (7, "GatewayInvalid")
    assert "ipam.gateway 10.99.0.9" in failure.reason
    assert (note.fields["pod_uid"], note.fields["network_name"]) == ("u-1", "pods")


def test_what_is_remembered_stands_in_the_status_and_outlives_a_new_beginning() -> None:
    world = World()
    recent = world.machine.recent
    recent.happened(Note("grid_unavailable", {"reason": "no answer"}, is_alarm=True), 1_800_000_000.7)
    recent.declined(a_decline("shop/web-1"), 1_800_000_001.0)
    world.machine.begin_anew(world.now_s)
    status = world.machine.status(None, world.now_s)
    assert status.events[0].model_dump() == {
        "at": "2027-01-15T08:00:00Z",
        "event": "grid_unavailable",
        "is_alarm": True,
        "fields": {"reason": "no answer"},
        "times": 1,
    }
    assert (status.failures[0].at, status.failures[0].pod) == ("2027-01-15T08:00:01Z", "shop/web-1")
