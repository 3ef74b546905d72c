"""IPv6 is served as IPv4 is: by value, by the same rules, at the same cost."""

from typing import Any

import pytest
from gridsim_builders import a_grid, delete, ea, get, post, put, refused, search

from gridsim.database.calls import Call, Reply
from gridsim.model import Grid

NETWORK = "2001:db8:0:1::/64"
NEXT = f"func:nextavailableip:{NETWORK},default"


def a_grid6(network: str = NETWORK) -> Grid:
    grid = a_grid()
    grid.create("ipv6network", {"network": network})
    return grid


def a_duid(number: int) -> str:
    return f"00:04:00:00:{number >> 8:02x}:{number & 255:02x}"


def fixed6(grid: Grid, address: Any = NEXT, number: int = 1, **more: Any) -> Reply:
    body = {"ipv6addr": address, "duid": a_duid(number), **more}
    return post(grid, "ipv6fixedaddress", body, _return_fields="ipv6addr,duid,network,extattrs")


def address6(reply: Reply) -> str:
    assert reply.status == 201, reply
    return str(reply.body["ipv6addr"])


def test_next_available_counts_up_from_the_first_host_and_offers_a_released_address_again() -> None:
    grid = a_grid6()
    replies = [fixed6(grid, number=n) for n in range(3)]
    assert [address6(reply) for reply in replies] == [f"2001:db8:0:1::{n}" for n in (1, 2, 3)]
    delete(grid, replies[1].body["_ref"])
    assert address6(fixed6(grid, number=9)) == "2001:db8:0:1::2"


def test_a_network_of_any_size_costs_what_its_holders_cost() -> None:
    grid = a_grid6("2001:db8::/32")
    function = "func:nextavailableip:2001:db8::/32"
    given = {address6(fixed6(grid, function, number)) for number in range(1000)}
    assert len(given) == 1000
    grid.create(
        "ipv6range", {"start_addr": "2001:db8::", "end_addr": "2001:db8:ffff::", "network": "2001:db8::/32"}
    )
    assert address6(fixed6(grid, function, 1001)) == "2001:db8:ffff::1"


def test_a_drawn_address_is_free_and_not_the_lowest_and_a_full_network_is_still_found_full() -> None:
    grid = a_grid6("2001:db8::/125")
    grid.faults = grid.faults.changed({"next_available": "random"})
    function = "func:nextavailableip:2001:db8::/125"
    drawn = [address6(fixed6(grid, function, number)) for number in range(6)]
    assert sorted(drawn) == [f"2001:db8::{n}" for n in range(1, 7)]
    assert drawn != sorted(drawn)
    refused(fixed6(grid, function, 7), 400, "Client.Ibap.Data", "Cannot find 1 available IP address(es)")


def test_the_last_address_can_be_named_and_is_never_offered() -> None:
    grid = a_grid6("2001:db8::/126")
    function = "func:nextavailableip:2001:db8::/126"
    given = [address6(fixed6(grid, function, number)) for number in (1, 2)]
    assert given == ["2001:db8::1", "2001:db8::2"]
    last = fixed6(grid, "2001:db8::3", 3)
    delete(grid, last.body["_ref"])
    refused(fixed6(grid, function, 3), 400, "Client.Ibap.Data", "Cannot find 1 available IP address(es)")
    assert fixed6(grid, "2001:db8::", 3).status == 400


def test_addresses_and_networks_are_compared_by_value_and_shown_in_canonical_form() -> None:
    grid = a_grid6("2001:DB8:0:1:0:0:0:0/64")
    made = fixed6(grid, "2001:DB8:0:1:0::00AB", network="2001:db8:0000:1::/64")
    assert (made.body["ipv6addr"], made.body["network"]) == ("2001:db8:0:1::ab", NETWORK)
    assert made.body["_ref"].endswith(":2001%3Adb8%3A0%3A1%3A%3Aab/default")
    for conditions in (
        {"ipv6addr": "2001:db8:0:1:0:0:0:AB"},
        {"network": "2001:0DB8:0:1::/64"},
        {"duid": a_duid(1).upper()},
        {"ipv6addr~": "::ab$"},
    ):
        assert len(search(grid, "ipv6fixedaddress", conditions).body) == 1
    assert search(grid, "ipv6network", {"network": "2001:DB8:0:1::/64"}).body[0]["network"] == NETWORK
    refused(fixed6(grid, "2001:db8:0:1::0:ab", 2), 400, "Client.Ibap.Data.Conflict", "already exists")


