"""Public clients of the WAPI, the vendor's among them, work against the simulator over HTTPS.

They know real grids better than we do, so what they rely on has to hold here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import ibwapi
import pytest
from ibx_sdk.nios.exceptions import WapiRequestException
from ibx_sdk.nios.gift import Gift
from infoblox_client import exceptions, objects
from infoblox_client.connector import Connector

from gridsim.http.server import GridServer

FOUR = "10.55.0.0/24"
SIX = "2001:db8:0:1::/64"
DUID = "00:04:5f:1c:00:01"
MAC = "0a:58:00:00:00:01"
FAMILIES = [("network", "fixedaddress", "ipv4addr", FOUR), ("ipv6network", "ipv6fixedaddress", "ipv6addr", SIX)]


@pytest.fixture
def host(server: GridServer) -> str:
    return urlsplit(server.url).netloc


@pytest.fixture
def vendors(server: GridServer, host: str) -> Iterator[Connector]:
    options = {
        "host": host,
        "username": "admin",
        "password": "infoblox",
        "ssl_verify": str(server.certificate),
        "wapi_version": "2.12",
        "max_results": -1000,
    }
    connector = Connector(options)
    connector.session.trust_env = False
    yield connector
    connector.session.close()


@pytest.fixture
def simple(server: GridServer, host: str) -> Iterator[ibwapi.Client]:
    client = ibwapi.Client(host, ("admin", "infoblox"), tls_verify=str(server.certificate))
    client.session.trust_env = False
    yield client
    client.session.close()


@pytest.fixture
def sdk(server: GridServer, host: str) -> Iterator[Gift]:
    gift = Gift(grid_mgr=host, wapi_ver="2.14", ssl_verify=str(server.certificate))
    gift.connect(username="admin", password="infoblox")
    yield gift
    gift.conn.close()
    gift.close()


def client_of(field: str, number: int) -> dict[str, str]:
    return {"ipv4addr": {"mac": f"0a:58:00:00:00:{number:02x}"}, "ipv6addr": {"duid": f"00:01:{number:02x}"}}[
        field
    ]


def test_the_vendors_client_makes_views_and_networks(vendors: Connector) -> None:
    view = objects.NetworkView.create(vendors, name="blue")
    assert objects.NetworkView.search(vendors, name="blue").ref == view.ref
    for cidr in ("10.77.0.0/24", "2001:DB8:77::/64"):
        made = objects.Network.create(vendors, network_view="blue", cidr=cidr, comment="pods")
        assert objects.Network.create(vendors, network_view="blue", cidr=cidr).ref == made.ref
        found = objects.Network.search(vendors, network_view="blue", cidr=cidr)
        assert (found.comment, found.ref) == ("pods", made.ref)
        made.comment = "others"
        assert made.update().comment == "others"
        made.delete()
        assert objects.Network.search(vendors, network_view="blue", cidr=cidr) is None


@pytest.mark.parametrize("cidr", [FOUR, SIX])
def test_the_vendors_client_takes_next_available_addresses_and_finds_them_by_attribute(
    vendors: Connector, cidr: str
) -> None:
    objects.Network.create(vendors, network_view="default", cidr=cidr)
    where = objects.IPAllocation.next_available_ip_from_cidr("default", cidr)
    made = [
        objects.FixedAddress.create(
            vendors,
            check_if_exists=False,
            network_view="default",
            ip=where,
            mac=f"0a:58:00:00:00:0{number}",
            extattrs=objects.EA({"VM ID": f"pod-{number}"}),
        )
        for number in (1, 2)
    ]
    prefix = cidr.partition("/")[0].removesuffix(".0").removesuffix("::")
    separator = "::" if ":" in cidr else "."
    assert [each.ip for each in made] == [f"{prefix}{separator}{number}" for number in (1, 2)]
    (found,) = type(made[0]).search_all(vendors, search_extattrs=objects.EA({"VM ID": "pod-2"}))
    assert found.ref == made[1].ref
    found.delete()
    assert type(made[0]).search_all(vendors, search_extattrs=objects.EA({"VM ID": "pod-2"})) == []


def test_the_vendors_client_pages_and_meets_refusals(vendors: Connector) -> None:
    for number in range(5):
        objects.FixedAddress.create(
            vendors, network_view="default", ip=f"10.55.0.{number + 10}", mac=f"0a:58:00:00:01:0{number}"
        )
    assert len(objects.FixedAddressV4.search_all(vendors, paging=True, max_results=2)) == 5
    with pytest.raises(exceptions.InfobloxConnectionError, match="400"):
        objects.FixedAddressV4.search_all(vendors, max_results=-2)
    with pytest.raises(exceptions.InfobloxCannotCreateObject, match="is used in two fixed addresses"):
        objects.FixedAddress.create(
            vendors, check_if_exists=False, network_view="default", ip="10.55.0.99", mac="0a:58:00:00:01:00"
        )


def test_the_vendors_client_makes_hosts_of_both_families(vendors: Connector) -> None:
    objects.Network.create(vendors, network_view="default", cidr=SIX)
    objects.DNSZone.create(vendors, view="default", fqdn="example.com")
    for address in ("10.55.0.20", "2001:db8:0:1::20"):
        name = f"h{address[-2:]}-{address[:2]}.example.com"
        entry = objects.IP.create(ip=address, mac=MAC)
        made = objects.HostRecord.create(vendors, view="default", name=name, ip=[entry])
        family = objects.HostRecordV6 if ":" in address else objects.HostRecordV4
        found = family.search(vendors, view="default", ip=address)
        assert (found.name, found.ref) == (name, made.ref)
        made.delete()
        assert family.search(vendors, view="default", ip=address) is None


def test_the_vendors_client_defines_attributes(vendors: Connector) -> None:
    objects.EADefinition.create(vendors, name="Pod Node", type="STRING", comment="where the pod runs")
    assert objects.EADefinition.search(vendors, name="Pod Node").comment == "where the pod runs"


@pytest.mark.parametrize(("network", "fixed", "field", "cidr"), FAMILIES)
def test_ibwapi_reads_by_pages_and_sends_batches(
    simple: ibwapi.Client, network: str, fixed: str, field: str, cidr: str
) -> None:
    if not simple.get(network, {"network": cidr}):
        simple.new(network, {"network": cidr})
    (found,) = simple.get(network, {"network": cidr})
    assert len(simple.call_func(found["_ref"], "next_available_ip", {"num": 3})["ips"]) == 3
    next_free = f"func:nextavailableip:{cidr},default"
    batch = [
        {"method": "POST", "object": fixed, "data": {field: next_free, **client_of(field, number)}}
        for number in range(1, 6)
    ]
    refs = simple.request(batch)
    assert len(set(refs)) == 5
    listed = simple.get(fixed, {"network": cidr}, return_fields=[field, "extattrs"], page_size=2)
    assert {each["_ref"] for each in listed} == set(refs)
    simple.update(refs[0], {"extattrs+": {"VM ID": {"value": "pod"}}, "comment": "x"})
    find_and_delete = [
        {
            "method": "GET",
            "object": fixed,
            "data": {"*VM ID": "pod"},
            "args": {"_return_fields": field},
            "assign_state": {"ref": "_ref"},
            "discard": True,
        },
        {"method": "DELETE", "object": "##STATE:ref:##", "enable_substitution": True},
    ]
    assert simple.request(find_and_delete) == [refs[0]]
    assert simple.get(fixed, {"*VM ID": "pod"}) == []
    simple.delete(refs[1])
    assert len(simple.get(fixed)) == 3


def test_ibwapi_is_told_what_was_wrong(simple: ibwapi.Client) -> None:
    with pytest.raises(ibwapi.client.WAPIError, match="Unknown extensible attribute"):
        simple.get("fixedaddress", {"*Nothing": "x"})


@pytest.mark.parametrize(("network", "fixed", "field", "cidr"), FAMILIES)
def test_ibx_sdk_creates_reads_changes_deletes(sdk: Gift, network: str, fixed: str, field: str, cidr: str) -> None:
    if not sdk.get(network, params={"network": cidr}).json():
        sdk.post(network, json={"network": cidr})
    ref = sdk.getone(network, params={"network": cidr})
    assert json_of(sdk.put(ref, json={"comment": "pods"})) == ref
    asked = sdk.post(ref, params={"_function": "next_available_ip"}, json={"num": 1})
    address = json_of(asked)["ips"][0]
    body = {field: address, **client_of(field, 1), "extattrs": {"VM ID": {"value": "pod"}}}
    made = json_of(sdk.post(fixed, json=body, params={"_return_fields": field, "_return_as_object": 1}))["result"]
    assert made[field] == address
    (hit,) = sdk.get(fixed, params={"*VM ID": "pod", "_return_fields+": "extattrs"}).json()
    assert hit["extattrs"] == {"VM ID": {"value": "pod"}}
    assert len(sdk.get_paginated(fixed, limit=1)) == 1
    assert json_of(sdk.delete(made["_ref"])) == made["_ref"]
    with pytest.raises(WapiRequestException, match="not found"):
        sdk.get(made["_ref"])


def test_ibx_sdk_finds_versions_and_fields_by_the_schema(sdk: Gift) -> None:
    sdk.max_wapi_ver()
    assert sdk.wapi_ver == "2.14"
    assert {"ipv6addr", "duid", "match_client"} <= set(sdk.object_fields("ipv6fixedaddress").split(","))


def json_of(response: Any) -> Any:
    assert response.status_code in (200, 201), response.text
    return json.loads(response.text)
