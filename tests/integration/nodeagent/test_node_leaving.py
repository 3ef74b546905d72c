"""What an agent that is about to be removed does with the addresses that it keeps ready."""

from __future__ import annotations

from node_world import World

from protocol.leaving import marker
from protocol.wire.messages import Allocate, LetGo


def test_a_node_that_is_left_keeps_nothing_ready_until_it_is_used_again(node: World) -> None:
    node.coordinator.book.reserve = 1
    agent = node.start()
    assert node.add("c1").address == "10.55.0.2/24"
    node.coordinator.expect(Allocate)
    refill = node.coordinator.expect(Allocate)
    assert refill.for_reserve

    marker(node.socket_dir, "infoblox").touch()
    agent.expect_log("reserve_closed")
    assert [row.allocation for row in node.coordinator.expect(LetGo).allocations] == [refill.allocation]
    assert node.coordinator.book.containers() == {"c1"}

    marker(node.socket_dir, "infoblox").unlink()
    agent.expect_log("reserve_opened")
    assert node.coordinator.expect(Allocate).for_reserve
