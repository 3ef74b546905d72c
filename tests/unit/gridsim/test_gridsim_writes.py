"""Writes obey the rules of the grid's database."""

from typing import Any

import pytest
from gridsim_builders import (
    NETWORK,
    NEXT,
    a_grid,
    a_host,
    a_mac,
    delete,
    ea,
    fixed,
    get,
    post,
    put,
    refused,
    search,
)

from gridsim.database.refusals import Refusal
from gridsim.model import Grid

CONFLICT = "Client.Ibap.Data.Conflict"
PROTO = "Client.Ibap.Proto"
ZERO = "00:00:00:00:00:00"


def shown(grid: Grid, ref: str, *fields: str) -> dict[str, Any]:
    body = get(grid, ref, _return_fields=",".join(fields)).body
    return {name: body.get(name) for name in fields}


def attributes(grid: Grid, ref: str) -> dict[str, Any]:
    return {name: held["value"] for name, held in shown(grid, ref, "extattrs")["extattrs"].items()}


def test_one_mac_cannot_be_used_twice_in_a_network() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.2", a_mac(1))
    text = (
        f"MAC address {a_mac(1)} is used in two fixed addresses 10.55.0.2 and 10.55.0.9, "
        f"which are in the same network {NETWORK}."
    )
    refused(fixed(grid, "10.55.0.9", a_mac(1).upper().replace(":", "-")), 400, CONFLICT, text)
    refused(fixed(grid, "10.55.0.2", a_mac(1)), 400, CONFLICT, "10.55.0.2 and 10.55.0.2")
    assert grid.store.count("fixedaddress") == 1


def test_one_mac_may_be_used_in_two_networks_of_a_view() -> None:
    grid = a_grid()
    grid.create("network", {"network": "10.56.0.0/24"})
    assert fixed(grid, "10.55.0.2", a_mac(1)).status == 201
    assert fixed(grid, "10.56.0.2", a_mac(1)).status == 201


def test_changing_a_mac_to_one_in_use_is_refused() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.2", a_mac(1))
    ref = fixed(grid, "10.55.0.3", a_mac(2)).body
    refused(put(grid, ref, {"mac": a_mac(1)}), 400, CONFLICT, "is used in two fixed addresses")
    assert put(grid, ref, {"mac": a_mac(2)}).status == 200


def test_a_used_address_is_refused() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.2", a_mac(1))
    a_host(grid, "10.55.0.3", "router")
    refused(fixed(grid, "10.55.0.2", a_mac(2)), 400, CONFLICT, "already exists")
    refused(fixed(grid, "10.55.0.3"), 400, CONFLICT, "already exists")


def test_an_address_outside_any_network_has_no_parent() -> None:
    grid = a_grid()
    refused(fixed(grid, "10.99.0.2"), 400, CONFLICT, "A parent was not found")
    refused(fixed(grid, "10.55.0.2", network="10.56.0.0/24"), 400, CONFLICT, "A parent was not found")
    refused(fixed(grid, "10.55.0.255"), 400, PROTO, "Invalid value for ipv4addr")
    refused(fixed(grid, "10.55.0.2", network_view="blue"), 404, "Client.Ibap.Data.NotFound", "blue not found")


def test_the_zero_mac_makes_any_number_of_reservations() -> None:
    grid = a_grid()
    refs = [fixed(grid, NEXT, ZERO).body for _ in range(3)]
    assert {shown(grid, ref, "match_client")["match_client"] for ref in refs} == {"RESERVED"}


def test_a_client_must_be_named() -> None:
    reply = post(a_grid(), "fixedaddress", {"ipv4addr": "10.55.0.2"})
    refused(reply, 400, PROTO, "MAC address is required when match_client is undefined")


def test_the_mac_of_a_reservation_shows_zeros_or_nothing_as_switched() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    assert shown(grid, ref, "mac") == {"mac": ZERO}
    grid.faults = grid.faults.changed({"reservation_mac": "absent"})
    assert "mac" not in get(grid, ref, _return_fields="mac").body


def test_setting_the_mac_of_a_reservation_changes_nothing_without_saying_so() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    assert put(grid, ref, {"mac": a_mac(1)}).status == 200
    assert shown(grid, ref, "mac", "match_client") == {"mac": ZERO, "match_client": "RESERVED"}
    put(grid, ref, {"mac": a_mac(1), "match_client": "MAC_ADDRESS"})
    assert shown(grid, ref, "mac", "match_client") == {"mac": a_mac(1), "match_client": "MAC_ADDRESS"}


def test_becoming_a_reservation_erases_the_mac() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2", a_mac(1)).body
    put(grid, ref, {"match_client": "RESERVED"})
    put(grid, ref, {"match_client": "MAC_ADDRESS", "mac": a_mac(2)})
    assert fixed(grid, "10.55.0.3", a_mac(1)).status == 201


