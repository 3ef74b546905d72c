"""What becomes of attachments whose namespace is gone: literal events in, literal commands out."""

from __future__ import annotations

from dataclasses import replace

from agent_builders import MAC, NOW_S, Machine, a_del, a_record, an_add, an_allocated
from namespace_builders import C2, DIRECTORY, HELD, NEIGHBOUR, OTHER, releases, seen
from request_builders import C1, NAMESPACE, NETNS, an_add_request

from nodeagent.commands import LookAtNamespaces, Note, Persist, Reply, StartRelease
from nodeagent.domain.attachment import AttachmentId, Namespace, Pod
from nodeagent.domain.outcomes import Granted
from nodeagent.domain.presence import Sight
from nodeagent.events import Added, MacRead, NamespacesSeen, Persisted, Ticked
from nodeagent.journal_records import Record, State
from protocol.messages import ReleaseReason

RELEASING = a_record(
    State.RELEASING,
    namespace=NAMESPACE,
    seq=4,
    since_ms=1_030_000,
    request_id="r-namespace_gone-1",
    reason=ReleaseReason.NAMESPACE_GONE,
)


def looking(*records: Record) -> Machine:
    """A machine that has asked for its first look."""
    machine = Machine(*records)
    assert [type(command) for command in machine.handle(Ticked(NOW_S))] == [LookAtNamespaces]
    return machine


def test_all_namespaces_are_looked_at_at_start_and_every_half_minute() -> None:
    machine = Machine(HELD, NEIGHBOUR)

    assert machine.handle(Ticked(NOW_S)) == [LookAtNamespaces(1, (NAMESPACE, OTHER))]
    assert machine.handle(Ticked(NOW_S + 60)) == []
    machine.handle(seen(1, present=(NAMESPACE, OTHER)))
    assert machine.handle(Ticked(NOW_S + 60)) == [LookAtNamespaces(2, (NAMESPACE, OTHER))]
    machine.handle(seen(2, present=(NAMESPACE, OTHER)))
    assert machine.handle(Ticked(NOW_S + 89)) == []


def test_a_namespace_that_is_gone_twice_in_a_row_releases_its_attachment() -> None:
    machine = looking(HELD, NEIGHBOUR)

    assert machine.handle(seen(1, NAMESPACE, present=(OTHER,))) == []
    machine.handle(Ticked(NOW_S + 30))
    note, persist = machine.handle(seen(2, NAMESPACE, present=(OTHER,), now_s=NOW_S + 30))

    assert isinstance(note, Note)
    assert note.event == "releasing_without_del"
    assert (note.fields["reason"], note.fields["namespace"]) == ("namespace_gone", "/run/netns/t")
    assert persist == Persist(1, RELEASING)
    assert machine.handle(Persisted(NOW_S, 1)) == [StartRelease(RELEASING)]


def test_one_look_at_which_it_is_there_or_not_to_be_judged_begins_anew() -> None:
    for sight in (Sight(NAMESPACE, DIRECTORY, NETNS), Sight(NAMESPACE)):
        machine = looking(HELD, NEIGHBOUR)
        machine.handle(seen(1, NAMESPACE, present=(OTHER,)))
        machine.handle(Ticked(NOW_S + 30))
        machine.handle(NamespacesSeen(NOW_S, 2, (sight,)))
        machine.handle(Ticked(NOW_S + 60))

        assert machine.handle(seen(3, NAMESPACE, present=(OTHER,))) == []


def test_a_directory_in_which_nothing_was_ever_seen_releases_nothing() -> None:
    machine = looking(HELD, NEIGHBOUR)

    for look in range(1, 10):
        assert machine.handle(seen(look, NAMESPACE, OTHER)) == []
        machine.handle(Ticked(NOW_S + 30 * look))


def test_an_attachment_that_nobody_claims_goes_at_the_first_look() -> None:
    asked = a_record(State.ASKED, namespace=NAMESPACE)
    machine = looking(asked, NEIGHBOUR)

    assert releases(machine.handle(seen(1, NAMESPACE, present=(OTHER,)))) == [(C1, ReleaseReason.NAMESPACE_GONE)]


def test_an_attachment_whose_namespace_the_journal_does_not_know_stays() -> None:
    machine = Machine(a_record(State.HELD))

    assert machine.handle(Ticked(NOW_S)) == []


