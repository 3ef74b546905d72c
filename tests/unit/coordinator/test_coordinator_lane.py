"""What the lane says to each event, command by command."""

from __future__ import annotations

import pytest
from lane_world import (
    REFERENCES,
    WRITER,
    a_label,
    a_lane,
    a_look_up,
    a_removal,
    a_written,
    an_add,
    an_id,
    answered,
    calls,
    owners,
    submit,
)

from coordinator.core.errors import GridForbids, GridLoginRefused, GridUnavailable
from coordinator.grid.calls import Answered, Call, Form, Lost, NotSent, Refused
from coordinator.grid.operations import Create, Found
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.batch import Limits, plan
from coordinator.lane.commands import Finished, WakeAt
from coordinator.lane.events import Submitted
from coordinator.lane.task import COMPANY_S
from coordinator.lane.turns import Turns
from coordinator.tasks.create_task import Created, CreateTask, Unsettled
from coordinator.tasks.delete_task import RETRY_S, DeleteTask


def test_work_that_arrives_during_a_call_shares_the_next_one() -> None:
    lane = a_lane()
    (first,) = calls(submit(lane, an_add("a")))
    assert submit(lane, an_add("b")) == []
    assert submit(lane, an_add("c")) == []
    lane.handle(answered(first, 1.5))
    (second,) = calls(lane.proceed(1.5))
    assert owners(second, "abc") == ["b", "c"]


def test_a_single_create_needs_no_request_while_two_share_one() -> None:
    lane = a_lane()
    (alone,) = calls(submit(lane, an_add("a")))
    lane.handle(answered(alone, 1.5))
    (together,) = calls(submit(lane, an_add("b"), an_add("c"), now_s=2.0))
    assert (alone.form, together.form) == (Form.SEPARATE, Form.REQUEST)


def test_an_answered_create_ends_its_work() -> None:
    lane = a_lane()
    task = an_add("a")
    (call,) = calls(submit(lane, task))
    done = [each for each in lane.handle(answered(call, 1.5)) if isinstance(each, Finished)]
    assert [each.task for each in done] == [task]
    assert isinstance(done[0].outcome, Created)


def ready(*tasks):
    """Works that were submitted at 0 s."""
    for task in tasks:
        task.submitted_at_s = 0.0
    return list(tasks)


@pytest.mark.parametrize("make", [a_removal, a_label])
def test_adds_go_before_labels_and_deletions_until_those_are_overdue(make) -> None:
    add, other = ready(an_add("a"), make("r"))
    limits = Limits(256, {})
    assert plan([other, add], limits, Turns(), 1.0) == [add, other]
    assert plan([other, add], limits, Turns(), 31.0) == [other, add]


def test_refills_go_last_however_long_they_wait() -> None:
    refill, label, removal = ready(an_add("f", for_reserve=True), a_label("l"), a_removal("r"))
    assert plan([refill, removal, label], Limits(256, {}), Turns(), 1.0) == [label, removal, refill]
    assert plan([refill, removal, label], Limits(256, {}), Turns(), 500.0)[-1] is refill


def test_what_is_overdue_leaves_half_of_a_call_to_adds() -> None:
    removals = ready(*(a_removal(f"r{number}") for number in range(50)))
    adds = ready(*(an_add(f"a{number}") for number in range(50)))
    batch = plan([*removals, *adds], Limits(16, {}), Turns(), 100.0)
    assert [type(task) for task in batch] == [DeleteTask] * 4 + [CreateTask] * 8


def test_labels_take_a_quarter_of_a_call_while_adds_wait() -> None:
    labels = ready(*(a_label(f"l{number}") for number in range(50)))
    (add,) = ready(an_add("a"))
    batch = plan([*labels, add], Limits(16, {}), Turns(), 1.0)
    assert (batch[0], len(batch)) == (add, 3)
    assert len(plan(labels, Limits(16, {}), Turns(), 1.0)) == 8
    overdue = plan([*labels, add], Limits(16, {}), Turns(), 100.0)
    assert (overdue[-1], len(overdue)) == (add, 3)


def test_a_label_that_sets_a_mac_shares_no_call_with_creates() -> None:
    add, plain, with_mac, refill = ready(
        an_add("a"), a_label("p"), a_label("m", mac="0a:58:00:00:00:01"), an_add("f", for_reserve=True)
    )
    assert plan([with_mac, plain, add], Limits(16, {}), Turns(), 1.0) == [add, plain]
    assert plan([refill, with_mac, plain], Limits(16, {}), Turns(), 1.0) == [with_mac, plain]
    assert plan([with_mac, add], Limits(16, {}), Turns(), 100.0) == [with_mac]


def test_labels_and_refills_wait_a_moment_for_their_like() -> None:
    lane = a_lane()
    assert submit(lane, a_label("a"), now_s=1.0) == [WakeAt(1.0 + COMPANY_S)]
    assert submit(lane, an_add("b", for_reserve=True), now_s=1.1) == [WakeAt(1.0 + COMPANY_S)]
    (call,) = calls(lane.proceed(1.0 + COMPANY_S))
    assert owners(call, "ab") == ["a", "b"]


