"""The course of a GC: literal events in, literal commands out."""

from __future__ import annotations

from dataclasses import replace

from agent_builders import NOW_S, Machine, a_record, an_add
from namespace_builders import C2, HELD, NEIGHBOUR, OTHER, releases, seen
from request_builders import C1, NAMESPACE, an_add_request

from nodeagent import errors
from nodeagent.cni.request import GcRequest
from nodeagent.commands import LookAtNamespaces, Persist, Reply
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.outcomes import Done, Failure
from nodeagent.events import Added, GcAsked, HungUp, Persisted, PersistFailed
from nodeagent.journal_records import State
from protocol.messages import ReleaseReason

DONE = Reply(7, Done())


def a_gc(*valid: AttachmentId, name: str = "pods", caller: int = 7) -> GcAsked:
    return GcAsked(NOW_S, caller, GcRequest(name, frozenset(valid)))


def test_what_is_not_listed_and_has_no_namespace_is_released_before_the_answer() -> None:
    machine = Machine(HELD, NEIGHBOUR)

    assert machine.handle(a_gc()) == [LookAtNamespaces(1, (NAMESPACE, OTHER))]
    commands = machine.handle(seen(1, NAMESPACE, present=(OTHER,)))
    assert releases(commands) == [(C1, ReleaseReason.GC)]
    assert DONE not in commands
    assert machine.handle(Persisted(NOW_S, 1))[-1] == DONE


def test_the_answer_waits_for_all_of_them() -> None:
    third = replace(NEIGHBOUR, attachment=AttachmentId("c3", "eth0"), namespace=NAMESPACE)
    machine = Machine(HELD, NEIGHBOUR, third)
    machine.handle(a_gc())
    commands = machine.handle(seen(1, NAMESPACE, present=(OTHER,)))

    assert len(releases(commands)) == 2
    assert DONE not in machine.handle(Persisted(NOW_S, 1))
    assert not machine.machine.is_quiet()
    assert DONE in machine.handle(Persisted(NOW_S, 2))
    assert machine.machine.is_quiet()


def test_without_a_list_nothing_is_released() -> None:
    machine = Machine(HELD)

    assert machine.handle(GcAsked(NOW_S, 7, GcRequest("pods"))) == [DONE]


def test_what_is_listed_or_of_another_network_is_not_even_looked_at() -> None:
    assert Machine(HELD).handle(a_gc(C1)) == [DONE]
    assert Machine(HELD).handle(a_gc(name="storage")) == [DONE]
    assert Machine(replace(HELD, network=Network("storage"))).handle(a_gc()) == [DONE]


def test_what_has_its_namespace_stays_although_the_list_is_empty() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())

    assert machine.handle(seen(1, present=(NAMESPACE, OTHER))) == [DONE]


def test_where_namespaces_cannot_be_seen_nothing_is_released() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())

    assert machine.handle(seen(1, NAMESPACE, OTHER)) == [DONE]


def test_an_attachment_whose_namespace_is_not_known_stays() -> None:
    assert Machine(a_record(State.HELD)).handle(a_gc()) == [DONE]


def test_an_add_that_comes_during_the_look_keeps_its_address() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())
    machine.handle(an_add(namespace=OTHER))

    assert machine.handle(seen(1, NAMESPACE, present=(OTHER,))) == [DONE]


def test_an_attachment_that_moved_to_another_namespace_during_the_look_stays() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())
    machine.handle(an_add(namespace=OTHER))
    machine.handle(Persisted(NOW_S, 1))

    assert machine.handle(seen(1, NAMESPACE, present=(OTHER,))) == [DONE]


def test_an_add_that_is_being_carried_out_is_not_looked_at() -> None:
    machine = Machine()
    machine.handle(Added(NOW_S, 1, "r-1", an_add_request(C2, namespace=OTHER)))

    assert machine.handle(a_gc()) == [DONE]


def test_a_gc_whose_plugin_is_gone_releases_all_the_same() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())
    machine.handle(HungUp(NOW_S, 7))

    assert releases(machine.handle(seen(1, NAMESPACE, present=(OTHER,)))) == [(C1, ReleaseReason.GC)]
    assert DONE not in machine.handle(Persisted(NOW_S, 1))


def test_a_journal_that_cannot_be_written_fails_the_gc() -> None:
    failed = Reply(7, Failure.of(errors.JournalUnwritable(path="/j", cause="disk full")))
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())
    machine.handle(seen(1, NAMESPACE, present=(OTHER,)))

    assert failed in machine.handle(PersistFailed(NOW_S, "/j", "disk full"))
    assert machine.handle(a_gc(caller=8)) == [replace(failed, caller=8)]


def test_a_failing_journal_during_the_look_fails_the_gc_and_releases_nothing() -> None:
    machine = Machine(HELD, NEIGHBOUR)
    machine.handle(a_gc())
    machine.handle(PersistFailed(NOW_S, "/j", "disk full"))

    commands = machine.handle(seen(1, NAMESPACE, present=(OTHER,)))
    assert not [command for command in commands if isinstance(command, Persist | Reply)]
