"""What the lane says to each event, command by command."""

from __future__ import annotations

import pytest
from desk_world import DOWN, FORBIDDEN, GONE, LOGIN, DeskWorld, Setup, a_mac, address_of, has_released, refusal_of

from coordinator.attachment_work import AllocateWork, Held
from coordinator.core.errors import GridUnavailable
from coordinator.core.networks import Network
from coordinator.grid.calls import Answered, Call, Form, Lost, NotSent, Refused
from coordinator.grid.operations import Create, Found, Operation, Written
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.batch import Limits, plan
from coordinator.lane.commands import Finished, WakeAt
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.task import Failed, Work
from coordinator.lane.turns import Turns
from coordinator.objects import Label
from coordinator.ownership import Identity, Owner
from coordinator.preparation_work import Defined, DefinitionsWork
from coordinator.release_work import RELEASE_RETRY_S, ReleaseWork

NETWORK = Network("default", "10.55.0.0/24", None, "pods")
OWNER = Owner("blue")


def an_add(name: str) -> AllocateWork:
    """A create of an attachment."""
    return AllocateWork(OWNER, Identity(name, "eth0", "n1"), "admin", NETWORK, Label(), a_mac(len(name)))


def a_removal(name: str, due_s: float = 0.0) -> ReleaseWork:
    """A deletion of an attachment's object, due at a time."""
    place = ("default", "10.55.0.9")
    return ReleaseWork(OWNER, Identity(name, "eth0", "n1"), "admin", due_s).known(place, None)


def a_lane() -> Lane:
    """A lane that has found out that it may use `request`."""
    lane = Lane(256)
    start = DefinitionsWork()
    lane.handle(Submitted((start,), 0.0))
    (call,) = calls(lane.proceed(0.0))
    done = lane.handle(Answered(call.id, [Found(({"_ref": "x"},))] * len(call.operations), 0.1))
    assert Finished(start, Defined((), ())) in done
    return lane


def calls(commands: list[object]) -> list[Call]:
    """The calls among the commands."""
    return [command for command in commands if isinstance(command, Call)]


def submit(lane: Lane, *works: Work, now_s: float = 1.0) -> list[object]:
    """Works arrive together."""
    lane.handle(Submitted(works, now_s))
    return list(lane.proceed(now_s))


def owners(call: Call) -> list[str]:
    """Whose operations the call carries."""
    return [owner(operation) for operation in call.operations]


def owner(operation: Operation) -> str:
    """Whose operation it is."""
    if isinstance(operation, Create):
        return str(operation.data["extattrs"]["VM ID"]["value"])
    return operation.criteria["*VM ID"]


def a_written(name: str, address: str) -> Written:
    """The grid's reply to a create."""
    eas = {name: {"value": value} for name, value in OWNER.identity_eas(Identity(name, "eth0", "n1")).items()}
    found = {"_ref": "fixedaddress/x", "ipv4addr": address, "network": "10.55.0.0/24", "network_view": "default"}
    return Written({**found, "extattrs": eas})


def test_work_that_arrives_during_a_call_shares_the_next_one() -> None:
    lane = a_lane()
    (first,) = calls(submit(lane, an_add("a")))
    assert submit(lane, an_add("b")) == []
    assert submit(lane, an_add("c")) == []
    lane.handle(Answered(first.id, [a_written("a", "10.55.0.2")], 1.5))
    (second,) = calls(lane.proceed(1.5))
    assert owners(second) == ["b", "c"]


def test_a_single_create_needs_no_request_while_two_share_one() -> None:
    lane = a_lane()
    (alone,) = calls(submit(lane, an_add("a")))
    lane.handle(Answered(alone.id, [a_written("a", "10.55.0.2")], 1.5))
    (together,) = calls(submit(lane, an_add("b"), an_add("c"), now_s=2.0))
    assert (alone.form, together.form) == (Form.SEPARATE, Form.REQUEST)


def test_an_answered_create_ends_its_work() -> None:
    lane = a_lane()
    work = an_add("a")
    (call,) = calls(submit(lane, work))
    done = [
        each
        for each in lane.handle(Answered(call.id, [a_written("a", "10.55.0.2")], 1.5))
        if isinstance(each, Finished)
    ]
    assert [each.work for each in done] == [work]
    assert isinstance(done[0].outcome, Held)


