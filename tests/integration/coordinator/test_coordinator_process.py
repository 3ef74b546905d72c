"""The coordinator as a process: CURVE, a grid over TLS, peers that speak protocol 2, and SIGKILL."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgpack
import pytest
from coordinator_process import CLUSTER_ID, SUBNET, Peer, Site, claim
from cryptography import x509

from protocol.keys import generate
from protocol.wire import messages
from protocol.wire.status import CoordinatorStatus
from protocol.wire.values import Label, LetGoRow

LABEL = Label(container_id="c1", ifname="eth0", pod="web-1", pod_namespace="shop")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def started(site: Site) -> Site:
    site.start()
    return site


def test_a_node_gets_an_address_and_lets_it_go(started: Site) -> None:
    peer = started.peer()
    welcome = peer.greeted()
    assert (welcome.cluster, welcome.reserve, welcome.allocations_max) == (CLUSTER_ID, 2, 1024)
    assert peer.receive(messages.Orphans).last

    told = peer.allocated(LABEL)
    assert told.subnet == SUBNET
    assert started.held() == {told.allocation: told.address}

    peer.let_go(told.allocation)
    assert peer.receive(messages.Gone).allocations == [told.allocation]
    assert started.held() == {}


def test_a_killed_coordinator_is_followed_by_one_that_knows_the_grid_and_asks_the_owner(started: Site) -> None:
    peer = started.peer()
    peer.greeted()
    kept, forgotten = peer.allocated(LABEL), peer.allocated(LABEL)
    assert started.coordinator
    started.coordinator.kill()

    started.start()
    peer.greeted(claims=[claim(kept)])

    assert peer.receive(messages.Whose).allocations == [forgotten.allocation]
    peer.send(messages.Answer(id="answer", disowned=[forgotten.allocation]))
    assert started.grid.wait_until(lambda: started.held() == {kept.allocation: kept.address})


@pytest.mark.parametrize("step", ["wapi:create:before", "wapi:create:after", "message:allocated:before"])
def test_a_coordinator_that_dies_at_a_step_leaves_nothing_that_its_owner_cannot_end(site: Site, step: str) -> None:
    dying = Path(__file__).parents[2] / "dying_daemon.py"
    daemon = site.start(launcher=(sys.executable, str(dying), "coordinator", step))
    peer = site.peer()
    peer.greeted()
    asked = peer.ask(LABEL)
    assert daemon.wait_exit() == -signal.SIGKILL

    site.start()
    peer.greeted(let_go=[LetGoRow(allocation=asked, family=4, age_ms=0, was_held=False)])

    assert peer.receive(messages.Gone).allocations == [asked]
    assert site.held() == {}
    assert peer.allocated(LABEL)


def test_a_message_before_hello_is_sent_back(started: Site) -> None:
    peer = started.peer()
    peer.ask(LABEL)
    peer.receive(messages.HelloFirst)
    assert started.held() == {}


def test_a_key_that_nobody_knows_is_kept_out(started: Site) -> None:
    stranger = started.peer(pair=generate())
    stranger.hello()
    assert started.coordinator
    started.coordinator.wait_for("key_refused")


def test_another_nodes_name_is_not_believed(started: Site) -> None:
    peer = started.peer("node-1")
    peer.node = "node-2"
    peer.hello()
    assert peer.receive(messages.Declined).code == 103


def test_another_version_is_refused_with_the_id_to_answer(started: Site) -> None:
    peer = started.peer()
    peer.socket.send(msgpack.packb({"v": 1, "type": "hello", "id": "old-1"}))
    declined = peer.receive(messages.Declined)
    assert declined.id == "old-1"
    assert "version 1" in declined.details


def test_status_metrics_and_readiness_are_served(started: Site) -> None:
    peer = started.peer()
    peer.greeted()
    told = peer.allocated(LABEL)

    assert started.page("readyz").status_code == 200
    status = CoordinatorStatus.model_validate_json(started.page("status").content)
    assert (status.cluster, status.cluster_id, status.listed) == ("demo", CLUSTER_ID, True)
    assert [(node.node, node.held) for node in status.nodes] == [("node-1", 1)]
    assert [(network.subnet, network.allocations) for network in status.networks] == [(told.subnet, 1)]
    metrics = started.page("metrics").text
    assert "cni_infoblox_coordinator_claims 1.0" in metrics
    assert "cni_infoblox_coordinator_allocated_total 1.0" in metrics
    assert "cni_infoblox_coordinator_grid_available 1.0" in metrics
    assert 'cni_infoblox_coordinator_declined_total{reason="NetworkExhausted"} 0.0' in metrics
    assert re.search(r"^process_resident_memory_bytes [1-9]", metrics, re.MULTILINE)
    certificate = x509.load_pem_x509_certificate(Path(started.grid.certificate).read_bytes())
    assert datetime.fromisoformat(status.grid.certificate_ends) == certificate.not_valid_after_utc


def test_what_is_told_of_an_address_names_pod_node_and_request(started: Site) -> None:
    peer = started.peer()
    peer.greeted()
    told = peer.allocated(LABEL)
    assert started.coordinator
    line = started.coordinator.wait_for("allocated")
    facts = {"allocation": told.allocation, "address": told.address, "node": "node-1", "pod": "shop/web-1"}
    assert facts.items() <= line.items()
    assert line["request"] == f"ask-{told.allocation[-12:]}"
    assert line["wapi_calls"] == told.wapi_calls > 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "keys init"), ("", "12 hexadecimal digits"), ("not-an-id", "12 hexadecimal digits")],
)
def test_without_a_cluster_id_nothing_starts(site: Site, content: str | None, complaint: str) -> None:
    site.cluster_id_file.unlink()
    if content is not None:
        site.cluster_id_file.write_text(content)
    daemon = site.launch()
    assert daemon.wait_exit() == 2
    assert str(site.cluster_id_file) in daemon.tail()
    assert complaint in daemon.tail()


def test_sigterm_ends_it_after_the_call_under_way(started: Site) -> None:
    peer = started.peer()
    peer.greeted()
    assert peer.allocated(LABEL)
    assert started.coordinator
    assert started.coordinator.stop() == 0


def test_other_keys_end_the_connections_and_the_nodes_come_back(started: Site) -> None:
    peer = started.peer()
    peer.greeted()
    told = peer.allocated(LABEL)
    started.rekey()
    assert started.coordinator
    started.coordinator.wait_for("rekeyed")
    again: Peer = started.peer()
    again.greeted(claims=[claim(told)])
    assert again.allocated(LABEL).address != told.address


def test_what_a_node_has_left_that_is_gone_is_freed(started: Site, tmp_path: Path) -> None:
    stays, leaves = started.peer("node-1"), started.peer("node-2")
    stays.greeted()
    leaves.greeted()
    kept, left = stays.allocated(LABEL), leaves.allocated(LABEL)
    assert started.coordinator
    started.coordinator.kill()
    live_nodes = tmp_path / "nodes"
    live_nodes.write_text("node-1\nnode-3\nnode-4\nnode-5\n")

    daemon = started.start("--live-nodes", str(live_nodes), "--node-gone-after", "0.1", "--sweep-interval", "0.2")
    stays.greeted(claims=[claim(kept)])

    daemon.wait_for("node_gone", lambda line: bool(line["node"] == "node-2"))
    assert started.grid.wait_until(lambda: left.allocation not in started.held())
    assert kept.allocation in started.held()