@pytest.mark.parametrize(
    "spelling", ["0A:58:00:00:00:01", "0a-58-00-00-00-01", "0a58.0000.0001", "0a5800-000001", "0a5800000001"]
)
def test_every_spelling_of_a_mac_is_shown_alike(spelling: str) -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2", spelling).body
    assert shown(grid, ref, "mac") == {"mac": a_mac(1)}


def test_extattrs_replaces_all_while_plus_merges_and_minus_removes() -> None:
    grid = a_grid()
    ref = fixed(grid, NEXT, extattrs=ea(VM_ID="a", Location="node-a")).body
    put(grid, ref, {"extattrs+": ea(VM_Name="shop/web", Location="node-b")})
    assert attributes(grid, ref) == {"VM ID": "a", "VM Name": "shop/web", "Location": "node-b"}
    put(grid, ref, {"extattrs-": {"Location": {}}})
    assert attributes(grid, ref) == {"VM ID": "a", "VM Name": "shop/web"}
    put(grid, ref, {"comment": "untouched"})
    assert attributes(grid, ref) == {"VM ID": "a", "VM Name": "shop/web"}
    put(grid, ref, {"extattrs": ea(VM_ID="b")})
    assert attributes(grid, ref) == {"VM ID": "b"}
    assert search(grid, "fixedaddress", {"*VM ID": "a"}).body == []


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        ({"extattrs": ea(Site="x")}, "Unknown extensible attribute: Site"),
        ({"extattrs": ea(Cloud_API_Owned="true")}, "Invalid value"),
        ({"extattrs": ea(VM_ID="")}, "Invalid value"),
        ({"extattrs": ea(VM_ID=" a")}, "Invalid value"),
        ({"extattrs": ea(VM_ID="a" * 257)}, "Invalid value"),
        ({"extattrs": ea(VM_ID=["a", "b"])}, "multiple values"),
        ({"extattrs": {"VM ID": "a"}}, "needs a value"),
        ({"comment": "a" * 257}, "Invalid value for comment"),
        ({"comment": "blank at the end "}, "Invalid value for comment"),
        ({"nothing": 1}, "Unknown argument/field: 'nothing'"),
        ({"cloud_info": {}}, "Field is not writable: cloud_info"),
        ({"name": 1}, "Invalid value for name"),
        ({"match_client": "NOBODY"}, "Invalid value for match_client"),
    ],
)
def test_a_create_with_bad_data_is_refused_without_a_trace(data: dict[str, Any], fragment: str) -> None:
    grid = a_grid()
    before = grid.store.snapshot()
    reply = fixed(grid, "10.55.0.2", **data)
    assert reply.status == 400
    assert fragment in reply.body["text"]
    assert grid.store.snapshot() == before


def test_a_field_that_is_fixed_at_creation_cannot_be_updated() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    grid.create("networkview", {"name": "blue"})
    refused(put(grid, ref, {"network_view": "blue"}), 400, CONFLICT, "A parent was not found")
    network = get(grid, "network").body[0]["_ref"]
    for field, other in (("network_view", "blue"), ("network", "10.66.0.0/24")):
        refused(put(grid, network, {field: other}), 400, PROTO, f"Field is not allowed for update: {field}")
    definition = search(grid, "extensibleattributedef", {"name": "Location"}).body[0]["_ref"]
    refused(put(grid, definition, {"type": "INTEGER"}), 400, PROTO, "Field is not allowed for update: type")


def test_a_field_that_is_sent_as_it_is_counts_as_no_update() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    assert put(grid, ref, {"network_view": "default", "network": NETWORK}).body == ref
    network = get(grid, "network").body[0]["_ref"]
    assert put(grid, network, {"network_view": "default", "network": NETWORK}).body == network
    definition = search(grid, "extensibleattributedef", {"name": "Location"}).body[0]["_ref"]
    assert put(grid, definition, {"type": "STRING"}).body == definition


def test_a_missing_required_field_is_named() -> None:
    refused(post(a_grid(), "network", {}), 400, PROTO, "field for create missing: network")


def test_overlapping_networks_are_refused_while_containers_nest() -> None:
    grid = a_grid()
    for other in ("10.55.0.0/25", "10.0.0.0/8"):
        refused(post(grid, "network", {"network": other}), 400, CONFLICT, "overlaps")
    twin = f"The network {NETWORK} already exists.  Select another network."
    for kind in ("network", "networkcontainer"):
        refused(post(grid, kind, {"network": NETWORK}), 400, CONFLICT, twin)
    assert post(grid, "networkcontainer", {"network": "10.0.0.0/8"}).status == 201
    assert get(grid, "network", _return_fields="network_container").body[0]["network_container"] == "10.0.0.0/8"
    grid.create("networkview", {"name": "blue"})
    assert post(grid, "network", {"network": NETWORK, "network_view": "blue"}).status == 201


