"""One agent process, from the plugin's frame to the coordinator's answer and back."""

from __future__ import annotations

from agent_world import World, a_config

from protocol.messages import Allocate, Release


def test_an_add_gets_the_coordinators_address_in_the_asked_version(world: World) -> None:
    world.start()

    answer = world.add(config=a_config(cniVersion="0.4.0"))

    assert answer.exit_code == 0
    assert answer.json == {
        "cniVersion": "0.4.0",
        "ips": [{"version": "4", "address": "10.55.0.2/24", "gateway": "10.55.0.1"}],
        "dns": {},
    }


def test_a_repeated_add_is_answered_from_the_journal_without_a_message(world: World) -> None:
    world.start()
    first = world.add()
    world.coordinator.expect(Allocate)

    assert world.add().stdout == first.stdout
    assert world.coordinator.received.empty()


def test_a_del_is_answered_before_the_coordinator_is_told(world: World) -> None:
    world.start()
    world.add()
    world.coordinator.policy = lambda message: []

    assert world.delete().exit_code == 0

    release = world.coordinator.expect(Release)
    assert (release.attachment.container_id, release.reason, release.subnet) == ("c1", "del", "10.55.0.0/24")