def test_a_duid_is_required_and_unique_per_network() -> None:
    grid = a_grid6()
    grid.create("ipv6network", {"network": "2001:db8:0:2::/64"})
    grid.create("networkview", {"name": "blue"})
    grid.create("ipv6network", {"network": NETWORK, "network_view": "blue"})
    refused(post(grid, "ipv6fixedaddress", {"ipv6addr": NEXT}), 400, "Client.Ibap.Proto", "missing: duid")
    refused(fixed6(grid, duid="12"), 400, "Client.Ibap.Proto", "duid")
    assert fixed6(grid).status == 201
    refused(fixed6(grid), 400, "Client.Ibap.Data.Conflict", "is used in two fixed addresses")
    refused(fixed6(grid, "2001:db8:0:1::1"), 400, "Client.Ibap.Data.Conflict", "is used in two fixed addresses")
    grid.faults = grid.faults.changed({"duid_conflict": "duplicate"})
    refused(fixed6(grid), 400, "Client.Ibap.Data.Conflict", "Duplicate object")
    assert fixed6(grid, "func:nextavailableip:2001:db8:0:2::/64").status == 201
    assert fixed6(grid, f"func:nextavailableip:{NETWORK},blue", network_view="blue").status == 201


def test_a_mac_identifies_a_client_from_version_2_13_6_on_and_nothing_is_reserved() -> None:
    grid = a_grid6()
    body = {"ipv6addr": NEXT, "match_client": "MAC_ADDRESS", "mac_address": "0A-58-00-00-00-01"}
    before = grid.call(Call("POST", "ipv6fixedaddress", (), body, "2.12.3"))
    refused(before, 400, "Client.Ibap.Proto", "Unknown argument/field: 'match_client'")
    made = grid.call(Call("POST", "ipv6fixedaddress", (), body, "2.13.6"))
    assert made.status == 201
    shown = grid.call(Call("GET", str(made.body), (("_return_fields", "mac_address,match_client"),), None, "2.14"))
    assert (shown.body["mac_address"], shown.body["match_client"]) == ("0a:58:00:00:00:01", "MAC_ADDRESS")
    for match_client in ("RESERVED", "CLIENT_ID"):
        reply = grid.call(Call("PUT", str(made.body), (), {"match_client": match_client}, "2.14"))
        refused(reply, 400, "Client.Ibap.Proto", "match_client")


@pytest.mark.parametrize(
    "address",
    ["10.55.0.9", "fe80::1%eth0", "2001:db8:0:9::1", "func:nextavailableip:10.55.0.0/24", "2001:db8::/64"],
)
def test_an_address_that_is_none_of_the_network_is_refused(address: str) -> None:
    assert fixed6(a_grid6(), address).status == 400


def test_equal_numbers_of_the_two_families_are_two_addresses() -> None:
    grid = a_grid6("::/96")
    grid.create("fixedaddress", {"ipv4addr": "10.55.0.9", "match_client": "RESERVED"})
    assert address6(fixed6(grid, "::10.55.0.9", network="::/96")) == "::a37:9"
    assert grid.store.count("fixedaddress") == grid.store.count("ipv6fixedaddress") == 1


def test_a_request_creates_in_both_families_or_in_none() -> None:
    grid = a_grid6()
    four = {"ipv4addr": "func:nextavailableip:10.55.0.0/24", "mac": "0a:58:00:00:00:01"}
    six = {"ipv6addr": NEXT, "duid": a_duid(1), "extattrs": ea(VM_ID="pod")}
    both = [
        {"method": "POST", "object": "fixedaddress", "data": four},
        {"method": "POST", "object": "ipv6fixedaddress", "data": six, "args": {"_return_fields": "ipv6addr"}},
    ]
    answer = post(grid, "request", both).body
    assert answer[1]["ipv6addr"] == "2001:db8:0:1::1"
    again = [{**both[0], "data": {**four, "mac": "0a:58:00:00:00:02"}}, both[1]]
    refused(post(grid, "request", again), 400, "Client.Ibap.Data.Conflict", "DUID")
    assert grid.store.count("fixedaddress") == 1
    gone = [
        {
            "method": "GET",
            "object": "ipv6fixedaddress",
            "data": {"*VM ID": "pod"},
            "args": {"_max_results": "-1"},
            "assign_state": {"ref": "_ref"},
        },
        {"method": "DELETE", "object": "##STATE:ref:##", "enable_substitution": True},
    ]
    assert post(grid, "request", gone).status == 201
    assert grid.store.count("ipv6fixedaddress") == 0


