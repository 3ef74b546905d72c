"""What becomes of allocations whose namespace is gone, and GC: literal events in, literal effects out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from core_builders import (
    C1,
    C2,
    LABEL,
    NAMESPACE,
    NOW_S,
    OTHER_NAMESPACE,
    Core,
    an_add,
    an_allocation,
    an_id,
)

from nodeagent.attachments.presence import Presence, Verdict
from nodeagent.domain.allocation import Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from nodeagent.domain.effects import Effect, LookAtNamespaces, Note, OnceCommitted, Reply
from nodeagent.domain.events import DelAsked, GcAsked, HungUp, NamespacesSeen, Ticked
from nodeagent.domain.outcomes import Done
from nodeagent.domain.presence import NO_NAMESPACE, Directory, Sight

DIRECTORY = Directory(7, 1)
OTHER_LABEL = Label(C2, Pod("web-2", "shop", "u-2"), None, OTHER_NAMESPACE)
HELD = an_allocation(1)
NEIGHBOUR = an_allocation(2, label=OTHER_LABEL)
ADOPTED = an_allocation(3, State.ADOPTED, id=an_id(3, "0b0b0b0b"))
LOST = an_allocation(1, State.LOST)
DONE = Reply(7, Done())


def seen(look: int, *gone: Namespace, present: Sequence[Namespace] = ()) -> NamespacesSeen:
    there = [Sight(each, DIRECTORY, each.inode) for each in present]
    return NamespacesSeen(look, (*there, *(Sight(each, DIRECTORY) for each in gone)))


def why(effects: list[Effect]) -> list[tuple[object, object]]:
    """What is let go, and for which reason."""
    return [(each.fields["allocation"], each.fields["why"]) for each in effects if isinstance(each, Note)]


def looking(*rows: object) -> Core:
    core = Core(*rows)  # type: ignore[arg-type]
    assert [type(each) for each in core.handle(Ticked())] == [LookAtNamespaces]
    return core


def test_all_namespaces_are_looked_at_at_start_and_every_half_minute() -> None:
    core = Core(HELD, NEIGHBOUR)

    assert core.handle(Ticked()) == [LookAtNamespaces(1, (OTHER_NAMESPACE, NAMESPACE))]
    assert core.handle(Ticked(), NOW_S + 60) == []
    core.handle(seen(1, present=(NAMESPACE, OTHER_NAMESPACE)))
    assert core.handle(Ticked(), NOW_S + 60) == [LookAtNamespaces(2, (OTHER_NAMESPACE, NAMESPACE))]
    core.handle(seen(2, present=(NAMESPACE, OTHER_NAMESPACE)))
    assert core.handle(Ticked(), NOW_S + 89) == []


@pytest.mark.parametrize("row", [HELD, ADOPTED, LOST], ids=lambda row: row.state)
def test_what_is_in_use_is_let_go_when_its_namespace_is_gone_twice_in_a_row(row: object) -> None:
    core = looking(row, NEIGHBOUR)

    assert core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,))) == []
    core.handle(Ticked(), NOW_S + 30)
    effects = core.handle(seen(2, NAMESPACE, present=(OTHER_NAMESPACE,)), NOW_S + 30)

    assert why(effects) == [(row.id, "namespace_gone")]  # type: ignore[attr-defined]
    assert [each.id for each in core.rows.in_state(State.LET_GO)] == [row.id]  # type: ignore[attr-defined]


def test_one_look_at_which_it_is_there_or_not_to_be_judged_begins_anew() -> None:
    for sight in (Sight(NAMESPACE, DIRECTORY, NAMESPACE.inode), Sight(NAMESPACE)):
        core = looking(HELD, NEIGHBOUR)
        core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))
        core.handle(Ticked(), NOW_S + 30)
        core.handle(NamespacesSeen(2, (sight,)))
        core.handle(Ticked(), NOW_S + 60)

        assert core.handle(seen(3, NAMESPACE, present=(OTHER_NAMESPACE,))) == []


def test_a_directory_in_which_nothing_was_ever_seen_lets_nothing_go() -> None:
    core = looking(HELD, NEIGHBOUR)

    for look in range(1, 10):
        assert core.handle(seen(look, NAMESPACE, OTHER_NAMESPACE)) == []
        core.handle(Ticked(), NOW_S + 30 * look)


def test_what_has_no_namespace_that_could_be_judged_stays() -> None:
    unjudged = replace(ADOPTED, label=replace(LABEL, namespace=None))

    assert Core(unjudged, replace(unjudged, id=an_id(4, "0b0b0b0b"), label=None)).handle(Ticked()) == []


def test_a_turn_that_cannot_be_recorded_lets_it_go_at_the_next_look() -> None:
    core = looking(HELD, NEIGHBOUR)
    core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))
    core.handle(Ticked(), NOW_S + 30)
    core.handle(seen(2, NAMESPACE, present=(OTHER_NAMESPACE,)))
    core.drop()
    core.handle(Ticked(), NOW_S + 60)

    assert why(core.handle(seen(3, NAMESPACE, present=(OTHER_NAMESPACE,)))) == [(HELD.id, "namespace_gone")]


def an_add_of_pod(uid: str | None, attachment: AttachmentId = C2) -> object:
    return an_add(5, attachment, namespace=OTHER_NAMESPACE, pod=Pod(uid=uid))


def test_a_recreated_sandbox_lets_the_address_of_the_one_before_go_at_once() -> None:
    core = Core(HELD)

    *_, look = core.handle(an_add_of_pod("u-1"))  # type: ignore[arg-type]
    assert look == LookAtNamespaces(1, (OTHER_NAMESPACE, NAMESPACE))

    assert why(core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))) == [(HELD.id, "sandbox_recreated")]


def test_a_sandbox_that_still_exists_keeps_its_address_beside_another_of_its_pod() -> None:
    core = Core(HELD)
    core.handle(an_add_of_pod("u-1"))  # type: ignore[arg-type]

    assert core.handle(seen(1, present=(OTHER_NAMESPACE, NAMESPACE))) == []


def test_the_first_namespace_that_an_add_brings_shows_that_the_directory_is_the_right_one() -> None:
    core = looking(HELD)
    core.handle(seen(1, NAMESPACE))

    *_, look = core.handle(an_add_of_pod(None))  # type: ignore[arg-type]
    assert look == LookAtNamespaces(2, (OTHER_NAMESPACE,))
    core.handle(seen(2, present=(OTHER_NAMESPACE,)))
    for number, gone in ((3, []), (4, [(HELD.id, "namespace_gone")])):
        core.handle(Ticked(), NOW_S + 30 * number)
        assert why(core.handle(seen(number, NAMESPACE))) == gone


def test_other_pods_other_interfaces_and_pods_without_a_name_are_not_looked_at() -> None:
    nameless = replace(HELD, label=replace(LABEL, pod=Pod()))
    for row, add in (
        (HELD, an_add_of_pod("u-2")),
        (HELD, an_add_of_pod(None)),
        (nameless, an_add_of_pod(None)),
        (HELD, an_add_of_pod("u-1", AttachmentId("c2", "net1"))),
        (replace(HELD, label=replace(LABEL, namespace=None)), an_add_of_pod("u-1")),
    ):
        core = looking(row, NEIGHBOUR)
        core.handle(seen(1, present=(OTHER_NAMESPACE,)))
        assert LookAtNamespaces not in map(type, core.handle(add))  # type: ignore[arg-type]


def a_gc(*valid: AttachmentId, name: str = "pods", caller: int = 7) -> GcAsked:
    return GcAsked(caller, name, frozenset(valid))


@pytest.mark.parametrize("row", [HELD, ADOPTED], ids=lambda row: row.state)
def test_a_gc_lets_go_what_is_not_listed_and_has_no_namespace(row: object) -> None:
    core = Core(row, NEIGHBOUR)  # type: ignore[arg-type]

    (look,) = core.handle(a_gc())
    assert isinstance(look, LookAtNamespaces)
    assert not core.machine.is_quiet()
    effects = core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))

    assert why(effects) == [(row.id, "gc")]  # type: ignore[attr-defined]
    assert effects[-1] == OnceCommitted(7, Done())
    assert core.machine.is_quiet()


def test_a_gc_without_a_list_lets_nothing_go() -> None:
    assert Core(HELD).handle(GcAsked(7, "pods")) == [DONE]


def test_what_a_gc_lists_or_is_of_another_network_is_not_even_looked_at() -> None:
    assert Core(HELD).handle(a_gc(C1)) == [DONE]
    assert Core(HELD).handle(a_gc(name="storage")) == [DONE]
    assert Core(replace(HELD, network=Network("storage"))).handle(a_gc()) == [DONE]
    assert Core(an_allocation(1, State.READY), an_allocation(2, State.LET_GO)).handle(a_gc()) == [DONE]


def test_what_has_its_namespace_or_cannot_be_seen_survives_an_empty_list() -> None:
    for sights in (seen(1, present=(NAMESPACE, OTHER_NAMESPACE)), seen(1, NAMESPACE, OTHER_NAMESPACE)):
        core = Core(HELD, NEIGHBOUR)
        core.handle(a_gc())
        assert core.handle(sights) == [OnceCommitted(7, Done())]


def test_what_comes_during_the_look_of_a_gc_stays() -> None:
    core = Core(HELD, NEIGHBOUR, an_allocation(5, State.READY), reserve=1)
    core.handle(a_gc())
    core.handle(DelAsked(8, C1))
    core.handle(an_add(9))
    core.commit()

    effects = core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))

    assert why(effects) == []
    assert core.rows.of(C1)[0].id == an_id(5)


def test_a_gc_whose_plugin_is_gone_lets_go_all_the_same() -> None:
    core = Core(HELD, NEIGHBOUR)
    core.handle(a_gc())
    core.handle(HungUp(7))
    assert core.machine.is_quiet()

    effects = core.handle(seen(1, NAMESPACE, present=(OTHER_NAMESPACE,)))
    assert why(effects) == [(HELD.id, "gc")]
    assert OnceCommitted not in map(type, effects)


def test_something_else_in_the_place_of_a_namespace_shows_its_end_only_where_it_was_seen() -> None:
    presence = Presence()
    ordinary_file = Sight(NAMESPACE, DIRECTORY, NO_NAMESPACE)

    assert presence.judge([ordinary_file])[NAMESPACE] is Verdict.UNKNOWN
    assert presence.judge([Sight(NAMESPACE, DIRECTORY, NAMESPACE.inode)])[NAMESPACE] is Verdict.PRESENT
    assert presence.judge([ordinary_file])[NAMESPACE] is Verdict.GONE
    assert presence.judge([Sight(NAMESPACE, Directory(7, 2))])[NAMESPACE] is Verdict.UNKNOWN
    assert presence.judge([Sight(NAMESPACE)])[NAMESPACE] is Verdict.UNKNOWN
    assert presence.count() == {"present": 0, "gone": 0, "unknown": 1}
    presence.keep([])
    assert presence.judge([ordinary_file])[NAMESPACE] is Verdict.UNKNOWN