def test_adds_wait_for_nobody_and_take_labels_along() -> None:
    lane = a_lane()
    assert calls(submit(lane, a_label("a"), now_s=1.0)) == []
    (call,) = calls(submit(lane, an_add("b"), now_s=1.0))
    assert owners(call, "ab") == ["b", "a"]


def test_labels_that_fill_a_call_do_not_wait() -> None:
    assert calls(submit(a_lane(), *(a_label(f"l{number}") for number in range(256)), now_s=1.0))


def test_a_sleeping_deletion_is_due_while_labels_wait() -> None:
    lane = a_lane()
    assert submit(lane, a_label("a"), a_removal("r", due_s=1.2), now_s=1.0) == [WakeAt(1.2)]


def test_a_refused_batch_is_looked_up_then_sent_in_halves_until_the_culprit_stands_alone() -> None:
    lane = a_lane()
    pending = calls(submit(lane, *(an_add(name) for name in ("a", "b", "c", "d"))))
    story, now_s = [], 2.0
    while pending:
        (call,), now_s = pending, now_s + 1
        verb = "create" if isinstance(call.operations[0], Create) else "find"
        story.append(f"{verb} {' '.join(owners(call, NAMES))}")
        if verb == "create" and "b" in owners(call, NAMES):
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        elif verb == "create":
            lane.handle(answered(call, now_s))
        else:
            lane.handle(Answered(call.id, [Found(())] * len(call.operations), now_s))
        pending = calls(lane.proceed(now_s))
    assert story == [
        "create a b c d",
        "find a b c d",
        "create a b",
        "create c d",
        "find a b",
        "create a",
        "create b",
    ]


def test_culprits_stand_alone_in_the_end_though_they_look_in_the_company_of_others() -> None:
    lane = a_lane()
    creates, look_ups = [an_add(name) for name in "abc"], [a_look_up(name) for name in "def"]
    pending, now_s, alone = calls(submit(lane, *creates, *look_ups)), 1.0, set()
    while pending and now_s < 50.0:
        (call,), now_s = pending, now_s + 1
        if any(isinstance(operation, Create) for operation in call.operations):
            alone |= set(owners(call, NAMES)) if len(call.operations) == 1 else set()
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            lane.handle(Answered(call.id, [Found(())] * len(call.operations), now_s))
        pending = calls(lane.proceed(now_s))
    assert alone == set("abcdef")
    assert lane.waiting == 0


def test_a_deletion_counts_as_waiting_for_a_call_when_it_is_due() -> None:
    lane = a_lane()
    assert submit(lane, a_removal("r", due_s=30.0)) == [WakeAt(30.0)]
    assert lane.waiting == 0
    (call,) = calls(lane.proceed(30.0))
    assert lane.waiting == 1
    lane.handle(Answered(call.id, [Found(())] * len(call.operations), 31.0))
    lane.proceed(31.0)
    assert lane.waiting == 0


def test_refused_look_ups_are_halved_until_the_culprit_stands_alone() -> None:
    lane = a_lane()
    look_ups = [a_look_up(name) for name in "abc"]
    release = a_removal("r")
    release.is_looking = True
    pending, now_s, failed, count = calls(submit(lane, *look_ups, release)), 1.0, [], 0
    while pending and count < 50:
        (call,), now_s, count = pending, now_s + 0.1, count + 1
        if {"b", "r"} & set(owners(call, NAMES)):
            done = lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            done = lane.handle(answered(call, now_s))
        failed += [each.task for each in done if isinstance(each, Finished) and each.outcome == Unsettled()]
        pending = calls(lane.proceed(now_s))
    assert failed == [look_ups[1]]
    assert count < 12
    assert lane.proceed(now_s) == [WakeAt(release.ready_at_s)]
    assert release.ready_at_s > now_s + RETRY_S - 2


def test_a_look_up_that_is_always_refused_is_found_out_while_others_keep_coming() -> None:
    lane = a_lane()
    release = a_removal("r")
    release.is_looking = True
    pending, now_s = calls(submit(lane, release, an_add("a0"))), 31.5
    for number in range(1, 30):
        (call,), now_s = pending, now_s + 0.1
        if "r" in owners(call, NAMES):
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            lane.handle(answered(call, now_s))
        pending = calls(submit(lane, an_add(f"a{number}"), now_s=now_s))
        if release.ready_at_s > now_s:
            break
    assert release.ready_at_s > now_s


@pytest.mark.parametrize("kind", [Kind.UNKNOWN_EA, Kind.EA_NOT_WRITABLE, Kind.LICENCE])
def test_a_refusal_that_concerns_everybody_is_not_halved(kind: Kind) -> None:
    lane = a_lane()
    tasks = [an_add(name) for name in ("a", "b", "c")]
    (call,) = calls(submit(lane, *tasks))
    done = lane.handle(Refused(call.id, Refusal(kind, "no", name="VM ID"), 2.0))
    assert [each.task for each in done if isinstance(each, Finished)] == tasks
    assert calls(lane.proceed(2.0)) == []


