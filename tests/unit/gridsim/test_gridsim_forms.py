"""Forms of calls that other clients of the WAPI use."""

import pytest
from gridsim_builders import NETWORK, a_grid, a_mac, delete, ea, fixed, get, post, put, refused, search

from gridsim.model import Grid


def test_any_method_answers_as_an_object_when_asked_to() -> None:
    grid = a_grid()
    made = fixed(grid, "10.55.0.2", a_mac(1)).body
    one = {"_return_as_object": "1", "_return_fields": "ipv4addr"}
    shown = {"_ref": made, "ipv4addr": "10.55.0.2"}
    assert get(grid, "fixedaddress", **one).body == {"result": [shown]}
    assert get(grid, made, **one).body == {"result": shown}
    assert put(grid, made, {"name": "x"}, **one).body == {"result": shown}
    assert put(grid, made, {"name": "y"}, _return_as_object="1").body == {"result": made}
    network = get(grid, "network").body[0]["_ref"]
    asked = post(grid, network, {}, _function="next_available_ip", _return_as_object="1")
    assert asked.body == {"result": {"ips": ["10.55.0.1"]}}
    created = post(grid, "fixedaddress", {"ipv4addr": "10.55.0.3", "mac": a_mac(3)}, _return_as_object="1")
    assert list(created.body) == ["result"]


def test_too_many_hits_name_the_limit_alone() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.2"), fixed(grid, "10.55.0.3")
    refused(get(grid, "fixedaddress", _max_results="-1"), 400, "Client.Ibap.Proto", "Result set too large (> 1)")


def test_pages_may_be_as_large_as_the_grid_lets_them() -> None:
    grid = a_grid()
    paged = {"_paging": "1", "_return_as_object": "1"}
    refused(get(grid, "fixedaddress", **paged, _max_results="10000"), 400, "Client.Ibap.Proto", "_max_results")
    grid.faults = grid.faults.changed({"page_size_max": 0})
    assert get(grid, "fixedaddress", **paged, _max_results="10000").body == {"result": []}
    refused(get(grid, "fixedaddress", **paged, _max_results="-5"), 400, "Client.Ibap.Proto", "_max_results")


@pytest.mark.parametrize("kind", ["networkview", "network", "fixedaddress"])
def test_objects_are_found_by_their_comment(kind: str) -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.2")
    ref = get(grid, kind).body[0]["_ref"]
    put(grid, ref, {"comment": "Rack 7"})
    for condition, hits in (("comment", 1), ("comment:", 1), ("comment~", 0)):
        value = "rack 7" if condition in ("comment:", "comment~") else "Rack 7"
        assert len(search(grid, kind, {condition: value}).body) == hits


def test_the_network_of_an_address_can_be_searched_for() -> None:
    grid = a_grid()
    grid.create("network", {"network": "10.56.0.0/24"})
    (hit,) = search(grid, "network", {"ipv4addr": "10.56.0.77"}).body
    assert hit["network"] == "10.56.0.0/24"
    refused(search(grid, "network", {"ipv4addr": "x"}), 400, "Client.Ibap.Proto", "Invalid value for ipv4addr")


def test_a_reservation_becomes_an_object_with_a_mac_and_back_by_one_update_each() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2", a_mac(1)).body
    fields = {"_return_fields": "match_client,mac,ipv4addr"}
    zeros = {"match_client": "RESERVED", "mac": "00:00:00:00:00:00"}
    reserved = put(grid, ref, zeros, **fields).body
    assert (reserved["match_client"], reserved["_ref"]) == ("RESERVED", ref)
    back = put(grid, ref, {"match_client": "MAC_ADDRESS", "mac": a_mac(2)}, **fields).body
    assert (back["mac"], back["_ref"]) == (a_mac(2), ref)
    moved = put(grid, ref, {"ipv4addr": "10.55.0.9", **zeros}, **fields).body
    assert (moved["ipv4addr"], moved["match_client"]) == ("10.55.0.9", "RESERVED")


def test_a_literal_address_may_lie_inside_a_range() -> None:
    grid = a_grid()
    grid.create("range", {"start_addr": "10.55.0.1", "end_addr": "10.55.0.99"})
    assert fixed(grid, "10.55.0.7").status == 201
    assert fixed(grid).body.endswith(":10.55.0.100/default")


def a_grid_with_container() -> tuple[Grid, str]:
    grid = a_grid()
    return grid, grid.create("networkcontainer", {"network": "10.64.0.0/22", "extattrs": ea(Network_Name="pods")})


def test_next_available_networks_can_be_asked_for_and_made() -> None:
    grid, container = a_grid_with_container()
    asked = post(grid, container, {"cidr": 24, "num": 2, "exclude": ["10.64.0.0/24"]}, **NEXT_NETWORK)
    assert asked.body == {"networks": ["10.64.1.0/24", "10.64.2.0/24"]}
    function = {
        "_object_function": "next_available_network",
        "_result_field": "networks",
        "_object": "networkcontainer",
        "_object_parameters": {"*Network Name": "pods"},
        "_parameters": {"cidr": 24},
    }
    made = [post(grid, "network", {"network": function}).body for _ in range(4)]
    assert made[3].endswith(":10.64.3.0/24/default")
    refused(
        post(grid, "network", {"network": function}), 400, "Client.Ibap.Data", "Cannot find 1 available network(s)"
    )
    refused(post(grid, container, {"cidr": 20}, **NEXT_NETWORK), 400, "Client.Ibap.Proto", "cidr")
    delete(grid, made[1])
    assert post(grid, container, {"cidr": 24}, **NEXT_NETWORK).body == {"networks": ["10.64.1.0/24"]}
    assert get(grid, container, _return_fields="utilization").body["utilization"] == 750


NEXT_NETWORK = {"_function": "next_available_network"}


def test_an_attribute_may_be_defined_for_some_object_types_only() -> None:
    grid = a_grid()
    grid.create("ipv6network", {"network": "2001:db8::/64"})
    grid.create(
        "extensibleattributedef", {"name": "Pod", "type": "STRING", "allowed_object_types": ["FixedAddress"]}
    )
    assert fixed(grid, "10.55.0.2", extattrs=ea(Pod="a")).status == 201
    six = {"ipv6addr": "2001:db8::1", "duid": "00:01", "extattrs": ea(Pod="a")}
    refused(post(grid, "ipv6fixedaddress", six), 400, "Client.Ibap.Data.Conflict", "'Pod' is not allowed")
    network = search(grid, "network", {"network": NETWORK}).body[0]["_ref"]
    refused(
        put(grid, network, {"extattrs": ea(Pod="a")}), 400, "Client.Ibap.Data.Conflict", "'Pod' is not allowed"
    )
