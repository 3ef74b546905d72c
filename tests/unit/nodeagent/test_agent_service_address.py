"""Which endpoints are of a Kubernetes Service, and so are fixed when the container starts."""

from __future__ import annotations

import pytest

from daemon.settings import BadSettings
from nodeagent.link.host_names import HostNames
from nodeagent.link.service_address import missing_variable, why_missing, why_unchanging
from nodeagent.settings import read

VARIABLES = {
    "CNI_INFOBLOX_COORDINATOR_SERVICE_HOST": "10.96.0.9",
    "CNI_INFOBLOX_COORDINATOR_SERVICE_PORT": "5510",
    "KUBERNETES_SERVICE_HOST": "fd00::1",
    "KUBERNETES_SERVICE_PORT": "443",
    "HOME": "/root",
}
REFERENCE = "tcp://$(CNI_INFOBLOX_COORDINATOR_SERVICE_HOST):$(CNI_INFOBLOX_COORDINATOR_SERVICE_PORT)"


@pytest.mark.parametrize(
    ("endpoints", "is_fixed"),
    [
        (["tcp://10.96.0.9:5510"], True),
        (["tcp://[fd00:0::1]:443"], True),
        ([REFERENCE], True),
        (["tcp://10.96.0.9:5510", REFERENCE], True),
        (["tcp://10.96.0.9:5511"], False),
        (["tcp://10.96.0.10:5510"], False),
        (["tcp://coordinator:5510"], False),
        (["tcp://10.96.0.9:5510", "tcp://10.0.0.1:5510"], False),
    ],
)
def test_only_what_the_environment_says_is_fixed(endpoints: list[str], is_fixed: bool) -> None:
    assert (why_unchanging(endpoints, VARIABLES) is not None) == is_fixed
    assert why_unchanging(["tcp://10.96.0.9:5510"], {}) is None


def test_the_reason_names_address_or_service() -> None:
    assert str(why_unchanging(["tcp://10.96.0.9:5510"], VARIABLES)).startswith("tcp://10.96.0.9:5510 is what Kub")
    assert "Service cni-infoblox-coordinator did not exist" in str(why_unchanging([REFERENCE], {}))
    assert "variable NAME was not set" in why_missing("NAME")


@pytest.mark.parametrize("text", ["tcp://10.96.0.9:5510", "tcp://$(A B):1", "udp://$(A):1", "$(A)", "tcp://$(A)"])
def test_what_is_no_reference_is_none(text: str) -> None:
    assert missing_variable(text) is None


def arguments(endpoint: str) -> list[str]:
    return ["--coordinator", endpoint, "--keys", "/keys"]


def test_a_reference_is_no_mistake_in_the_settings_and_is_told_as_a_missing_service() -> None:
    (endpoint,) = read(arguments(REFERENCE)).coordinator
    assert endpoint == REFERENCE
    for whole in ("tcp://$(HOST):5510", "tcp://[fd00::1]:$(PORT)", "tcp://c:$(PORT)"):
        assert read(arguments(whole)).coordinator == [whole]
    with pytest.raises(BadSettings, match="--coordinator: must be of the form"):
        read(arguments("tcp://$(HOST"))


def test_a_reference_is_looked_up_nowhere() -> None:
    names = HostNames()
    names.look_up(REFERENCE)
    found = []
    while not found:
        found = names.ended()
    assert found[0].addresses == ()
    assert "Service cni-infoblox-coordinator did not exist" in found[0].why