def test_a_lost_call_is_looked_up_at_once_an_unsent_one_after_a_pause() -> None:
    problem = GridUnavailable(grid="g")
    lane = a_lane()
    (call,) = calls(submit(lane, an_add("a")))
    lane.handle(Lost(call.id, problem, 2.0))
    (look_up,) = calls(lane.proceed(2.0))
    assert owners(look_up, "a") == ["a"]
    lane = a_lane()
    (call,) = calls(submit(lane, an_add("a")))
    lane.handle(NotSent(call.id, problem, 2.0))
    assert lane.proceed(2.0) == [WakeAt(2.5)]
    assert len(calls(lane.proceed(2.5))) == 1


def test_a_call_that_is_too_big_is_halved_for_good() -> None:
    lane = a_lane()
    tasks = [an_add(f"a{number}") for number in range(8)]
    (call,) = calls(submit(lane, *tasks))
    lane.handle(Refused(call.id, Refusal(Kind.TOO_BIG, "413", 413), 1.1))
    (half,) = calls(lane.proceed(1.1))
    assert len(half.operations) == 4
    lane.handle(answered(half, 1.2))
    (rest,) = calls(lane.proceed(1.2))
    assert len(rest.operations) == 4


def test_during_an_outage_adds_fail_fast_while_deletions_wait_for_its_end() -> None:
    lane = a_lane()
    add, removal = an_add("a"), a_removal("r")
    (call,) = calls(submit(lane, add, removal))
    lane.handle(NotSent(call.id, GridUnavailable(grid="g"), 1.0))
    ended, now_s = [], 1.0
    while now_s < 20.0:
        now_s += 0.5
        for command in lane.proceed(now_s):
            if isinstance(command, Call):
                lane.handle(NotSent(command.id, GridUnavailable(grid="g"), now_s))
            if isinstance(command, Finished):
                ended.append((command.task, command.outcome.problem.code, now_s <= 7.0))
    assert ended == [(add, 11, True)]
    while not (call := calls(lane.proceed(now_s))):
        now_s += 0.5
    done = lane.handle(answered(call[0], now_s))
    assert [each.task for each in done if isinstance(each, Finished)] == [removal]


@pytest.mark.parametrize("problem", [GridLoginRefused(user="u", grid="g"), GridForbids(user="u", grid="g")])
def test_a_refused_login_is_tried_once_then_after_a_minute(problem) -> None:
    lane = a_lane()
    (call,) = calls(submit(lane, an_add("a")))
    lane.handle(NotSent(call.id, problem, 1.0))
    for second in range(1, 61):
        made = submit(lane, an_add(f"a{second}"), now_s=float(second))
        assert calls(made) == []
        assert [each.outcome.problem for each in made if isinstance(each, Finished)]
    assert calls(submit(lane, an_add("b"), now_s=61.0))


NAMES = [*"abcdefr", *(f"a{number}" for number in range(30))]


class Watched(DeleteTask):
    """A release that counts how often somebody looks whether it is ready."""

    looks = 0

    @property
    def ready_at_s(self) -> float:  # type: ignore[override]
        """As in any task."""
        Watched.looks += 1
        return self._at_s

    @ready_at_s.setter
    def ready_at_s(self, at_s: float) -> None:
        self._at_s = at_s


def test_nobody_looks_at_ten_thousand_sleeping_releases_while_adds_are_served() -> None:
    lane = a_lane()
    asleep = [Watched(WRITER, "admin", an_id(f"r{number}"), REFERENCES, 1e6) for number in range(10_000)]
    lane.handle(Submitted(tuple(asleep), 1.0))
    Watched.looks = 0
    for number in range(1000):
        (call,) = calls(submit(lane, an_add(f"a{number}"), now_s=2.0))
        lane.handle(answered(call, 2.0))
    assert Watched.looks == 0


def test_a_deletion_lost_on_the_way_is_looked_for_then_repeated() -> None:
    lane = a_lane()
    (call,) = calls(submit(lane, a_removal("r")))
    lane.handle(Lost(call.id, GridUnavailable(grid="g"), 2.0))
    (look_up,) = calls(lane.proceed(2.0))
    lane.handle(Answered(look_up.id, [Found((a_written(an_id("r")).object,))], 2.1))
    (again,) = calls(lane.proceed(2.1))
    assert [type(each).__name__ for each in (*look_up.operations, *again.operations)] == ["Search", "DeleteFound"]


def test_no_call_has_two_works_about_one_id() -> None:
    lane = a_lane()
    (first,) = calls(submit(lane, a_look_up("a"), a_look_up("a"), a_look_up("b"), a_removal("a")))
    assert owners(first, "ab") == ["a", "b"]
    lane.handle(Answered(first.id, [Found(())] * 2, 1.1))
    (second,) = calls(lane.proceed(1.1))
    assert sorted(owners(second, "ab")) == ["a", "b"]
