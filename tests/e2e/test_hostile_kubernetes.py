"""An API server whose replies never end, or never come, costs the coordinator neither its life nor its memory."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from enrolling import FILED, Applicant, enrolling_plan
from runtime_calls import a_mac, add

from demo.cluster import Cluster
from demo.process_status import peak_kb
from protocol.wire.messages import Declined, Enrolled
from tests.kubernetes_stub import KubernetesStub
from tests.kubernetes_stub.mischief import Mischief, endless_body, endless_chunk_length, trickle

MakeCluster = Callable[..., Cluster]
MakeNetns = Callable[..., str]

GROWTH_MAX_KB = 96 * 1024
REVIEWS, WATCHES = "/tokenreviews", "watch=true"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path / "kubernetes") as running:
        yield running


def spoil(stub: KubernetesStub, part: str, mischief: Mischief) -> None:
    """Answer what is asked for with `part` in its address by this."""

    def instead(path: str, connection: socket.socket) -> bool:
        split = urlsplit(path)
        if not (split.path.endswith(part) or part in split.query):
            return False
        mischief.play(connection)
        return True

    stub.instead = instead


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: trickle(0.5), "no reply in time"),
        (endless_body, "its reply is longer"),
        (endless_chunk_length, "is no HTTP"),
    ],
    ids=["trickle", "endless body", "endless chunk length"],
)
def test_the_reviewer_goes_on_with_the_next_token(
    make_cluster: MakeCluster, stub: KubernetesStub, make: Callable[[], Mischief], why: str
) -> None:
    cluster = make_cluster(enrolling_plan(stub))
    assert cluster.coordinator
    held, next_one = Applicant(cluster), Applicant(cluster)
    before_kb = peak_kb(cluster.coordinator.pid)
    mischief = make()
    spoil(stub, REVIEWS, mischief)
    declined = held.enrol(stub.cluster.issue("node-1").token)
    assert mischief.wait_until_given_up()
    assert isinstance(declined, Declined)
    assert (declined.code, why in declined.details) == (11, True), declined.details

    stub.instead = lambda path, connection: False
    assert isinstance(next_one.enrol(stub.cluster.issue("node-2").token, "node-2"), Enrolled)
    assert peak_kb(cluster.coordinator.pid) - before_kb < GROWTH_MAX_KB
    held.close()
    next_one.close()


def test_a_watch_whose_line_never_ends_is_begun_anew(
    make_cluster: MakeCluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    stub.cluster.add_node(FILED)
    mischief = endless_body()
    spoil(stub, WATCHES, mischief)
    cluster = make_cluster(enrolling_plan(stub, "--watch-cluster", "true"))
    coordinator = cluster.coordinator
    assert coordinator
    assert "its reply is longer" in coordinator.wait_for("cluster_unwatched")["reason"]
    for _ in range(3):
        assert mischief.wait_until_given_up()
    assert add(cluster.nodes[FILED], "c", make_netns(a_mac())).ok
    assert peak_kb(coordinator.pid) < GROWTH_MAX_KB + 64 * 1024

    stub.instead = lambda path, connection: False
    stub.wait_for_watches(1)
    stub.cluster.add_node("node-2")
    coordinator.wait_for("cluster_watched_again")