def test_adds_go_before_releases_until_those_are_overdue() -> None:
    add, release = an_add("a"), a_removal("r")
    limits = Limits(256, {})
    assert plan([release, add], limits, Turns(), 1.0) == [add, release]
    assert plan([release, add], limits, Turns(), 31.0) == [release, add]


def test_overdue_releases_leave_half_of_a_call_to_adds() -> None:
    releases = [a_removal(f"r{number}") for number in range(50)]
    batch = plan([*releases, *(an_add(f"a{number}") for number in range(50))], Limits(16, {}), Turns(), 100.0)
    assert [type(work).__name__ for work in batch] == ["ReleaseWork"] * 4 + ["AllocateWork"] * 8


def test_a_refused_batch_is_looked_up_then_sent_in_halves_until_the_culprit_stands_alone() -> None:
    lane = a_lane()
    pending = calls(submit(lane, *(an_add(name) for name in ("a", "b", "c", "d"))))
    story, now_s = [], 2.0
    while pending:
        (call,), now_s = pending, now_s + 1
        verb = "create" if isinstance(call.operations[0], Create) else "find"
        story.append(f"{verb} {' '.join(owners(call))}")
        if verb == "create" and "b" in owners(call):
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        elif verb == "create":
            lane.handle(Answered(call.id, [a_written(each, "10.55.0.2") for each in owners(call)], now_s))
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
    creates, look_ups = [an_add(name) for name in "abc"], [an_add(name).look_up_first(None) for name in "def"]
    pending, now_s, alone = calls(submit(lane, *creates, *look_ups)), 1.0, set()
    while pending and now_s < 50.0:
        (call,), now_s = pending, now_s + 1
        if any(isinstance(operation, Create) for operation in call.operations):
            alone |= set(owners(call)) if len(call.operations) == 1 else set()
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            lane.handle(Answered(call.id, [Found(())] * len(call.operations), now_s))
        pending = calls(lane.proceed(now_s))
    assert alone == set("abcdef")
    assert lane.waiting == 0


def test_refused_look_ups_are_halved_until_the_culprit_stands_alone() -> None:
    lane = a_lane()
    look_ups = [an_add(name).look_up_first(None) for name in "abc"]
    release = ReleaseWork(OWNER, Identity("r", "eth0", "n1"), "admin", 0.0).search_first(None)
    pending, now_s, failed, count = calls(submit(lane, *look_ups, release)), 1.0, [], 0
    while pending and count < 50:
        (call,), now_s, count = pending, now_s + 0.1, count + 1
        if {"b", "r"} & set(owners(call)):
            done = lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            done = lane.handle(Answered(call.id, [_found_or_written(each) for each in call.operations], now_s))
        failed += [each.work for each in done if isinstance(each, Finished) and isinstance(each.outcome, Failed)]
        pending = calls(lane.proceed(now_s))
    assert failed == [look_ups[1]]
    assert count < 12
    assert lane.proceed(now_s) == [WakeAt(release.ready_at_s)]
    assert release.ready_at_s > now_s + RELEASE_RETRY_S - 2


def test_a_look_up_that_is_always_refused_is_found_out_while_others_keep_coming() -> None:
    lane = a_lane()
    release = ReleaseWork(OWNER, Identity("r", "eth0", "n1"), "admin", 0.0).search_first(None)
    pending, now_s = calls(submit(lane, release, an_add("a0"))), 31.5
    for number in range(1, 30):
        (call,), now_s = pending, now_s + 0.1
        if "r" in owners(call):
            lane.handle(Refused(call.id, Refusal(Kind.OTHER, "no"), now_s))
        else:
            lane.handle(Answered(call.id, [_found_or_written(each) for each in call.operations], now_s))
        pending = calls(submit(lane, an_add(f"a{number}"), now_s=now_s))
        if release.ready_at_s:
            break
    assert release.ready_at_s


def _found_or_written(operation: Operation) -> Found | Written:
    return a_written(owner(operation), "10.55.0.2") if isinstance(operation, Create) else Found(())


@pytest.mark.parametrize("kind", [Kind.UNKNOWN_EA, Kind.EA_NOT_WRITABLE, Kind.LICENCE])
def test_a_refusal_that_concerns_everybody_is_not_halved(kind: Kind) -> None:
    lane = a_lane()
    works = [an_add(name) for name in ("a", "b", "c")]
    (call,) = calls(submit(lane, *works))
    done = lane.handle(Refused(call.id, Refusal(kind, "no", name="VM ID"), 2.0))
    assert [each.work for each in done if isinstance(each, Finished)] == works
    assert calls(lane.proceed(2.0)) == []


