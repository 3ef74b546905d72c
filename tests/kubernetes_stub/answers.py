"""The stub's answers: which request gets which body, as kube-apiserver words them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.kubernetes_stub.asked import Answer, Asked, is_true, status
from tests.kubernetes_stub.cluster import Object, StubCluster
from tests.kubernetes_stub.events import answer_event
from tests.kubernetes_stub.leases import answer_lease

API_VERSIONS: Final = {"nodes": ("v1", "Node"), "pods": ("v1", "Pod"), "namespaces": ("v1", "Namespace")}


@dataclass(frozen=True)
class WatchFrom:
    """The request is a watch: tell the changes of a kind after this version.

    A version that is yet to come is no error: the real server too is silent until it has come.
    """

    kind: str
    namespace: str | None
    version: int
    metadata_only: bool = False
    bookmarks: bool = False
    timeout_s: float | None = None


def denied(asked: Asked, user: str) -> Answer:
    """What RBAC says to a user who may not."""
    verb, group, resource = asked.permission
    named = f"{resource}.{group}" if group else resource
    return status(
        403,
        f'{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}" '
        "at the cluster scope",
    )


def answer(cluster: StubCluster, asked: Asked) -> Answer | WatchFrom:
    """What an authenticated caller gets."""
    method, path = asked.method, asked.path
    if (method, path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews"):
        return review(cluster, asked.body)
    if lease := answer_lease(cluster, asked):
        return lease
    if event := answer_event(cluster, asked):
        return event
    parts = path.strip("/").split("/")
    if method == "GET" and parts[:2] == ["api", "v1"]:
        return _read(cluster, parts[2:], asked)
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


def _read(cluster: StubCluster, parts: list[str], asked: Asked) -> Answer | WatchFrom:
    if len(parts) == 4 and parts[0] == "namespaces" and parts[2] == "pods":
        pod = cluster.pods.get((parts[1], parts[3]))
        return _one(pod, "pods", parts[3])
    if parts == ["namespaces", "kube-system"]:
        return _one({"metadata": {"name": "kube-system", "uid": cluster.uid}}, "namespaces", "kube-system")
    if len(parts) == 2 and parts[0] == "nodes":
        return _one(cluster.nodes.get(parts[1]), "nodes", parts[1])
    if len(parts) == 3 and parts[0] == "namespaces" and parts[2] == "pods":
        return _many(cluster, "pods", parts[1], asked)
    if parts in (["nodes"], ["pods"]):
        return _many(cluster, parts[0], None, asked)
    return status(404, "the server could not find the requested resource")


def _one(found: Object | None, kind: str, name: str) -> Answer:
    if found is None:
        return status(404, f'{kind} "{name}" not found')
    return Answer(200, typed(kind, found))


def _many(cluster: StubCluster, kind: str, namespace: str | None, asked: Asked) -> Answer | WatchFrom:
    query = asked.query
    if is_true(query, "watch"):
        timeout_s = float(query["timeoutSeconds"]) if "timeoutSeconds" in query else None
        bookmarks = is_true(query, "allowWatchBookmarks")
        version = int(query.get("resourceVersion") or 0)
        return WatchFrom(kind, namespace, version, asked.wants_metadata, bookmarks, timeout_s)
    name, _, start = query.get("continue", "").partition(":")
    with cluster.changed:
        try:
            found = cluster.kept_list(name) if name else _current(cluster, kind, namespace)
        except LookupError:
            return status(410, "The provided continue parameter is too old to display a consistent list result.")
        first = int(start or 0)
        end = first + int(query.get("limit") or len(found) or 1)
        metadata: Object = {"resourceVersion": name.partition("-")[0] or str(cluster.version)}
        if end < len(found):
            rest = f"{name or cluster.keep_list(found)}:{end}"
            metadata |= {"continue": rest, "remainingItemCount": len(found) - end}
    api_version, singular = (
        ("meta.k8s.io/v1", "PartialObjectMetadata") if asked.wants_metadata else API_VERSIONS[kind]
    )
    items = [reduced(each) for each in found[first:end]] if asked.wants_metadata else found[first:end]
    return Answer(
        200, {"kind": f"{singular}List", "apiVersion": api_version, "metadata": metadata, "items": items}
    )


def _current(cluster: StubCluster, kind: str, namespace: str | None) -> list[Object]:
    return [each for each in getattr(cluster, kind).values() if in_namespace(each, namespace)]


def reduced(found: Object) -> Object:
    """An object as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}


def in_namespace(found: Object, namespace: str | None) -> bool:
    """Whether an object is among those asked for."""
    return namespace is None or bool(found["metadata"].get("namespace") == namespace)


def typed(kind: str, found: Object) -> dict[str, Any]:
    """An object with its type, which list items do not carry."""
    api_version, singular = API_VERSIONS[kind]
    return {"kind": singular, "apiVersion": api_version, **found}
