"""The stub's Events, and the objects that are looked at for them: ConfigMaps and NetworkAttachmentDefinitions."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tests.kubernetes_stub.asked import Answer, Asked, status
from tests.kubernetes_stub.cluster import Object, StubCluster

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
MERGE_PATCH: Final = "application/merge-patch+json"
_READ: Final = {"configmaps": "v1", "network-attachment-definitions": "k8s.cni.cncf.io/v1"}


def answer_event(cluster: StubCluster, asked: Asked) -> Answer | None:
    """The answer to a request about Events, or about what they are of; None for any other."""
    resource = asked.permission[2]
    if resource in _READ and asked.method == "GET" and asked.object_name:
        return _read(cluster, resource, asked)
    if resource != "events" or not asked.namespace:
        return None
    try:
        sent = json.loads(asked.body)
    except ValueError:
        return status(400, "the object provided is unrecognized")
    if asked.method == "POST" and not asked.object_name:
        return _create(cluster, asked.namespace, sent)
    if asked.method == "PATCH":
        return _patch(cluster, asked, sent)
    return status(404, "the server could not find the requested resource")


def _create(cluster: StubCluster, namespace: str, sent: Any) -> Answer:
    name, about = sent["metadata"]["name"], sent["involvedObject"]
    if (sent["apiVersion"], sent["kind"]) != ("v1", "Event") or sent["metadata"]["namespace"] != namespace:
        return status(400, "the namespace of the provided object does not match the namespace sent on the request")
    if not NAME.fullmatch(name) or len(name) > 253:
        return status(422, f'Event "{name}" is invalid: metadata.name')
    if about.get("namespace", "default") != namespace:
        return status(422, f'Event "{name}" is invalid: involvedObject.namespace does not match event.namespace')
    with cluster.changed:
        if (namespace, name) in cluster.events:
            return status(409, f'events "{name}" already exists', "AlreadyExists")
        cluster.events[namespace, name] = sent
        cluster.changed.notify_all()
    return Answer(201, sent)


def _patch(cluster: StubCluster, asked: Asked, sent: Any) -> Answer:
    if asked.content_type != MERGE_PATCH:
        return status(415, "the body of the request was in an unknown format")
    place = asked.namespace, asked.object_name
    with cluster.changed:
        if place not in cluster.events:
            return status(404, f'events "{asked.object_name}" not found')
        cluster.events[place] = {**cluster.events[place], **sent}
        cluster.changed.notify_all()
        return Answer(200, cluster.events[place])


def _read(cluster: StubCluster, resource: str, asked: Asked) -> Answer:
    held: dict[tuple[str, str], Object] = cluster.config_maps if resource == "configmaps" else cluster.networks
    found = held.get((asked.namespace, asked.object_name))
    if found is None:
        return status(404, f'{resource} "{asked.object_name}" not found')
    return Answer(200, {"apiVersion": _READ[resource], **found})