def test_the_object_form_excludes_addresses_ranges_and_blocks() -> None:
    grid = a_grid6()
    excluded = ["2001:db8:0:1::1", "2001:db8:0:1::2-2001:db8:0:1::ff", "2001:db8:0:1::100/120"]
    function = {
        "_object_function": "next_available_ip",
        "_result_field": "ips",
        "_object": "ipv6network",
        "_object_parameters": {"network": NETWORK, "network_view": "default"},
        "_parameters": {"num": 1, "exclude": excluded},
    }
    assert address6(fixed6(grid, function)) == "2001:db8:0:1::200"
    ref = get(grid, "ipv6network").body[0]["_ref"]
    asked = post(grid, ref, {"num": 2, "exclude": excluded}, _function="next_available_ip")
    assert asked.body == {"ips": ["2001:db8:0:1::201", "2001:db8:0:1::202"]}


def test_a_move_changes_the_reference_and_other_changes_keep_it() -> None:
    grid = a_grid6()
    ref = fixed6(grid).body["_ref"]
    assert put(grid, ref, {"duid": a_duid(2), "comment": "x", "network_view": "default"}).body == ref
    moved = put(grid, ref, {"ipv6addr": "2001:db8:0:1::77"}).body
    assert moved != ref
    assert get(grid, ref).status == 404
    assert get(grid, moved).body["duid"] == a_duid(2)


def test_containers_hold_networks_of_their_family_and_know_how_full_they_are() -> None:
    grid = a_grid()
    grid.create("ipv6networkcontainer", {"network": "2001:db8::/48"})
    function = "func:nextavailablenetwork:2001:db8::/48,default,50"
    made = [post(grid, "ipv6network", {"network": function}, _return_fields="network").body for _ in range(4)]
    places = ["2001:db8::", "2001:db8:0:4000::", "2001:db8:0:8000::", "2001:db8:0:c000::"]
    assert [each["network"] for each in made] == [f"{place}/50" for place in places]
    refused(post(grid, "ipv6network", {"network": function}), 400, "Client.Ibap.Data", "available network(s)")
    delete(grid, made[0]["_ref"])
    assert get(grid, "ipv6networkcontainer", _return_fields="utilization").body[0]["utilization"] == 750
    shown = get(grid, "ipv6network", _return_fields="network_container").body
    assert {each["network_container"] for each in shown} == {"2001:db8::/48"}


def test_the_view_of_the_pool_lists_what_is_in_use_where_it_cannot_list_everything() -> None:
    grid = a_grid6()
    fixed6(grid, name="web-0")
    refused(search(grid, "ipv6address", {"network": NETWORK}), 400, "Client.Ibap.Proto", "Result set too large")
    (row,) = search(grid, "ipv6address", {"network": NETWORK, "status": "USED"}).body
    assert (row["ip_address"], row["types"], row["duid"], row["names"]) == (
        "2001:db8:0:1::1",
        ["FA"],
        a_duid(1),
        ["web-0"],
    )
    (free,) = search(grid, "ipv6address", {"ip_address": "2001:db8:0:1:0::2"}).body
    assert free["status"] == "UNUSED"
    assert get(grid, free["_ref"]).body == free


def test_a_user_may_lack_the_rights_of_one_family_and_a_grid_may_not_know_it() -> None:
    grid = a_grid6()
    fixed6(grid)
    grid.faults = grid.faults.changed({"no_permission": "ipv6fixedaddress", "invisible": "ipv6fixedaddress"})
    refused(fixed6(grid, number=2), 400, "Client.Ibap.Data.Conflict", "A parent was not found")
    assert get(grid, "ipv6fixedaddress").body == []
    grid.faults = grid.faults.changed({"unknown_type": "ipv6fixedaddress"})
    refused(get(grid, "ipv6fixedaddress"), 400, "Client.Ibap.Proto", "Unknown object type (ipv6fixedaddress)")
    assert get(grid, "fixedaddress").status == 200