def test_a_network_with_host_bits_is_refused() -> None:
    refused(post(a_grid(), "network", {"network": "10.56.0.1/24"}), 400, PROTO, "Invalid value for network")


def test_the_next_available_network_of_a_container_is_found() -> None:
    grid = a_grid()
    grid.create("networkcontainer", {"network": "10.55.0.0/22"})
    function = "func:nextavailablenetwork:10.55.0.0/22,default,24"
    made = [post(grid, "network", {"network": function}).body.partition(":")[2] for _ in range(3)]
    assert made == [f"10.55.{n}.0/24/default" for n in (1, 2, 3)]
    refused(post(grid, "network", {"network": function}), 400, "Client.Ibap.Data", "available network")


def test_deleting_a_network_deletes_everything_in_it() -> None:
    grid = a_grid()
    empty = grid.store.snapshot()
    grid.create("network", {"network": "10.56.0.0/24"})
    grid.create("range", {"start_addr": "10.56.0.9", "end_addr": "10.56.0.12"})
    a_host(grid, "10.56.0.3")
    fixed(grid, "10.56.0.2", a_mac(1))
    network = search(grid, "network", {"network": "10.56.0.0/24"}).body[0]["_ref"]
    assert delete(grid, network).body == network
    assert grid.store.snapshot() == empty


def test_renaming_a_view_renames_it_in_its_objects() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    view = get(grid, "networkview").body[0]["_ref"]
    put(grid, view, {"name": "prod"})
    found = search(grid, "fixedaddress", {"network_view": "prod"}).body
    assert [hit["_ref"] for hit in found] == [ref.replace("/default", "/prod")]


def test_the_default_view_stays_while_another_goes_with_its_objects() -> None:
    grid = a_grid()
    refused(delete(grid, get(grid, "networkview").body[0]["_ref"]), 400, CONFLICT, "cannot be deleted")
    blue = grid.create("networkview", {"name": "blue"})
    grid.create("network", {"network": NETWORK, "network_view": "blue"})
    assert delete(grid, blue).status == 200
    assert len(get(grid, "network").body) == 1


def test_a_range_needs_a_parent_network() -> None:
    data = {"start_addr": "10.99.0.1", "end_addr": "10.99.0.9"}
    refused(post(a_grid(), "range", data), 400, CONFLICT, "Cannot find the parent network for the DHCP range")


@pytest.mark.parametrize("exclude", [[{}], [{"start_address": "x", "end_address": "y"}], ["10.55.0.2"], "x"])
def test_a_range_with_malformed_exclusions_is_refused(exclude: Any) -> None:
    data = {"start_addr": "10.55.0.1", "end_addr": "10.55.0.9", "exclude": exclude}
    assert post(a_grid(), "range", data).status == 400


def test_a_write_answers_with_the_fields_that_it_was_asked_for() -> None:
    grid = a_grid()
    made = fixed(grid, "10.55.0.2", a_mac(1)).body
    body = {"ipv4addr": "10.55.0.3", "mac": a_mac(2)}
    reply = post(grid, "fixedaddress", body, _return_fields="ipv4addr,mac")
    assert {**reply.body, "_ref": ""} == {"_ref": "", "ipv4addr": "10.55.0.3", "mac": a_mac(2)}
    assert put(grid, made, {"name": "x"}, _return_fields="name").body == {"_ref": made, "name": "x"}


def test_under_approval_nothing_changes_and_the_reference_is_a_scheduled_task() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    before = grid.store.snapshot()
    grid.faults = grid.faults.changed({"approval": True})
    replies = (fixed(grid, "10.55.0.3"), put(grid, ref, {"name": "x"}), delete(grid, ref))
    assert [(reply.status, reply.body.partition("/")[0]) for reply in replies] == [(201, "scheduledtask")] * 3
    assert grid.store.snapshot() == before


def test_types_without_writes_refuse_them() -> None:
    grid = a_grid()
    refused(post(grid, "ipv4address", {}), 400, PROTO, "Operation create not allowed for ipv4address")
    refused(delete(grid, get(grid, "member").body[0]["_ref"]), 400, PROTO, "Operation delete not allowed")


def test_the_owner_of_the_grid_is_not_bound_by_the_switches() -> None:
    grid = a_grid()
    grid.faults = grid.faults.changed({"user_kind": "cloud", "approval": True, "func_conflicts": -1})
    made = grid.create("fixedaddress", {"ipv4addr": NEXT, "match_client": "RESERVED"})
    assert made.endswith(":10.55.0.1/default")
    with pytest.raises(Refusal, match="parent"):
        grid.create("fixedaddress", {"ipv4addr": "9.9.9.9", "match_client": "RESERVED"})
