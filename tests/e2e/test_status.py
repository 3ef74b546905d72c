"""`cni-infoblox status`, `/status` and the gauges say what is true of real daemons."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
import requests
from plans import asking
from runtime_calls import a_mac, add, delete

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


def test_the_page_for_browsers_shows_what_is_and_what_failed(
    cluster: Cluster, make_netns: Callable[..., str]
) -> None:
    cluster.grid.create("network", {"network": "10.58.0.0/24"})
    odd = cluster.node.config(subnet="10.58.0.0/24", gateway=None)
    assert not add(cluster.node, "c9", make_netns(a_mac()), config=odd, pod="<b>web</b>").ok

    page = requests.get(f"{coordinator_url(cluster)}/", timeout=10)

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["Cache-Control"] == "no-store"
    for text in (
        "Cluster demo",
        "connected for",
        "node_connected",
        "shop/&lt;b&gt;web&lt;/b&gt;",
    ):
        assert text in page.text
    assert "network 10.58.0.0/24 of view &#x27;default&#x27; belongs to somebody else" in page.text
    assert "<b>web" not in page.text
    (failure,) = requests.get(f"{coordinator_url(cluster)}/status", timeout=10).json()["failures"]
    assert (failure["pod"], failure["error"], failure["code"]) == ("shop/<b>web</b>", "NetworkNotOurs", 7)
    assert failure["request"] in "".join(map(str, cluster.node.agent.lines))  # type: ignore[union-attr]
    agent = requests.get(f"{agent_url(cluster.node.agent)}/", timeout=10)  # type: ignore[arg-type]
    assert agent.status_code == 404


def test_each_line_about_a_pods_address_says_whose_it_is(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    agent, coordinator = cluster.node.agent, cluster.coordinator
    assert agent
    assert coordinator
    added = add(cluster.node, container, make_netns(a_mac()), pod="web-7")
    assert added.ok
    assert delete(cluster.node, container).ok
    released = agent.wait_for("released", lambda line: line["container"] == container)

    address, allocation = released["address"], released["allocation"]
    coordinator.wait_for("gone", lambda line: bool(line["allocation"] == allocation))
    assert added.address == address
    told = {"agent": agent.lines, "coordinator": coordinator.lines}
    about = [
        (daemon, line)
        for daemon, lines in told.items()
        for line in lines
        if line.get("allocation") == allocation or (line.get("address") == address and container in str(line))
    ]
    assert [(daemon, line["event"]) for daemon, line in about] == [
        ("agent", "allocated"),
        ("agent", "deleted"),
        ("agent", "released"),
        ("coordinator", "allocated"),
        ("coordinator", "gone"),
    ]
    for _, line in about:
        assert (line["pod"], line["address"], line["network"]) == ("shop/web-7", address, "10.55.0.0/24")
        assert (line["node"], line["allocation"]) == ("node-1", allocation)
    requests_of = {(daemon, line["event"]): line["request"] for daemon, line in about}
    assert requests_of["coordinator", "allocated"] == requests_of["agent", "allocated"]
    deleted = {
        requests_of[each] for each in (("agent", "deleted"), ("agent", "released"), ("coordinator", "gone"))
    }
    assert len(deleted) == 1
    assert deleted != {requests_of["agent", "allocated"]}


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
