"""`cni-infoblox status`, `/status` and the gauges say what is true of real daemons."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
import requests
from plans import asking
from runtime_calls import a_mac, add

from coordinator.nodes.sessions import SILENT_S
from demo.cluster import Cluster, Plan
from demo.daemons import Daemon, command
from protocol.cluster_id import CLUSTER_ID_FILE
from protocol.wire.status import AgentStatus, CoordinatorStatus

MakeCluster = Callable[[Plan], Cluster]
AGENT = r"{} \(infoblox, boot [0-9a-f]{{8}}\)"
SLACK_S = 60.0
"""How much later than it falls due a line may come on a busy machine."""


def coordinator_url(cluster: Cluster) -> str:
    assert cluster.coordinator
    return f"http://127.0.0.1:{cluster.coordinator.wait_for('started')['status_port']}"


def agent_url(agent: Daemon) -> str:
    return f"http://127.0.0.1:{agent.wait_for('status_listening')['port']}"


def status_command(*flags: str) -> subprocess.CompletedProcess[str]:
    argv = [*command("cni-infoblox"), "status", *flags]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def gauges(cluster: Cluster) -> dict[str, float]:
    text = requests.get(f"{coordinator_url(cluster)}/metrics", timeout=10).text
    prefix = "cni_infoblox_coordinator_nodes_"
    lines = (line.split() for line in text.splitlines() if line.startswith(prefix))
    return {name.removeprefix(prefix): float(value) for name, value in lines}


def test_the_command_reads_what_both_daemons_say(cluster: Cluster, make_netns: Callable[..., str]) -> None:
    assert cluster.node.agent
    assert add(cluster.node, "c1", make_netns(a_mac())).ok
    urls = coordinator_url(cluster), agent_url(cluster.node.agent)

    done = status_command("--coordinator-status", urls[0], "--agent-status", urls[1])

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    ours = (cluster.keys / "coordinator" / CLUSTER_ID_FILE).read_text().strip()
    assert lines[0].startswith(f"coordinator {urls[0]}: cluster demo ({ours}), release ")
    assert any(
        re.match(rf"  node +{AGENT.format('node-1')}: connected for .*, 1 held, 0 ready$", line) for line in lines
    )
    assert any(line.startswith("  coordinator  connected to tcp://127.0.0.1:") for line in lines)
    for url, model in zip(urls, (CoordinatorStatus, AgentStatus), strict=True):
        page = requests.get(f"{url}/status", timeout=10).json()
        assert page == model.model_validate(page).model_dump(mode="json"), "the model says all of it"


def test_a_silent_node_is_seen_by_everybody_until_it_is_back(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(asking(nodes=("node-1", "node-2")))
    assert cluster.coordinator
    cluster.nodes["node-2"].agent.kill()  # type: ignore[union-attr]

    silent = cluster.coordinator.wait_for("node_silent", timeout_s=SILENT_S + SLACK_S)

    assert (silent["node"], silent["level"]) == ("node-2", "warning")
    assert gauges(cluster) == {"connected": 1, "silent": 1}
    shown = status_command("--coordinator-status", coordinator_url(cluster))
    heard = re.search(rf"{AGENT.format('node-2')}: NOT CONNECTED, heard (\d+) s ago", shown.stdout)
    assert heard
    assert int(heard[1]) >= SILENT_S
    assert re.search(rf"{AGENT.format('node-1')}: connected for", shown.stdout)

    cluster.nodes["node-2"].start_agent()
    back = cluster.coordinator.wait_for("node_heard_again", timeout_s=SLACK_S)
    assert back["node"] == "node-2"
    assert gauges(cluster) == {"connected": 2, "silent": 0}
    assert cluster.coordinator.count("node_silent") == 1


@pytest.mark.parametrize("was_reached", [True, False])
def test_an_agent_without_its_coordinator_says_so_and_the_command_fails(
    make_cluster: MakeCluster, was_reached: bool
) -> None:
    cluster = make_cluster(asking())
    assert cluster.coordinator
    agent = cluster.node.agent
    assert agent
    cluster.coordinator.stop()
    agent.wait_for("coordinator_lost")
    if not was_reached:
        agent.stop()
        agent = cluster.node.start_agent()
        agent.wait_for("coordinator_not_reached")

    done = status_command("--agent-status", agent_url(agent))

    assert done.returncode == 1
    assert "  coordinator  NOT CONNECTED (" in done.stdout
    assert ("NOT READY" in done.stdout) == (not was_reached)
