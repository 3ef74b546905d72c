"""Host records: zones with DNS, names that repeat without, addresses of both families."""

import base64
from typing import Any

from gridsim_builders import NEXT, a_grid, a_host, delete, fixed, get, post, put, refused, search

from gridsim.database.calls import Reply
from gridsim.model import Grid

CONFLICT = "Client.Ibap.Data.Conflict"
AT = [{"ipv4addr": "10.55.0.5"}]


def host(grid: Grid, name: str = "web.example.com", **more: Any) -> Reply:
    return post(grid, "record:host", {"name": name, "ipv4addrs": AT, **more})


def key_of(ref: str) -> str:
    oid = ref.partition("/")[2].partition(":")[0]
    return base64.urlsafe_b64decode(oid + "=" * (-len(oid) % 4)).decode()


def a_grid_with_zone() -> Grid:
    grid = a_grid()
    grid.create("zone_auth", {"fqdn": "example.com"})
    return grid


def test_a_host_has_dns_unless_told_otherwise_and_then_needs_a_zone() -> None:
    grid = a_grid()
    refused(host(grid), 400, CONFLICT, "A parent was not found")
    grid.create("zone_auth", {"fqdn": "example.com"})
    ref = host(grid).body
    assert (key_of(ref), ref.rpartition(":")[2]) == (
        "dns.host$._default.com.example.web",
        "web.example.com/default",
    )
    shown = get(grid, ref, _return_fields="zone,view,network_view").body
    assert (shown["zone"], shown["view"], shown["network_view"]) == ("example.com", "default", "default")
    refused(host(grid), 400, CONFLICT, "The record 'web.example.com' already exists.")


def test_the_dns_view_of_a_network_view_holds_names_of_its_own() -> None:
    grid = a_grid_with_zone()
    grid.create("networkview", {"name": "blue"})
    assert {each["name"] for each in get(grid, "view").body} == {"default", "default.blue"}
    refused(host(grid, network_view="blue"), 400, CONFLICT, "A parent was not found")
    grid.create("zone_auth", {"fqdn": "example.com", "view": "default.blue"})
    assert [host(grid, view="default.blue").status, host(grid).status] == [201, 201]
    refused(
        host(grid, "x.example.com", view="nowhere"), 404, "Client.Ibap.Data.NotFound", "View nowhere not found"
    )


def test_hosts_without_dns_repeat_names_and_addresses_and_never_a_reference() -> None:
    grid = a_grid()
    first, second = a_host(grid, "10.55.0.5", "h9"), a_host(grid, "10.55.0.5", "h9")
    assert first != second
    assert first.endswith(":h9/%20")
    assert key_of(first).startswith("dns.host$.non_DNS_host_root.0.17")
    assert get(grid, first).body["view"] == " "
    delete(grid, first)
    a_host(grid, "10.55.0.5", "h9")
    refused(delete(grid, first), 404, "Client.Ibap.Data.NotFound", "not found")
    outside = {"name": "h", "configure_for_dns": False, "ipv4addrs": [{"ipv4addr": "10.99.0.1"}]}
    refused(
        post(grid, "record:host", outside), 400, CONFLICT, "At least one host address must belong to an existing"
    )


def test_another_name_changes_the_reference() -> None:
    grid = a_grid_with_zone()
    for ref, name in ((host(grid).body, "db.example.com"), (a_host(grid, "10.55.0.6"), "other")):
        renamed = put(grid, ref, {"name": name, "comment": "x"}).body
        assert get(grid, ref).status == 404
        shown = get(grid, renamed, _return_fields="name,comment,ipv4addrs").body
        assert (shown["name"], shown["comment"], shown["ipv4addrs"][0]["host"]) == (name, "x", name)


def test_a_host_holds_addresses_of_both_families_and_is_found_by_each() -> None:
    grid = a_grid()
    grid.create("ipv6network", {"network": "2001:db8::/64"})
    six = {
        "ipv6addr": "func:nextavailableip:2001:db8::/64,default",
        "duid": "00:04:AA",
        "configure_for_dhcp": True,
    }
    body = {
        "name": "h",
        "configure_for_dns": False,
        "ipv4addrs": [{"ipv4addr": NEXT, "mac": "0a:58:00:00:00:01"}],
        "ipv6addrs": [six],
    }
    ref = post(grid, "record:host", body).body
    shown = get(grid, ref, _return_fields="ipv4addrs,ipv6addrs").body
    (four,), (six,) = shown["ipv4addrs"], shown["ipv6addrs"]
    assert (four["ipv4addr"], four["configure_for_dhcp"]) == ("10.55.0.1", True)
    assert (six["ipv6addr"], six["duid"]) == ("2001:db8::1", "00:04:aa")
    assert six["_ref"].startswith("record:host_ipv6addr/")
    assert key_of(four["_ref"]).endswith(".h.10.55.0.1.")
    for conditions in (
        {"ipv4addr": "10.55.0.1"},
        {"ipv6addr": "2001:DB8:0::1"},
        {"mac": "0A-58-00-00-00-01"},
        {"duid": "00:04:AA"},
    ):
        assert [hit["_ref"] for hit in search(grid, "record:host", conditions).body] == [ref]
    assert search(grid, "record:host", {"ipv4addr": "10.55.0.2"}).body == []
    assert fixed(grid).body.endswith(":10.55.0.2/default")
    put(grid, ref, {"ipv4addrs": []})
    assert get(grid, ref, _return_fields="ipv4addrs,ipv6addrs").body["ipv6addrs"] == [six]
    refused(fixed(grid, "10.55.0.2"), 400, CONFLICT, "already exists")
    assert fixed(grid, "10.55.0.1").status == 201
