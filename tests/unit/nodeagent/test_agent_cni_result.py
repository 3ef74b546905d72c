"""What the plugin prints."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from request_builders import ADDRESS, an_add_request

from nodeagent.cni import result as cni_result
from nodeagent.domain.outcomes import Address, Failure
from protocol.ipam.section import Dns, Route
from protocol.network_config import SUPPORTED_VERSIONS


def result_of(version: str, **changes: Any) -> Any:
    request = an_add_request(**changes)
    return json.loads(cni_result.added(replace(request, cni_version=version), [ADDRESS]))


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_early_versions_say_which_ip_version_an_address_has(version: str) -> None:
    assert result_of(version) == {
        "cniVersion": version,
        "ips": [{"version": "4", "address": "10.55.0.2/24", "gateway": "10.55.0.1"}],
        "dns": {},
    }


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_later_versions_do_not(version: str) -> None:
    assert result_of(version) == {
        "cniVersion": version,
        "ips": [{"address": "10.55.0.2/24", "gateway": "10.55.0.1"}],
        "dns": {},
    }


PAIR = [ADDRESS, Address("fd00:55::2/64", "fd00:55::1")]


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_both_families_are_told_ipv4_first_each_with_its_gateway(version: str) -> None:
    result = json.loads(cni_result.added(replace(an_add_request(), cni_version=version), PAIR))

    numbers = [{"version": "4"}, {"version": "6"}] if version < "1" else [{}, {}]
    assert result["ips"] == [
        {**numbers[0], "address": "10.55.0.2/24", "gateway": "10.55.0.1"},
        {**numbers[1], "address": "fd00:55::2/64", "gateway": "fd00:55::1"},
    ]


def test_a_network_without_gateway_has_none_in_its_result() -> None:
    result = json.loads(cni_result.added(an_add_request(), [Address("10.55.0.2/24")]))
    assert result["ips"] == [{"address": "10.55.0.2/24"}]


def test_routes_carry_their_attributes_from_1_1_0_on() -> None:
    routes = (Route(dst="0.0.0.0/0"), Route(dst="10.0.0.0/8", gw="10.55.0.9", mtu=1400, scope=0))
    plain = [{"dst": "0.0.0.0/0"}, {"dst": "10.0.0.0/8", "gw": "10.55.0.9"}]

    assert result_of("1.0.0", routes=routes)["routes"] == plain
    assert result_of("1.1.0", routes=routes)["routes"][1] == {
        "dst": "10.0.0.0/8",
        "gw": "10.55.0.9",
        "mtu": 1400,
        "scope": 0,
    }


def test_dns_is_passed_on() -> None:
    dns = Dns(nameservers=["10.0.0.53"], search=["example.com"])
    assert result_of("1.0.0", dns=dns)["dns"] == {
        "nameservers": ["10.0.0.53"],
        "search": ["example.com"],
    }


def test_an_error_ends_with_the_request_that_leads_through_the_logs() -> None:
    assert json.loads(cni_result.failed("0.4.0", Failure(7, "name: is missing", "Correct it."), "r-12")) == {
        "cniVersion": "0.4.0",
        "code": 7,
        "msg": "name: is missing",
        "details": "Correct it. request r-12",
    }


def test_the_supported_versions_are_told() -> None:
    assert json.loads(cni_result.versions("1.1.0"))["supportedVersions"] == [
        "0.3.0",
        "0.3.1",
        "0.4.0",
        "1.0.0",
        "1.1.0",
    ]
