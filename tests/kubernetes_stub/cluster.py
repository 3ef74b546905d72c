"""What the stub's cluster holds: tokens that it has issued, nodes, pods, in the shapes of the real API."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EXTRA: Final = "authentication.kubernetes.io/"
EVENTS_MAX: Final = 10_000

Object = dict[str, Any]


@dataclass(frozen=True)
class Issued:
    """A ServiceAccount token with what the API server knows of it."""

    token: str
    username: str
    uid: str
    audiences: tuple[str, ...]
    extra: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Watched:
    """A change of an object, as a watch tells it."""

    version: int
    kind: str
    type: str
    object: Object


@dataclass(frozen=True)
class Backup:
    """The nodes and pods of a former moment."""

    version: int
    nodes: dict[str, Object]
    pods: dict[tuple[str, str], Object]


@dataclass
class StubCluster:
    """Tokens, nodes, pods, Leases and Events; safe to use from any thread."""

    tokens: dict[str, Issued] = field(default_factory=dict)
    nodes: dict[str, Object] = field(default_factory=dict)
    pods: dict[tuple[str, str], Object] = field(default_factory=dict)
    leases: dict[tuple[str, str], Object] = field(default_factory=dict)
    events: dict[tuple[str, str], Object] = field(default_factory=dict)
    config_maps: dict[tuple[str, str], Object] = field(default_factory=dict)
    networks: dict[tuple[str, str], Object] = field(default_factory=dict)
    """NetworkAttachmentDefinitions."""
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Of the namespace kube-system, by which clusters are told apart."""

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.version = 1
        self.oldest_version = 1
        self._events: deque[Watched] = deque(maxlen=EVENTS_MAX)
        self._lists: dict[str, list[Object]] = {}

    def issue(
        self,
        node: str,
        *,
        service_account: str = "kube-system:cni-infoblox-agent",
        audiences: tuple[str, ...] = ("cni-infoblox",),
        pod: str | None = None,
        claims: tuple[str, ...] = ("node-name", "node-uid", "pod-name", "pod-uid"),
    ) -> Issued:
        """A token as the kubelet of `node` projects it into a pod there, which is made where it is missing.

        `claims` are what the token says of the pod; clusters before 1.30 know no `node-name` and `node-uid`.
        """
        namespace, _, account = service_account.partition(":")
        name = pod or f"{account}-{node}"
        if node not in self.nodes:
            self.add_node(node)
        if (namespace, name) not in self.pods:
            self.add_pod(namespace, name, node)
        facts = {
            "node-name": node,
            "node-uid": self.nodes[node]["metadata"]["uid"],
            "pod-name": name,
            "pod-uid": self.pods[namespace, name]["metadata"]["uid"],
        }
        extra = {EXTRA + claim: (facts[claim],) for claim in claims}
        extra[EXTRA + "credential-id"] = (f"JTI={uuid.uuid4()}",)
        username = f"system:serviceaccount:{namespace}:{account}"
        issued = Issued(_jwt(username, audiences), username, str(uuid.uuid4()), audiences, extra)
        self.tokens[issued.token] = issued
        return issued

    def revoke(self, token: str) -> None:
        """Make a token invalid, as the end of its pod or of its time does."""
        del self.tokens[token]

    def add_node(self, name: str) -> Object:
        """A node that is ready."""
        node = {
            "metadata": _metadata(name),
            "spec": {},
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
        }
        return self._put("nodes", name, node)

    def add_pod(
        self,
        namespace: str,
        name: str,
        node: str | None,
        phase: str = "Running",
        annotations: Mapping[str, str] | None = None,
    ) -> Object:
        """A pod, scheduled where `node` is given. Adding it again makes a new one with another UID."""
        spec: Object = {"containers": [{"name": "main", "image": "localhost/main:1"}]}
        if node is not None:
            spec["nodeName"] = node
        metadata = {**_metadata(name), "namespace": namespace}
        if annotations:
            metadata["annotations"] = dict(annotations)
        return self._put(
            "pods", (namespace, name), {"metadata": metadata, "spec": spec, "status": {"phase": phase}}
        )

    def set_ready(self, name: str, status: str) -> None:
        """What the node's condition Ready is: True, False or Unknown."""
        conditions = [{"type": "Ready", "status": status, "reason": "NodeStatusUnknown"}]
        self._put("nodes", name, {**self.nodes[name], "status": {"conditions": conditions}})

    def put_lease(self, namespace: str, name: str, metadata: Object, spec: Object) -> Object:
        """A Lease with this spec; one that is there keeps what the API server has given it."""
        with self.changed:
            self.version += 1
            given = self.leases.get((namespace, name), {}).get("metadata") or _metadata(name)
            kept = {key: given[key] for key in ("uid", "creationTimestamp")}
            version = {"namespace": namespace, "resourceVersion": str(self.version)}
            lease = {"metadata": {**metadata, **kept, **version}, "spec": spec}
            self.leases[namespace, name] = lease
            self.changed.notify_all()
            return lease

    def wait_for_lease(self, namespace: str, name: str, timeout_s: float = 20) -> Object:
        """The Lease, waited for. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: (namespace, name) in self.leases, timeout_s):
                raise TimeoutError(f"no Lease {namespace}/{name}")
            return self.leases[namespace, name]

    def add_network(self, namespace: str, name: str) -> Object:
        """A NetworkAttachmentDefinition."""
        network = {"kind": "NetworkAttachmentDefinition", "metadata": {**_metadata(name), "namespace": namespace}}
        self.networks[namespace, name] = network
        return network

    def add_config_map(self, namespace: str, name: str, data: Mapping[str, str]) -> Object:
        """A ConfigMap."""
        metadata = {**_metadata(name), "namespace": namespace}
        self.config_maps[namespace, name] = {"kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
        return self.config_maps[namespace, name]

    def wait_for_event(self, reason: str, kind: str, count: int = 1, timeout_s: float = 20) -> Object:
        """The Event of this reason on an object of this kind, waited for until it counts so far. TimeoutError."""

        def found() -> Object | None:
            return next((each for each in self.events.values() if is_it(each)), None)

        def is_it(event: Object) -> bool:
            return (event["reason"], event["involvedObject"]["kind"]) == (reason, kind) and event["count"] >= count

        with self.changed:
            if not self.changed.wait_for(lambda: found() is not None, timeout_s):
                raise TimeoutError(f"no Event {reason} on a {kind}: {list(self.events.values())}")
            event = found()
        assert event
        return event

    def remove_lease(self, namespace: str, name: str) -> None:
        """Delete a Lease."""
        with self.changed:
            self.version += 1
            del self.leases[namespace, name]

    def remove_node(self, name: str) -> None:
        """Delete the node's object."""
        self._remove("nodes", name)

    def remove_pod(self, namespace: str, name: str) -> None:
        """Delete a pod."""
        self._remove("pods", (namespace, name))

    def events_since(self, kind: str, version: int) -> list[Watched]:
        """The changes of a kind after a resource version; 0 means all. Raises LookupError when forgotten."""
        if 0 < version < self.oldest_version:
            raise LookupError(version)
        return [event for event in self._events if event.kind == kind and event.version > version]

    def forget_events(self) -> None:
        """Compact the history, so that a watch from before is answered 410."""
        with self.changed:
            self._events.clear()
            self._lists.clear()
            self.oldest_version = self.version
            self.changed.notify_all()

    def backup(self) -> Backup:
        """What `restore` needs to come back to this moment."""
        with self.changed:
            return Backup(self.version, dict(self.nodes), dict(self.pods))

    def restore(self, backup: Backup) -> None:
        """Forget what has happened since; versions are counted from there, so they come a second time."""
        with self.changed:
            self.nodes, self.pods = dict(backup.nodes), dict(backup.pods)
            self.version = self.oldest_version = backup.version
            self._events.clear()
            self._lists.clear()

    def send_bookmarks(self) -> None:
        """Tell the watches that asked for bookmarks how far they have come."""
        with self.changed:
            self.version += 1
            for kind in ("nodes", "pods"):
                self._tell(kind, "BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def keep_list(self, found: list[Object]) -> str:
        """The name by which the rest of a list can be asked for, as it is now."""
        name = f"{self.version}-{len(self._lists)}"
        self._lists[name] = found
        return name

    def kept_list(self, name: str) -> list[Object]:
        """A list as it was. Raises LookupError when it is forgotten."""
        return self._lists[name]

    def _put(self, kind: str, key: Any, found: Object) -> Object:
        with self.changed:
            collection: dict[Any, Object] = getattr(self, kind)
            was_there = key in collection
            self.version += 1
            found = {**found, "metadata": {**found["metadata"], "resourceVersion": str(self.version)}}
            collection[key] = found
            self._tell(kind, "MODIFIED" if was_there else "ADDED", found)
        return found

    def _remove(self, kind: str, key: Any) -> None:
        with self.changed:
            found = getattr(self, kind).pop(key)
            self.version += 1
            gone = {**found, "metadata": {**found["metadata"], "resourceVersion": str(self.version)}}
            self._tell(kind, "DELETED", gone)

    def _tell(self, kind: str, change: str, found: Object) -> None:
        self._events.append(Watched(self.version, kind, change, found))
        self.changed.notify_all()


def _metadata(name: str) -> Object:
    return {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": "2026-01-01T00:00:00Z"}


def _jwt(username: str, audiences: tuple[str, ...]) -> str:
    """Something that looks like a token, and is as long; nobody but the stub reads it."""
    claims = {"sub": username, "aud": list(audiences), "iss": "https://kubernetes.default.svc.cluster.local"}
    parts = (b'{"alg":"RS256","kid":"stub"}', json.dumps(claims).encode(), secrets.token_bytes(256))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
