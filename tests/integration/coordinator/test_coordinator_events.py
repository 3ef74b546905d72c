"""Events as the API server gets them: where they stand, how they are counted up, and what becomes of refusals."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.cluster.api_server import ApiServer, NoAnswer
from coordinator.recorder.correlator import Series
from coordinator.recorder.events_api import NETWORK_CONFIG_MAP, EventsApi
from coordinator.recorder.occasions import NetworkRef, NodeRef, Occasion, PodRef, Subject
from tests.kubernetes_stub import KubernetesStub

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path) as running:
        yield running


@pytest.fixture
def api(stub: KubernetesStub) -> EventsApi:
    numbers = itertools.count(1)
    server = ApiServer(stub.url, stub.credentials, time.monotonic, "test")
    return EventsApi(server, "kube-system", "coordinator-1", lambda: f"{next(numbers):012x}")


def a_series(subject: Subject, **changes: Any) -> Series:
    occasion = Occasion(subject, "InfobloxNetworkExhausted", "No address is left.")
    return Series(occasion, EARLY, **{"count": 1, **changes})


def test_an_event_of_a_pod_is_what_kubectl_describe_looks_for(stub: KubernetesStub, api: EventsApi) -> None:
    api.write(a_series(PodRef("shop", "web-1", "u-1")), EARLY)
    assert stub.cluster.events == {
        ("shop", "web-1.000000000001"): {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "web-1.000000000001", "namespace": "shop"},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": "shop",
                "name": "web-1",
                "uid": "u-1",
            },
            "type": "Warning",
            "reason": "InfobloxNetworkExhausted",
            "message": "No address is left.",
            "count": 1,
            "firstTimestamp": EARLY,
            "lastTimestamp": EARLY,
            "source": {"component": "cni-infoblox"},
            "reportingComponent": "cni-infoblox",
            "reportingInstance": "coordinator-1",
        }
    }


def test_an_event_is_counted_up_and_made_anew_once_the_server_has_dropped_it(
    stub: KubernetesStub, api: EventsApi
) -> None:
    series = a_series(NodeRef("node-1"))
    api.write(series, EARLY)
    series.count = 5
    api.write(series, LATE)
    ((place, event),) = stub.cluster.events.items()
    assert place == ("default", "node-1.000000000001")
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (5, EARLY, LATE)
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "node-1"}

    stub.cluster.events.clear()
    api.write(series, LATE)
    assert list(stub.cluster.events) == [("default", "node-1.000000000002")]


def test_a_configuration_is_told_on_the_nad_of_the_pods_namespace_else_on_the_config_map(
    stub: KubernetesStub, api: EventsApi
) -> None:
    api.write(a_series(NetworkRef("shop", "storage")), EARLY)
    assert stub.cluster.events == {}

    conf = {"ipam_conf_file_name": "00.conf", "00.conf": json.dumps({"name": "pods"}), "odd": "[" * 100_000}
    config_map = stub.cluster.add_config_map("kube-system", NETWORK_CONFIG_MAP, conf)
    api.write(a_series(NetworkRef("shop", "storage")), EARLY)
    assert stub.cluster.events == {}
    api.write(a_series(NetworkRef("shop", "pods")), EARLY)
    (event,) = stub.cluster.events.values()
    assert (event["involvedObject"]["kind"], event["involvedObject"]["uid"]) == (
        "ConfigMap",
        config_map["metadata"]["uid"],
    )

    stub.cluster.events.clear()
    network = stub.cluster.add_network("shop", "storage")
    api.write(a_series(NetworkRef("shop", "storage")), EARLY)
    (event,) = stub.cluster.events.values()
    assert event["involvedObject"] == {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "namespace": "shop",
        "name": "storage",
        "uid": network["metadata"]["uid"],
    }


def test_where_networks_may_not_be_looked_at_the_config_map_is(stub: KubernetesStub, api: EventsApi) -> None:
    stub.allows = lambda asked: asked.permission[2] != "network-attachment-definitions"
    stub.cluster.add_network("shop", "pods")
    stub.cluster.add_config_map("kube-system", NETWORK_CONFIG_MAP, {"a.conf": '{"name": "pods"}'})
    api.write(a_series(NetworkRef("shop", "pods")), EARLY)
    stub.cluster.wait_for_event("InfobloxNetworkExhausted", "ConfigMap", timeout_s=0)


def test_a_refusal_or_no_answer_is_told_and_the_event_is_made_the_next_time(
    stub: KubernetesStub, api: EventsApi
) -> None:
    series = a_series(PodRef("shop", "web-1", "u-1"))
    stub.forbidden = True
    with pytest.raises(NoAnswer, match="HTTP 403"):
        api.write(series, EARLY)
    stub.down()
    with pytest.raises(NoAnswer, match="no connection"):
        api.write(series, EARLY)
    stub.up()
    stub.forbidden = False
    api.write(series, LATE)
    assert len(stub.cluster.events) == 1
