"""Which coordinator is trusted, and what a person is told when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_world import FakeCoordinator, Staging, World

from protocol import keys
from protocol.wire.messages import NotLeader


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


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
def test_a_host_name_that_does_not_resolve_is_told_as_that(world: World, host: str) -> None:
    agent = world.launch(coordinator=f"tcp://{host}:5510")
    agent.expect_log("serving", "coordinator_not_reached")

    status = world.call("STATUS").answer()
    assert f"the name {host} of tcp://{host}:5510 does not resolve" in status.json["details"]
    assert "correct --coordinator" in status.json["details"]


def test_a_host_name_is_looked_up(world: World) -> None:
    agent = world.launch(coordinator=world.endpoint.replace("127.0.0.1", "localhost"))
    agent.expect_log("coordinator_reached", "serving")
    assert world.add().exit_code == 0


def test_a_name_that_does_not_resolve_does_not_keep_the_next_endpoint_away(world: World) -> None:
    world.launch(coordinator=f"tcp://no-such-host.invalid:5510,{world.endpoint}").expect_log("coordinator_reached")
    assert world.add().exit_code == 0


def test_the_second_endpoint_is_used_when_the_first_does_not_answer(world: World) -> None:
    unused = FakeCoordinator(world.coordinator_pair, world.authorized)
    unused.stop()
    agent = world.launch(coordinator=f"{unused.endpoint},{world.endpoint}")

    agent.expect_log("coordinator_reached", "serving")

    assert world.add().exit_code == 0


def test_of_all_addresses_of_a_name_the_one_that_leads_is_found_and_the_next_when_it_leads_no_more(
    world: World, tmp_path: Path
) -> None:
    port = world.endpoint.rpartition(":")[2]
    follower = FakeCoordinator(world.coordinator_pair, world.authorized, f"tcp://127.0.0.2:{port}")
    follower.policy = lambda message: [NotLeader(id=message.id)]
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 coordinators\n127.0.0.1 coordinators\n")
    own_hosts = ["unshare", "--mount", "sh", "-ec", f'mount --bind {hosts} /etc/hosts; exec "$@"', "sh"]
    try:
        agent = world.start(Staging(inside=own_hosts), coordinator=f"tcp://coordinators:{port}")
        assert world.add("c1").exit_code == 0

        follower.policy = follower.book.answer
        world.coordinator.policy = lambda message: [NotLeader(id=message.id)]
        world.coordinator.send(NotLeader(id="over"))
        agent.expect_log("coordinator_reached")
        assert world.add("c2").exit_code == 0
    finally:
        follower.stop()

    assert [len(each.book.journals) for each in (world.coordinator, follower)] == [1, 1]
    assert set(follower.book.used_by.values()) == {"c2"}
