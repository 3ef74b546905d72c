"""Settings that nobody reads are told by the daemons, what Kubernetes adds to the environment is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from plans import asking

from demo.cluster import Cluster, Plan
from demo.daemons import Daemon

MakeCluster = Callable[[Plan], Cluster]


def unknown(daemon: Daemon) -> dict[str, str]:
    told = [line for line in daemon.lines if line.get("event") == "unknown_variable"]
    assert {line["level"] for line in told} == {"warning"}
    return {line["name"]: line["remedy"] for line in told}


def test_a_misspelt_variable_is_told_with_the_name_that_was_meant(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNI_INFOBLOX_LOGFORMAT", "json")
    monkeypatch.setenv("CNI_INFOBLOX_COORDINATOR_SERVICE_HOST", "10.96.0.9")
    monkeypatch.setenv("CNI_INFOBLOX_COORDINATOR_PORT", "tcp://10.96.0.9:5510")
    cluster = make_cluster(asking())
    told = {"CNI_INFOBLOX_LOGFORMAT": "it has no effect: did you mean CNI_INFOBLOX_LOG_FORMAT?"}
    assert cluster.coordinator
    assert cluster.node.agent
    assert unknown(cluster.coordinator) == unknown(cluster.node.agent) == told
