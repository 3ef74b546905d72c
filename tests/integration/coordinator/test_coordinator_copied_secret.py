"""A Secret with a cluster's id is of use in its own cluster alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from coordinator_process import Site

from protocol.cluster_id import CLUSTER_UID_FILE
from tests.kubernetes_stub import KubernetesStub


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[KubernetesStub]:
    (tmp_path / "kubernetes").mkdir()
    with KubernetesStub(tmp_path / "kubernetes") as stub:
        yield stub


def flags(stub: KubernetesStub) -> list[str]:
    return [
        *("--kubernetes-api", stub.url, "--kubernetes-credentials", str(stub.credentials)),
        *("--enrol-tokens", "true"),
    ]


def test_a_coordinator_with_another_clusters_secret_ends(site: Site, kubernetes: KubernetesStub) -> None:
    uid = str(uuid4())
    (site.keys / CLUSTER_UID_FILE).write_text(f"{uid}\n")
    daemon = site.launch(*flags(kubernetes))
    assert daemon.wait_exit() == 2
    said = daemon.wait_for("secret_of_another_cluster")
    assert (said["made_for"], said["here"]) == (uid, kubernetes.cluster.uid)
    assert "keys init --kubernetes" in said["remedy"]


def test_in_its_own_cluster_it_serves_and_asks_no_more(site: Site, kubernetes: KubernetesStub) -> None:
    (site.keys / CLUSTER_UID_FILE).write_text(kubernetes.cluster.uid)
    site.start(*flags(kubernetes))
    kubernetes.wait_for_requests(1)
    peer = site.peer()
    peer.greeted()
    assert peer.allocated()
    assert kubernetes.requests == [("GET", "/api/v1/namespaces/kube-system")]


def test_while_kubernetes_does_not_answer_pods_get_addresses(site: Site, kubernetes: KubernetesStub) -> None:
    (site.keys / CLUSTER_UID_FILE).write_text(str(uuid4()))
    kubernetes.down()
    daemon = site.start(*flags(kubernetes))
    daemon.wait_for("cluster_unproved")
    peer = site.peer()
    peer.greeted()
    assert peer.allocated()


def test_a_file_that_holds_no_uid_ends_it_with_its_name(site: Site, kubernetes: KubernetesStub) -> None:
    (site.keys / CLUSTER_UID_FILE).write_text("kube-system")
    daemon = site.launch(*flags(kubernetes))
    assert daemon.wait_exit() == 2
    assert CLUSTER_UID_FILE in daemon.tail()
