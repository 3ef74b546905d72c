"""Nodes enrol with the tokens of their pods: the real daemons, real CURVE, a stub for the API server."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from enrolling import FILED, Applicant, EnrollingNode, an_enrol, enrolling_plan
from runtime_calls import a_mac, add, delete

from demo.cluster import Cluster, Node
from demo.cni import Invocation
from demo.grid import ea
from demo.process_status import resident_kb
from protocol.keys import KeyPair, generate, load_pair, pair_text, public_text
from protocol.wire.codec import encode
from protocol.wire.messages import Declined, EnrolFirst, Enrolled, Welcome
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[..., Cluster]
MakeNetns = Callable[..., str]
MakeApplicant = Callable[..., Applicant]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path / "kubernetes") as running:
        yield running


@pytest.fixture
def cluster(make_cluster: MakeCluster, stub: KubernetesStub) -> Cluster:
    return make_cluster(enrolling_plan(stub))


@pytest.fixture
def apply(cluster: Cluster) -> Iterator[MakeApplicant]:
    with ExitStack() as stack:

        def make(pair: KeyPair | None = None) -> Applicant:
            applicant = Applicant(cluster, pair)
            stack.callback(applicant.close)
            return applicant

        yield make


def serves(node: Node, make_netns: MakeNetns, container: str) -> bool:
    return add(node, container, make_netns(a_mac())).ok and delete(node, container).ok


def test_a_node_enrols_and_needs_no_api_server_after_that(
    cluster: Cluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    node = EnrollingNode(cluster, stub)
    agent = node.start()

    assert add(node.node, "first", make_netns(a_mac())).ok
    (held,) = cluster.grid.pods().values()
    assert ea(held, "Location") == "node-1"
    for name in ("agent.key_secret", "ticket"):
        assert stat.S_IMODE((node.keys / name).stat().st_mode) == 0o600
    assert add(cluster.nodes[FILED], "beside", make_netns(a_mac())).ok

    stub.down()
    agent.stop()
    assert cluster.coordinator
    cluster.coordinator.stop()
    coordinator = cluster.start_coordinator()
    node.start()
    coordinator.wait_for("ticket_accepted")
    assert add(node.node, "second", make_netns(a_mac())).ok
    assert node.token_file.read_text() not in cluster.coordinator.log_path.read_text()
    assert node.token_file.read_text() not in agent.log_path.read_text()


def test_a_node_whose_token_names_another_node_is_refused_until_it_has_its_own(
    cluster: Cluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    node = EnrollingNode(cluster, stub)
    stub.token_file("node-1", stub.cluster.issue("node-2").token)
    agent = node.launch()
    agent.wait_for("enrolment_failed")

    status = node.node.ipam(Invocation("STATUS", None, None), {**node.node.config(), "cniVersion": "1.1.0"})
    assert status.code == 50
    assert "says that it is node 'node-1'; its token says 'node-2'" in status.result["details"]
    assert cluster.coordinator
    alarm = cluster.coordinator.wait_for("enrolment_refused")
    assert (alarm["level"], alarm["claimed_node"]) == ("warning", "node-1")

    stub.token_file("node-1", stub.cluster.issue("node-1").token)
    agent.wait_for("coordinator_reached", timeout_s=80)
    assert serves(node.node, make_netns, "c")


def test_an_api_server_that_comes_late_only_delays(
    cluster: Cluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    stub.down()
    node = EnrollingNode(cluster, stub)
    agent = node.launch()
    agent.wait_for("enrolment_failed")
    stub.up()
    agent.wait_for("coordinator_reached", timeout_s=60)
    assert serves(node.node, make_netns, "c")


@pytest.mark.parametrize(
    ("issued", "why"),
    [
        ({"audiences": ("vault",)}, "audience"),
        ({"service_account": "kube-system:default"}, "kube-system:default"),
        ({"service_account": "default:cni-infoblox-agent"}, "default:cni-infoblox-agent"),
        ({"claims": ()}, "bound to no pod"),
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_opens_nothing(
    apply: MakeApplicant, stub: KubernetesStub, issued: dict[str, object], why: str
) -> None:
    applicant = apply()
    refused = applicant.enrol(stub.cluster.issue("node-1", **issued).token)  # type: ignore[arg-type]
    assert isinstance(refused, Declined)
    assert (refused.code, refused.kind) == (102, "refused")
    assert why in refused.details
    assert isinstance(applicant.greet(), EnrolFirst)


def test_before_1_30_the_pods_node_decides(apply: MakeApplicant, stub: KubernetesStub) -> None:
    old = stub.cluster.issue("node-1", claims=("pod-name", "pod-uid")).token
    assert isinstance(apply().enrol(old), Enrolled)
    stub.cluster.add_pod("kube-system", "cni-infoblox-agent-node-1", "node-1")
    gone = apply().enrol(old)
    assert isinstance(gone, Declined)
    assert "is gone" in gone.details


def test_tickets_serve_their_own_key_alone(cluster: Cluster, apply: MakeApplicant, stub: KubernetesStub) -> None:
    owner = apply()
    ticket = owner.enrol(stub.cluster.issue("node-1").token).ticket
    thief = apply()
    for shown in (ticket, "x" + ticket[1:], ticket[:-2], "a.b"):
        refused = thief.show(shown)
        assert isinstance(refused, Declined)
        assert refused.code == 104
    assert isinstance(thief.greet(), EnrolFirst)
    assert isinstance(owner.greet(), Welcome)
    stub.down()
    assert isinstance(apply(owner.pair).show(ticket), Enrolled)


def test_a_second_key_with_a_token_of_the_node_takes_its_place_with_an_alarm_and_the_first_comes_back(
    cluster: Cluster, apply: MakeApplicant, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    node = EnrollingNode(cluster, stub)
    agent = node.start()
    assert isinstance(apply().enrol(node.token_file.read_text()), Enrolled)
    assert cluster.coordinator
    assert cluster.coordinator.wait_for("node_key_replaced")["node"] == "node-1"
    agent.wait_for_count("coordinator_reached", 2, timeout_s=60)
    assert serves(node.node, make_netns, "c")


def test_a_lost_key_is_made_anew_and_a_new_coordinator_key_taken_up_without_a_restart(
    cluster: Cluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    node = EnrollingNode(cluster, stub)
    agent = node.start()
    first = load_pair(node.keys / "agent.key_secret")
    (node.keys / "agent.key_secret").unlink()
    agent.wait_for_count("coordinator_reached", 2, timeout_s=60)
    assert load_pair(node.keys / "agent.key_secret") != first
    assert serves(node.node, make_netns, "c")

    pair = generate()
    secret = cluster.keys / "coordinator" / "coordinator.key_secret"
    secret.write_text(pair_text(pair))
    assert cluster.coordinator
    cluster.coordinator.wait_for("rekeyed")
    node.coordinator_key.write_text(public_text(pair.public))
    agent.wait_for_count("coordinator_reached", 3, timeout_s=60)
    assert agent.process.poll() is None
    assert serves(node.node, make_netns, "d")


def test_a_slow_api_server_delays_nobody_else(
    cluster: Cluster, apply: MakeApplicant, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    stub.hold()
    seen = len(stub.requests)
    applicant = apply()
    applicant.socket.send(encode(an_enrol(stub.cluster.issue("node-1").token)))
    stub.wait_for_requests(seen + 1)
    assert serves(cluster.nodes[FILED], make_netns, "c")
    assert not applicant.socket.poll(0)
    stub.release()
    assert isinstance(applicant.hear(), Enrolled)


def test_tickets_are_renewed_before_they_end_and_end_for_who_is_silent(
    make_cluster: MakeCluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(enrolling_plan(stub, "--ticket-lifetime", "4"))
    silent = Applicant(cluster)
    ticket = silent.enrol(stub.cluster.issue("node-2").token, "node-2").ticket
    node = EnrollingNode(cluster, stub)
    agent = node.start()
    agent.wait_for_count("enrolled", 4, timeout_s=60)
    assert agent.count("coordinator_lost") == 0
    assert serves(node.node, make_netns, "c")

    refused = silent.show(ticket, "node-2")
    assert isinstance(refused, Declined)
    assert (refused.code, "expired" in refused.msg) == (104, True)
    silent.close()


def test_a_flood_of_strangers_neither_fills_memory_nor_stops_the_nodes(
    cluster: Cluster, apply: MakeApplicant, make_netns: MakeNetns
) -> None:
    assert cluster.coordinator
    strangers = [apply() for _ in range(30)]
    assert all(isinstance(stranger.greet(), EnrolFirst) for stranger in strangers)
    before_kb = resident_kb(cluster.coordinator.pid)
    for stranger in strangers:
        for payload in (b"x" * 900_000, encode(an_enrol("t" * 11_000)), b"\xc1" * 1000):
            for _ in range(20):
                stranger.socket.send(payload)
        stranger.socket.send(b"x" * 2_000_000)
    assert serves(cluster.nodes[FILED], make_netns, "c")
    newcomer = apply()
    assert isinstance(newcomer.greet(), EnrolFirst)
    assert resident_kb(cluster.coordinator.pid) - before_kb < 64 * 1024