def test_a_lost_call_is_looked_up_at_once_an_unsent_one_after_a_pause() -> None:
    problem = GridUnavailable(grid="g")
    lane = a_lane()
    (call,) = calls(submit(lane, an_add("a")))
    lane.handle(Lost(call.id, problem, 2.0))
    (look_up,) = calls(lane.proceed(2.0))
    assert owners(look_up) == ["a"]
    lane = a_lane()
    (call,) = calls(submit(lane, an_add("a")))
    lane.handle(NotSent(call.id, problem, 2.0))
    assert lane.proceed(2.0) == [WakeAt(2.5)]
    assert len(calls(lane.proceed(2.5))) == 1


def test_a_call_that_is_too_big_is_halved_for_good() -> None:
    lane = a_lane()
    works = [an_add(f"a{number}") for number in range(8)]
    (call,) = calls(submit(lane, *works))
    lane.handle(Refused(call.id, Refusal(Kind.TOO_BIG, "413", 413), 1.1))
    (half,) = calls(lane.proceed(1.1))
    assert len(half.operations) == 4
    lane.handle(Answered(half.id, [a_written(f"a{number}", f"10.55.0.{number + 2}") for number in range(4)], 1.2))
    (rest,) = calls(lane.proceed(1.2))
    assert len(rest.operations) == 4


def test_during_an_outage_adds_fail_fast_while_releases_wait_for_its_end() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.add("c1", is_gateway=True)
    world.next_calls(DOWN, 1000)
    (release,) = world.ask(world.a_release("c1"))
    world.advance(20.0)
    assert refusal_of(world.add("c2", is_gateway=True)) == ("try_again", 11)
    world.rules.clear()
    world.advance(40.0)
    assert has_released(world.answers[release])
    assert address_of(world.add("c3", is_gateway=True))


@pytest.mark.parametrize("fate", [LOGIN, FORBIDDEN])
def test_a_refused_login_is_tried_once_then_after_a_minute(fate: str) -> None:
    world = DeskWorld().start()
    world.add("c1", is_gateway=True)
    made = len(world.calls)
    world.next_calls(fate, 1000)
    assert refusal_of(world.add("c2", is_gateway=True))[0] == "refused"
    for _ in range(5):
        world.add("c3", is_gateway=True)
    world.advance(59.0)
    assert len(world.calls) - made == 1


class Watched(ReleaseWork):
    """A release that counts how often somebody looks whether it is ready."""

    looks = 0

    @property
    def ready_at_s(self) -> float:  # type: ignore[override]
        """As in any work."""
        Watched.looks += 1
        return self._at_s

    @ready_at_s.setter
    def ready_at_s(self, at_s: float) -> None:
        self._at_s = at_s


def test_nobody_looks_at_ten_thousand_sleeping_releases_while_adds_are_served() -> None:
    lane = a_lane()
    asleep = [
        Watched(OWNER, Identity(f"r{number}", "eth0", "n1"), "admin", 1e6).known(("default", "10.55.0.9"), None)
        for number in range(10_000)
    ]
    lane.handle(Submitted(tuple(asleep), 1.0))
    Watched.looks = 0
    for number in range(1000):
        (call,) = calls(submit(lane, an_add(f"a{number}"), now_s=2.0))
        lane.handle(Answered(call.id, [a_written(f"a{number}", "10.55.0.2")], 2.0))
    assert Watched.looks == 0


def test_a_release_lost_on_the_way_is_looked_for_then_repeated() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.add("c1", is_gateway=True)
    made = len(world.calls)
    world.next_calls(GONE, 1, "'DELETE'")
    assert has_released(world.delete("c1"))
    assert world.described(made) == [["delete c1"], ["find c1"], ["delete c1"]]


def test_a_look_up_that_finds_two_objects_leaves_the_attachment_unsure() -> None:
    work = an_add("a").look_up_first(None)
    hits = [a_written("a", "10.55.0.2").object, a_written("a", "10.55.0.3").object]
    assert isinstance(work.answered([Found(tuple(hits))], 1.0), Held)
    assert work.is_unsure
