"""A real agent process of the new core: its answers to the plugin, with a coordinator that the test scripts."""

from __future__ import annotations

from node_world import World

from protocol.wire.messages import Allocate, Claims, Hello, LetGo, SetLabels


def test_an_address_is_asked_for_told_again_and_let_go(node: World) -> None:
    node.start()
    hello = node.coordinator.expect(Hello)
    claims = node.coordinator.expect(Claims)
    assert (hello.node, claims.welcome, claims.claims, claims.let_go) == ("node-1", 1, [], [])

    first = node.add("c1")
    asked = node.coordinator.expect(Allocate)
    assert first.address == "10.55.0.2/24"
    assert (asked.label.container_id, asked.label.ifname) == ("c1", "eth0")
    assert asked.allocation.split("-")[-2] == hello.journal
    assert node.add("c1").json == first.json

    assert node.delete("c1").exit_code == 0
    assert [row.allocation for row in node.coordinator.expect(LetGo).allocations] == [asked.allocation]
    assert node.delete("c1").exit_code == 0


def test_what_is_ready_is_given_at_once_and_labelled_afterwards(node: World) -> None:
    node.coordinator.book.reserve = 1
    node.start()
    assert node.add("c1").address == "10.55.0.2/24"
    node.coordinator.expect(Allocate)
    refill = node.coordinator.expect(Allocate)
    assert refill.for_reserve

    node.coordinator.policy = lambda _: []
    assert node.add("c2").address == "10.55.0.3/24"
    labels = node.coordinator.expect(SetLabels).labels
    assert [(row.allocation, row.label.container_id) for row in labels] == [(refill.allocation, "c2")]
