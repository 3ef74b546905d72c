"""The stub API server answers as the real one: what the tests of enrolment stand on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.kubernetes_stub import KubernetesStub

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


class Client:
    def __init__(self, stub: KubernetesStub) -> None:
        self._stub = stub
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(stub.credentials / "ca.crt")

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        token = (self._stub.credentials / "token").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.request(method, self._stub.url + path, headers=headers, timeout=10, **arguments)

    def review(self, token: str, *audiences: str) -> Any:
        reply = self.call("POST", REVIEWS, json={"spec": {"token": token, "audiences": audiences}})
        assert reply.status_code == 201
        return reply.json()["status"]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path) as running:
        yield running


@pytest.fixture
def client(stub: KubernetesStub) -> Iterator[Client]:
    client = Client(stub)
    yield client
    client.session.close()


def test_a_good_token_is_answered_with_its_claims(stub: KubernetesStub, client: Client) -> None:
    issued = stub.cluster.issue("node-1")
    status = client.review(issued.token, "cni-infoblox")
    assert status["authenticated"] is True
    assert status["audiences"] == ["cni-infoblox"]
    assert status["user"]["username"] == "system:serviceaccount:kube-system:cni-infoblox-agent"
    assert status["user"]["extra"]["authentication.kubernetes.io/node-name"] == ["node-1"]


def test_other_tokens_are_not_authenticated(stub: KubernetesStub, client: Client) -> None:
    issued = stub.cluster.issue("node-1", audiences=("vault",))
    assert "audiences" in client.review(issued.token, "cni-infoblox")["error"]
    stub.cluster.revoke(issued.token)
    for token in (issued.token, "x.y.z"):
        status = client.review(token, "vault")
        assert "authenticated" not in status
        assert "invalid bearer token" in status["error"]


def test_pods_are_got_listed_and_watched(stub: KubernetesStub, client: Client) -> None:
    stub.cluster.add_pod("default", "web-0", "node-1")
    pod = client.call("GET", "/api/v1/namespaces/default/pods/web-0").json()
    assert (pod["kind"], pod["spec"]["nodeName"]) == ("Pod", "node-1")
    missing = client.call("GET", "/api/v1/namespaces/default/pods/web-1")
    assert (missing.status_code, missing.json()["kind"], missing.json()["reason"]) == (404, "Status", "NotFound")

    first = client.call("GET", "/api/v1/pods?limit=1").json()
    rest = client.call("GET", f"/api/v1/pods?limit=9&continue={first['metadata']['continue']}").json()
    names = [each["metadata"]["name"] for each in first["items"] + rest["items"]]
    assert "web-0" in names
    assert len(names) == len(set(names)) == 2

    version = rest["metadata"]["resourceVersion"]
    with client.call("GET", f"/api/v1/pods?watch=true&resourceVersion={version}", stream=True) as watch:
        stub.cluster.remove_pod("default", "web-0")
        event = json.loads(next(watch.iter_lines()))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "web-0")


def test_a_watch_from_before_the_history_is_told_to_list_again(stub: KubernetesStub, client: Client) -> None:
    stub.cluster.add_node("node-1")
    stub.cluster.forget_events()
    with client.call("GET", "/api/v1/nodes?watch=true&resourceVersion=1", stream=True) as watch:
        event = json.loads(next(watch.iter_lines()))
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_old_credentials_and_missing_rights_are_refused(stub: KubernetesStub, client: Client) -> None:
    old = (stub.credentials / "token").read_text()
    stub.rotate_credentials()
    headers = {"Authorization": f"Bearer {old}"}
    assert client.session.get(stub.url + "/api/v1/nodes", headers=headers, timeout=10).status_code == 401
    assert client.call("GET", "/api/v1/nodes").status_code == 200
    stub.forbidden = True
    refused = client.call("GET", "/api/v1/nodes")
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")


def test_it_goes_down_and_comes_back_on_its_port(stub: KubernetesStub, client: Client) -> None:
    assert client.call("GET", "/api/v1/nodes").status_code == 200
    stub.down()
    with pytest.raises(requests.ConnectionError):
        client.call("GET", "/api/v1/nodes")
    stub.up()
    assert client.call("GET", "/api/v1/nodes").status_code == 200


LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def lease(version: str | None = None, **spec: Any) -> Any:
    metadata = {"name": "l", **({"resourceVersion": version} if version else {})}
    fields = {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0, **spec}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": fields}


def test_a_lease_is_written_under_its_version_alone(stub: KubernetesStub, client: Client) -> None:
    assert client.call("GET", f"{LEASES}/l").status_code == 404
    made = client.call("POST", LEASES, json=lease())
    assert made.status_code == 201
    version = made.json()["metadata"]["resourceVersion"]
    assert client.call("POST", LEASES, json=lease()).json()["reason"] == "AlreadyExists"
    written = client.call("PUT", f"{LEASES}/l", json=lease(version, holderIdentity="you"))
    assert written.status_code == 200
    assert written.json()["metadata"]["uid"] == made.json()["metadata"]["uid"]
    late = client.call("PUT", f"{LEASES}/l", json=lease(version))
    assert (late.status_code, late.json()["reason"]) == (409, "Conflict")
    assert client.call("GET", f"{LEASES}/l").json() == written.json()
    assert client.call("PUT", f"{LEASES}/l", json=lease(version, leaseDurationSeconds=0)).status_code == 400
    stub.cluster.remove_lease("kube-system", "l")
    assert client.call("PUT", f"{LEASES}/l", json=lease(version)).status_code == 404


def test_two_api_servers_of_one_cluster_have_one_lease(
    stub: KubernetesStub, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    with KubernetesStub(tmp_path / "second", cluster=stub.cluster) as second:
        client.call("POST", LEASES, json=lease())
        other = Client(second)
        assert other.call("GET", f"{LEASES}/l").status_code == 200
        other.session.close()
    assert client.call("GET", f"{LEASES}/l").status_code == 200
