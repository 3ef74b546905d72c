"""What an agent that is about to be removed does with the addresses that it keeps ready."""

from __future__ import annotations

from agent_world import World

from protocol.leaving import marker
from protocol.wire.messages import Allocate, LetGo


def test_a_node_that_is_left_keeps_nothing_ready_until_it_is_used_again(world: World) -> None:
    world.coordinator.book.reserve = 1
    agent = world.start()
    assert world.add("c1").address == "10.55.0.2/24"
    world.coordinator.expect(Allocate)
    refill = world.coordinator.expect(Allocate)
    assert refill.for_reserve

    marker(world.socket_dir, "infoblox").touch()
    agent.expect_log("reserve_closed")
    assert [row.allocation for row in world.coordinator.expect(LetGo).allocations] == [refill.wants[0].allocation]
    assert world.coordinator.book.containers() == {"c1"}

    marker(world.socket_dir, "infoblox").unlink()
    agent.expect_log("reserve_opened")
    assert world.coordinator.expect(Allocate).for_reserve
