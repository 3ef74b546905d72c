"""Records are found by the nodes that say they are theirs."""

from __future__ import annotations

from coordinator.allocations import FORGET_S, Allocations
from coordinator.ownership import Identity

ONE, OTHER = Identity("one", "eth0", "node-1"), Identity("other", "eth0", "node-2")


def test_a_node_has_its_own_records_and_those_that_its_journal_names_too() -> None:
    allocations = Allocations()
    one, other = allocations.open(ONE), allocations.open(OTHER)
    assert (allocations.of_node("node-1"), allocations.of_node("node-2")) == ([one], [other])
    allocations.name_elsewhere(one, "node-2")
    assert (allocations.of_node("node-1"), allocations.of_node("node-2")) == ([one], [other, one])
    allocations.name_elsewhere(one, "node-3")
    assert (allocations.of_node("node-2"), allocations.of_node("node-3")) == ([other], [one])
    allocations.name_elsewhere(one, "")
    assert allocations.of_node("node-3") == []


def test_what_is_forgotten_is_no_node_s_any_more() -> None:
    allocations = Allocations()
    allocations.name_elsewhere(allocations.open(ONE), "node-2")
    allocations.forget_idle(0.0)
    allocations.forget_idle(FORGET_S)
    assert (allocations.of_node("node-1"), allocations.of_node("node-2")) == ([], [])


def test_a_record_that_gives_way_to_another_node_s_is_no_longer_the_first_node_s() -> None:
    allocations = Allocations()
    allocations.open(ONE)
    taken = allocations.open(Identity("one", "eth0", "node-2"))
    assert (allocations.of_node("node-1"), allocations.of_node("node-2")) == ([], [taken])
