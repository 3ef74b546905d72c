"""Writes Events to the Kubernetes API server, and finds the object that a network configuration stands in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, ValidationError

from coordinator.cluster.api_server import OBJECT_BYTES_MAX, ApiServer, NoAnswer
from coordinator.recorder.correlator import Series
from coordinator.recorder.occasions import NAME_LENGTH_MAX, NetworkRef, NodeRef, PodRef, Subject
from protocol.texts import Scrubbed

COMPONENT: Final = "cni-infoblox"
READ_TIMEOUT_S: Final = 5.0
NODES_NAMESPACE: Final = "default"
"""Where Events of what lies in no namespace are."""

NETWORK_CONFIG_MAP: Final = "infoblox-cni-cfg"
"""The ConfigMap of the manifests that has the network configurations of the cluster."""

_NETWORKS: Final = "/apis/k8s.cni.cncf.io/v1/namespaces/{namespace}/network-attachment-definitions/{name}"
_CONFIG_MAP: Final = "/api/v1/namespaces/{namespace}/configmaps/{name}"
_EVENTS: Final = "/api/v1/namespaces/{namespace}/events"
_NOT_THERE: Final = (requests.codes.not_found, requests.codes.forbidden)

Reference = Mapping[str, str]
"""An ObjectReference of the API."""


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    uid: Scrubbed


class _Object(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    metadata: _Metadata
    data: dict[str, str] | None = None


class EventsApi:
    """For one thread. `namespace` is our own; `draw` makes 12 hexadecimal digits that nobody has drawn before."""

    def __init__(self, server: ApiServer, namespace: str, instance: str, draw: Callable[[], str]) -> None:
        self._server = server
        self._namespace = namespace
        self._instance = instance
        self._draw = draw

    def write(self, series: Series, at: str) -> None:
        """Make the Event, or count it up; nothing where there is no object to speak of. Raises `NoAnswer`."""
        if series.name and self._count_up(series, at):
            return
        reference = self._reference(series.occasion.subject)
        if reference:
            self._create(series, reference, at)

    def _count_up(self, series: Series, at: str) -> bool:
        """Whether it is still there."""
        change = {"count": series.count, "lastTimestamp": at, "message": series.occasion.message}
        path = f"{_path(_EVENTS, series.namespace)}/{quote(series.name, safe='')}"
        with self._server.exchange("PATCH", path, READ_TIMEOUT_S, body=change) as reply:
            if reply.status_code == requests.codes.not_found:
                return False
            reply.check()
            return True

    def _create(self, series: Series, reference: Reference, at: str) -> None:
        occasion = series.occasion
        namespace = reference.get("namespace", NODES_NAMESPACE)
        suffix = self._draw()
        name = f"{reference['name'][: NAME_LENGTH_MAX - len(suffix) - 1].rstrip('.-')}.{suffix}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": reference,
            "type": "Warning" if occasion.is_warning else "Normal",
            "reason": occasion.reason,
            "message": occasion.message,
            "count": series.count,
            "firstTimestamp": series.first_at,
            "lastTimestamp": at,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
        }
        with self._server.exchange("POST", _path(_EVENTS, namespace), READ_TIMEOUT_S, body=event) as reply:
            reply.check()
        series.namespace, series.name = namespace, name

    def _reference(self, subject: Subject) -> Reference | None:
        if isinstance(subject, PodRef):
            names = {"namespace": subject.namespace, "name": subject.name, "uid": subject.uid}
            return {"apiVersion": "v1", "kind": "Pod", **names}
        if isinstance(subject, NodeRef):
            # As kubelets do it, whose Events `kubectl describe node` shows by the name in place of the UID.
            return {"apiVersion": "v1", "kind": "Node", "name": subject.name, "uid": subject.name}
        return self._network(subject)

    def _network(self, subject: NetworkRef) -> Reference | None:
        names = {"namespace": subject.namespace, "name": subject.name}
        if found := self._look(_path(_NETWORKS, **names)):
            kind = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
            return {**kind, **names, "uid": found.metadata.uid}
        names = {"namespace": self._namespace, "name": NETWORK_CONFIG_MAP}
        found = self._look(_path(_CONFIG_MAP, **names))
        if found and any(_names_network(text, subject.name) for text in (found.data or {}).values()):
            return {"apiVersion": "v1", "kind": "ConfigMap", **names, "uid": found.metadata.uid}
        return None

    def _look(self, path: str) -> _Object | None:
        """What is there; None where it is not, or is not shown to us. Raises `NoAnswer`."""
        try:
            with self._server.exchange("GET", path, READ_TIMEOUT_S, bytes_max=OBJECT_BYTES_MAX) as reply:
                if reply.status_code in _NOT_THERE:
                    return None
                reply.check()
                return _Object.model_validate_json(reply.content())
        except ValidationError:
            raise NoAnswer("its reply cannot be read") from None


def _names_network(text: str, name: str) -> bool:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and read.get("name") == name


def _path(template: str, namespace: str, name: str = "") -> str:
    return template.format(namespace=quote(namespace, safe=""), name=quote(name, safe=""))
