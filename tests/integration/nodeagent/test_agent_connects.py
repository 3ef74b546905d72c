"""Which coordinator is trusted, and what a person is told when there is none."""

from __future__ import annotations

from pathlib import Path

from agent_world import FakeCoordinator, World

from protocol import keys


def test_a_key_that_is_not_authorized_shows_in_status_and_heals_when_it_is(world: World) -> None:
    world.authorized.clear()
    agent = world.launch()
    agent.expect_log("serving", "coordinator_not_reached")

    status = world.call("STATUS").answer()
    assert (status.exit_code, status.json["code"]) == (1, 50)
    assert "refused this node's key" in status.json["details"]

    world.authorized.add(world.agent_pair.public)
    agent.expect_log("coordinator_reached")
    assert world.call("STATUS").answer().exit_code == 0


def test_another_coordinators_key_is_not_trusted(world: World, tmp_path: Path) -> None:
    keys.write_public(tmp_path, "other", keys.generate().public)
    agent = world.launch(coordinator_key=str(tmp_path / "other.key"))
    agent.expect_log("serving", "coordinator_not_reached")

    status = world.call("STATUS").answer()

    assert status.json["code"] == 50
    assert "its key is another one than --coordinator-key says" in status.json["details"]
    assert world.coordinator.received.empty()


def test_status_remembers_over_a_restart_that_the_coordinator_was_reached(world: World) -> None:
    agent = world.start()
    world.add()
    agent.terminate()
    agent.wait()
    world.coordinator.stop()

    world.launch().expect_log("serving")

    assert world.call("STATUS").answer().exit_code == 0


def test_the_second_endpoint_is_used_when_the_first_does_not_answer(world: World) -> None:
    unused = FakeCoordinator(world.coordinator_pair, world.authorized)
    unused.stop()
    agent = world.launch(coordinator=f"{unused.endpoint},{world.endpoint}")

    agent.expect_log("coordinator_reached", "serving")

    assert world.add().exit_code == 0
