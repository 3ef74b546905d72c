"""The local test grid's file, as docker-compose reads it: rights of its containers, flags of its commands."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from coordinator.settings import read_settings as read_coordinator
from gridsim.http.certificate import ensure_certificate
from gridsim.settings import read_settings as read_gridsim
from nodeagent.settings import read as read_agent

ROOT = Path(__file__).parents[3]
DAEMONS = ("gridsim", "coordinator", "coordinator-2", "node-1-agent", "node-2-agent", "plugin")


def compose(*arguments: str, **environment: str) -> str:
    """What docker-compose prints, which knows of no project in the environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "GRIDSIM_"))}
    command = ["docker-compose", "--file", str(ROOT / "docker-compose.yml"), "--profile", "demo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


COORDINATORS = ["tcp://coordinator:5510", "tcp://coordinator-2:5510"]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(compose("config"))["services"]
    return described


def test_the_demonstration_starts_only_on_demand(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "profiles" in service] == ["demo"]


def test_each_image_is_of_this_release(services: dict[str, Any]) -> None:
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {service["image"].partition(":")[2] for service in services.values()} == {release}


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_has_a_read_only_root_and_no_capability_but_the_agents(
    services: dict[str, Any], name: str
) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["SYS_ADMIN"] if name.endswith("-agent") else [])
    assert "privileged" not in service


def test_only_the_simulators_page_is_published_and_on_loopback(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"gridsim": ["127.0.0.1:8443:8443/tcp"]}


def test_the_published_port_can_be_chosen() -> None:
    chosen = yaml.safe_load(compose("config", GRIDSIM_PORT="18443"))["services"]["gridsim"]
    assert chosen["ports"] == ["127.0.0.1:18443:8443/tcp"]


def test_the_daemons_accept_the_flags_that_they_are_given(
    services: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flags(name: str) -> list[str]:
        arguments: list[str] = services[name]["command"][1:]
        return [argument.replace("/grid/cert.pem", str(certificate)) for argument in arguments]

    certificate, _ = ensure_certificate(tmp_path, ["gridsim"])
    monkeypatch.setenv("WAPI_PASSWORD", services["coordinator"]["environment"]["WAPI_PASSWORD"])
    simulator, coordinator = read_gridsim(flags("gridsim")), read_coordinator(flags("coordinator"))
    assert coordinator.grid_host in simulator.certificate_names
    assert (coordinator.wapi_username, coordinator.read_password()) == (simulator.username, simulator.password)
    for name in ("node-1", "node-2"):
        agent = read_agent(flags(f"{name}-agent"))
        assert (agent.node_name, agent.coordinator) == (name, COORDINATORS)
        assert services[name]["hostname"] == name
        assert services[f"{name}-agent"]["network_mode"] == f"service:{name}"
