"""The stub's Leases: made, read, and written under their resource version, as kube-apiserver does it."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.kubernetes_stub.asked import Answer, Asked, status
from tests.kubernetes_stub.cluster import Object, StubCluster

PREFIX: Final = ["apis", "coordination.k8s.io", "v1", "namespaces"]
RESOURCE: Final = "leases.coordination.k8s.io"


def answer_lease(cluster: StubCluster, asked: Asked) -> Answer | None:
    """The answer to a request about Leases; None for any other."""
    parts = asked.path.strip("/").split("/")
    if parts[:4] != PREFIX or parts[5:6] != ["leases"]:
        return None
    namespace, names = parts[4], parts[6:]
    if asked.method == "POST" and not names:
        return _create(cluster, namespace, asked.body)
    if len(names) != 1:
        return status(404, "the server could not find the requested resource")
    with cluster.changed:
        found = cluster.leases.get((namespace, names[0]))
        if found is None:
            return status(404, f'{RESOURCE} "{names[0]}" not found')
        if asked.method == "PUT":
            return _update(cluster, namespace, found, asked.body)
        return Answer(200, _typed(found))


def _create(cluster: StubCluster, namespace: str, body: bytes) -> Answer:
    sent = _read(body)
    if sent is None:
        return status(400, "the object provided is unrecognized")
    name = sent["metadata"]["name"]
    with cluster.changed:
        if (namespace, name) in cluster.leases:
            return status(409, f'{RESOURCE} "{name}" already exists', "AlreadyExists")
        return Answer(201, _typed(cluster.put_lease(namespace, name, sent["metadata"], sent["spec"])))


def _update(cluster: StubCluster, namespace: str, found: Object, body: bytes) -> Answer:
    sent, name = _read(body), found["metadata"]["name"]
    if sent is None or sent["metadata"].get("name") != name:
        return status(400, "the name of the object does not match the name on the URL")
    version = sent["metadata"].get("resourceVersion")
    if version != found["metadata"]["resourceVersion"]:
        text = "the object has been modified; please apply your changes to the latest version and try again"
        return status(409, f'Operation cannot be fulfilled on {RESOURCE} "{name}": {text}')
    return Answer(200, _typed(cluster.put_lease(namespace, name, sent["metadata"], sent["spec"])))


def _read(body: bytes) -> Any:
    """The Lease that was sent, None where it is none that the API server takes."""
    try:
        sent = json.loads(body)
        spec = sent["spec"]
        is_typed = (sent["apiVersion"], sent["kind"]) == ("coordination.k8s.io/v1", "Lease")
        is_valid = spec["leaseDurationSeconds"] > 0 and spec["leaseTransitions"] >= 0
        return sent if is_typed and is_valid and sent["metadata"]["name"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _typed(found: Object) -> Object:
    return {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", **found}
