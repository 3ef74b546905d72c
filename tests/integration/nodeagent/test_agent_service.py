"""An agent whose coordinator's address Kubernetes wrote into its environment, which only a new start changes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent_world import Agent, Staging, World, fetch

from protocol.wire.messages import Hello
from protocol.wire.status import AgentStatus

REFERENCE = "tcp://$(CNI_INFOBLOX_COORDINATOR_SERVICE_HOST):$(CNI_INFOBLOX_COORDINATOR_SERVICE_PORT)"
END_AFTER_S = 6.0


def variables(endpoint: str) -> dict[str, str]:
    """What the kubelet sets in a container that starts now."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return {f"CNI_INFOBLOX_COORDINATOR_SERVICE_{name}": text for name, text in (("HOST", host), ("PORT", port))}


def launch(world: World, environment: Mapping[str, str], **flags: str) -> Agent:
    return world.launch(Staging(end_after_s=END_AFTER_S, environment=environment), **flags)


def port_of(agent: Agent) -> int:
    return int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]


def test_an_agent_before_its_coordinators_service_serves_and_says_what_it_waits_for(world: World) -> None:
    agent = launch(world, {}, coordinator=REFERENCE)
    port = port_of(agent)
    agent.expect_log("serving", "coordinator_not_reached")

    assert world.delete("unknown").exit_code == 0
    while b"Service cni-infoblox-coordinator did not exist" not in fetch(port, "/readyz")[1]:
        agent.expect_log("")
    status = AgentStatus.model_validate_json(fetch(port, "/status")[1])
    assert not status.connected
    assert "CNI_INFOBLOX_COORDINATOR_SERVICE_HOST is not set" in str(status.why_not_connected)

    assert agent.wait() == 1
    assert "the next container sees whether it is there" in agent.lines[-1]
    again = launch(world, variables(world.endpoint))
    again.expect_log("serving", "coordinator_reached")


def test_a_service_that_is_made_anew_is_found_by_the_next_container(world: World) -> None:
    agent = launch(world, variables(world.endpoint))
    agent.expect_log("serving", "coordinator_reached")
    before = world.endpoint
    world.coordinator.stop()

    assert agent.wait() == 1
    assert f"{before} is what Kubernetes wrote into the environment" in agent.lines[-1]

    world.endpoint = "tcp://127.0.0.1:*"
    world.restart_coordinator()
    world.endpoint = world.coordinator.endpoint
    launch(world, variables(world.endpoint)).expect_log("serving", "coordinator_reached")


def test_an_agent_whose_settings_name_the_coordinator_waits_for_it(world: World) -> None:
    agent = launch(world, {})
    port = port_of(agent)
    agent.expect_log("serving", "coordinator_reached")
    world.coordinator.expect(Hello)
    world.coordinator.stop()

    while (AgentStatus.model_validate_json(fetch(port, "/status")[1]).heard_s_ago or 0) < END_AFTER_S + 2:
        assert agent.is_running()
    world.restart_coordinator()
    agent.expect_log("coordinator_reached")