def test_an_add_under_way_is_left_alone() -> None:
    machine = looking(a_record(State.ASKED, namespace=NAMESPACE), NEIGHBOUR)
    machine.handle(an_add(namespace=NAMESPACE))

    assert releases(machine.handle(seen(1, NAMESPACE, present=(OTHER,)))) == []


def test_a_repeated_add_in_another_namespace_is_answered_when_the_journal_knows_that_one() -> None:
    machine = looking(HELD, NEIGHBOUR)
    machine.handle(seen(1, NAMESPACE, present=(OTHER,)))

    assert machine.handle(an_add(namespace=OTHER)) == [Persist(1, replace(HELD, namespace=OTHER))]
    assert machine.handle(Persisted(NOW_S, 1)) == [Reply(1, Granted(HELD.addresses))]
    machine.handle(Ticked(NOW_S + 30))
    assert releases(machine.handle(seen(2, NAMESPACE, present=(OTHER,)))) == []


def test_an_add_that_joins_from_another_namespace_moves_the_attachment_there() -> None:
    machine = Machine()
    machine.handle(an_add(namespace=NAMESPACE))
    machine.handle(an_add(2, namespace=OTHER))
    machine.handle(MacRead(NOW_S, 1, MAC))
    machine.handle(Persisted(NOW_S, 1))
    (held,) = machine.handle(an_allocated())
    assert isinstance(held, Persist)
    assert held.record.namespace == OTHER

    again, _ = machine.handle(an_add(3, namespace=NAMESPACE))
    assert isinstance(again, Persist)
    assert again.record.namespace == NAMESPACE
    assert machine.handle(Persisted(NOW_S, 2)) == []
    assert len(machine.handle(Persisted(NOW_S, 3))) == 3


def test_a_del_that_comes_after_it_succeeds_at_once() -> None:
    machine = Machine(replace(RELEASING, request_id="r-9"))

    assert machine.handle(a_del(5))[0].__class__ is Reply


def an_add_of(attachment: AttachmentId, namespace: Namespace, uid: str | None = "u-1") -> Added:
    request = an_add_request(attachment, pod=Pod(uid=uid), namespace=namespace)
    return Added(NOW_S, 1, "r-1", request)


def test_a_recreated_sandbox_releases_the_one_before_at_once() -> None:
    machine = Machine(replace(HELD, pod=Pod(uid="u-1")))

    *_, look = machine.handle(an_add_of(C2, OTHER))
    assert look == LookAtNamespaces(1, (OTHER, NAMESPACE))
    commands = machine.handle(seen(1, NAMESPACE, present=(OTHER,)))

    assert releases(commands) == [(C1, ReleaseReason.NAMESPACE_GONE)]


def test_a_sandbox_that_still_exists_keeps_its_address_beside_another_of_its_pod() -> None:
    machine = Machine(replace(HELD, pod=Pod(uid="u-1")))
    machine.handle(an_add_of(C2, OTHER))

    assert machine.handle(seen(1, present=(OTHER, NAMESPACE))) == []


def test_the_first_namespace_that_an_add_brings_shows_that_the_directory_is_the_right_one() -> None:
    machine = looking(HELD)
    machine.handle(seen(1, NAMESPACE))

    *_, look = machine.handle(an_add_of(C2, OTHER, uid=None))
    assert look == LookAtNamespaces(2, (OTHER,))
    machine.handle(seen(2, present=(OTHER,)))
    for number, released in ((3, []), (4, [(C1, ReleaseReason.NAMESPACE_GONE)])):
        machine.handle(Ticked(NOW_S + 30 * number))
        assert releases(machine.handle(seen(number, NAMESPACE))) == released


def test_other_pods_other_interfaces_and_pods_without_a_name_are_not_looked_at() -> None:
    for record, add in (
        (replace(HELD, pod=Pod(uid="u-2")), an_add_of(C2, OTHER)),
        (HELD, an_add_of(C2, OTHER, uid=None)),
        (replace(HELD, pod=Pod(uid="u-1")), an_add_of(AttachmentId("c2", "net1"), OTHER)),
        (replace(HELD, pod=Pod(uid="u-1"), namespace=None), an_add_of(C2, OTHER)),
    ):
        machine = looking(record, NEIGHBOUR)
        machine.handle(seen(1, present=(OTHER,)))
        assert not [each for each in machine.handle(add) if isinstance(each, LookAtNamespaces)]
