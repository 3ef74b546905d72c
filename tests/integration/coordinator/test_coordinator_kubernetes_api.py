"""What the coordinator makes of the API server's answers, and of none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.cluster import kubernetes_api
from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.kubernetes_api import KubernetesApi
from coordinator.cluster.token_claims import PodFacts
from coordinator.core.errors import EnrolmentUnavailable
from tests.kubernetes_stub import KubernetesStub


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path) as running:
        yield running


@pytest.fixture
def api(stub: KubernetesStub) -> KubernetesApi:
    return KubernetesApi(ApiServer(stub.url, stub.credentials, time.monotonic, "test"))


def test_a_review_tells_the_claims(stub: KubernetesStub, api: KubernetesApi) -> None:
    facts = api.review(stub.cluster.issue("node-1").token, "cni-infoblox")
    assert (facts.authenticated, facts.node, facts.audiences) == (True, "node-1", ("cni-infoblox",))
    assert facts.username == "system:serviceaccount:kube-system:cni-infoblox-agent"
    assert facts.pod_name == "cni-infoblox-agent-node-1"
    unknown = api.review("x.y.z", "cni-infoblox")
    assert (unknown.authenticated, unknown.node) == (False, None)
    assert "invalid bearer token" in unknown.error


def test_a_pod_tells_its_node(stub: KubernetesStub, api: KubernetesApi) -> None:
    uid = stub.cluster.add_pod("kube-system", "agent-x", "node-1")["metadata"]["uid"]
    assert api.pod("kube-system", "agent-x") == PodFacts(uid, "node-1")
    stub.cluster.add_pod("kube-system", "agent-y", None)
    pending = api.pod("kube-system", "agent-y")
    assert pending
    assert pending.node is None
    assert api.pod("kube-system", "agent-z") is None


def test_our_own_token_is_read_again_after_its_rotation(stub: KubernetesStub, api: KubernetesApi) -> None:
    assert api.pod("kube-system", "a") is None
    stub.rotate_credentials()
    assert api.pod("kube-system", "a") is None


def unavailable(api: KubernetesApi) -> str:
    with pytest.raises(EnrolmentUnavailable) as caught:
        api.review("secret-token", "cni-infoblox")
    assert "secret-token" not in caught.value.details
    return caught.value.details


def test_refusals_are_told_in_the_servers_words(stub: KubernetesStub, api: KubernetesApi) -> None:
    stub.forbidden = True
    assert "HTTP 403: User" in unavailable(api)
    stub.forbidden = False
    (stub.credentials / "token").write_text("old")
    assert "HTTP 401: Unauthorized" in unavailable(api)
    (stub.credentials / "token").unlink()
    assert "token cannot be read" in unavailable(api)


def test_a_server_that_is_down_or_slow_or_another_is_told(
    stub: KubernetesStub, api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "READ_TIMEOUT_S", 0.2)
    stub.hold()
    assert "no reply in time" in unavailable(api)
    stub.release()
    with KubernetesStub(tmp_path / "other") as other:
        assert "certificate" in unavailable(
            KubernetesApi(ApiServer(other.url, stub.credentials, time.monotonic, "test"))
        )
    stub.down()
    assert "no connection" in unavailable(api)
    (stub.credentials / "ca.crt").unlink()
    assert unavailable(api)
