"""The stub's answers: which request gets which body, as kube-apiserver words them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.kubernetes_stub.cluster import Object, StubCluster

API_VERSIONS: Final = {"nodes": ("v1", "Node"), "pods": ("v1", "Pod")}
REASONS: Final = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired"}


@dataclass(frozen=True)
class Answer:
    """Status code with the JSON body."""

    code: int
    body: Object


@dataclass(frozen=True)
class WatchFrom:
    """The request is a watch: tell the changes of a kind after this version."""

    kind: str
    namespace: str | None
    version: int


def status(code: int, message: str) -> Answer:
    """A Status object, which is how the API server says no."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": REASONS.get(code, "InternalError"),
        "code": code,
    }
    return Answer(code, body)


def answer(
    cluster: StubCluster, method: str, path: str, query: Mapping[str, str], body: bytes
) -> Answer | WatchFrom:
    """What an authenticated caller gets."""
    if (method, path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews"):
        return review(cluster, body)
    parts = path.strip("/").split("/")
    if method == "GET" and parts[:2] == ["api", "v1"]:
        return _read(cluster, parts[2:], query)
    return status(404, "the server could not find the requested resource")


def review(cluster: StubCluster, body: bytes) -> Answer:
    """A TokenReview is answered by itself with its status."""
    try:
        asked = json.loads(body)
        spec = asked["spec"]
        token: str = spec["token"]
    except (ValueError, KeyError, TypeError) as error:
        return status(400, f"the object provided is unrecognized: {error}")
    result = {
        "kind": "TokenReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": _review_status(cluster, token, spec.get("audiences") or ["https://kubernetes.default.svc"]),
    }
    return Answer(201, result)


def _review_status(cluster: StubCluster, token: str, audiences: list[str]) -> Object:
    issued = cluster.tokens.get(token)
    if issued is None:
        return {"user": {}, "error": "[invalid bearer token, service account token has expired]"}
    common = [audience for audience in audiences if audience in issued.audiences]
    if not common:
        error = f"token audiences {list(issued.audiences)} is invalid for the target audiences {audiences}"
        return {"user": {}, "error": f"[invalid bearer token, {error}]"}
    namespace = issued.username.split(":")[2]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    extra = {name: list(values) for name, values in issued.extra.items()}
    user = {"username": issued.username, "uid": issued.uid, "groups": groups, "extra": extra}
    return {"authenticated": True, "user": user, "audiences": common}


def _read(cluster: StubCluster, parts: list[str], query: Mapping[str, str]) -> Answer | WatchFrom:
    if len(parts) == 4 and parts[0] == "namespaces" and parts[2] == "pods":
        pod = cluster.pods.get((parts[1], parts[3]))
        return _one(pod, "pods", parts[3])
    if len(parts) == 2 and parts[0] == "nodes":
        return _one(cluster.nodes.get(parts[1]), "nodes", parts[1])
    if len(parts) == 3 and parts[0] == "namespaces" and parts[2] == "pods":
        return _many(cluster, "pods", parts[1], query)
    if parts in (["nodes"], ["pods"]):
        return _many(cluster, parts[0], None, query)
    return status(404, "the server could not find the requested resource")


def _one(found: Object | None, kind: str, name: str) -> Answer:
    if found is None:
        return status(404, f'{kind} "{name}" not found')
    return Answer(200, typed(kind, found))


def _many(cluster: StubCluster, kind: str, namespace: str | None, query: Mapping[str, str]) -> Answer | WatchFrom:
    if query.get("watch") in ("1", "true"):
        return WatchFrom(kind, namespace, int(query.get("resourceVersion") or 0))
    with cluster.changed:
        found = [each for each in getattr(cluster, kind).values() if in_namespace(each, namespace)]
        start = int(query.get("continue") or 0)
        end = start + int(query.get("limit") or len(found) or 1)
        metadata: Object = {"resourceVersion": str(cluster.version)}
    if end < len(found):
        metadata |= {"continue": str(end), "remainingItemCount": len(found) - end}
    api_version, singular = API_VERSIONS[kind]
    body = {"kind": f"{singular}List", "apiVersion": api_version, "metadata": metadata, "items": found[start:end]}
    return Answer(200, body)


def in_namespace(found: Object, namespace: str | None) -> bool:
    """Whether an object is among those asked for."""
    return namespace is None or bool(found["metadata"].get("namespace") == namespace)


def typed(kind: str, found: Object) -> dict[str, Any]:
    """An object with its type, which list items do not carry."""
    api_version, singular = API_VERSIONS[kind]
    return {"kind": singular, "apiVersion": api_version, **found}
