"""Searches refuse what they do not understand, or find everything that matches."""

import pytest
from gridsim_builders import a_grid, a_mac, address_of, ea, fixed, get, refused, search
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.database.calls import Call, parse_query
from gridsim.model import Grid


def a_grid_with_pods(number: int) -> Grid:
    grid = a_grid("10.55.0.0/16")
    for place in range(number):
        attributes = ea(VM_ID=f"c{place}", Tenant_ID="cluster-1", VM_Name=f"shop/Web-{place}")
        reply = fixed(grid, "func:nextavailableip:10.55.0.0/16", a_mac(place), extattrs=attributes)
        assert reply.status == 201
    return grid


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"name": "web"}, "Field is not searchable: name"),
        ({"mac<": "0a"}, "Field is not searchable: mac"),
        ({"comment<": "x"}, "Field is not searchable: comment"),
        ({"Site": "x"}, "Unknown argument/field: 'Site'"),
        ({"*Site": "x"}, "Unknown extensible attribute: Site"),
        ({"_foo": "1"}, "Unknown argument/field: '_foo'"),
        ({"_return_fields": "_ref"}, "Unknown argument/field: '_ref'"),
        ({"_return_fields": "ipv4addr,nothing"}, "Unknown argument/field: 'nothing'"),
        ({"_return_fields": "template"}, "Field is not readable: template"),
        ({"_return_fields": "mac", "_return_fields+": "name"}, "mutually exclusive"),
        ({"_function": "next_available_ip"}, "illegal with this method"),
        ({"ipv4addr~": "("}, "Invalid value for ipv4addr"),
        ({"_max_results": "many"}, "Invalid value for _max_results"),
    ],
)
def test_a_search_that_the_schema_does_not_allow_is_refused(arguments: dict[str, str], fragment: str) -> None:
    refused(search(a_grid(), "fixedaddress", arguments), 400, "Client.Ibap.Proto", fragment)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"*VM ID": "c3"}, {3}),
        ({"*VM ID!": "c3"}, {0, 1, 2, 4}),
        ({"*VM Name:": "SHOP/web-2"}, {2}),
        ({"*VM Name~": "-[34]$"}, {3, 4}),
        ({"*VM ID": "c3", "*Tenant ID": "other"}, set()),
        ({"mac": "0A58.0000.0004"}, {4}),
        ({"mac": "0a:58:00:00:00:01", "network": "10.55.0.0/16"}, {1}),
        ({"network_view": "default", "*VM ID": "c0"}, {0}),
        ({"ipv4addr": "10.55.0.3"}, {2}),
        ({"ipv4addr~": r"0\.[12]$"}, {0, 1}),
    ],
)
def test_a_search_finds_exactly_what_matches(conditions: dict[str, str], found: set[int]) -> None:
    reply = search(a_grid_with_pods(5), "fixedaddress", conditions, _return_fields="extattrs")
    assert {int(hit["extattrs"]["VM ID"]["value"][1:]) for hit in reply.body} == found


def test_hits_do_not_come_in_the_order_of_creation() -> None:
    hits = get(a_grid_with_pods(20), "fixedaddress").body
    order = [int(hit["ipv4addr"].rpartition(".")[2]) for hit in hits]
    assert sorted(order) == list(range(1, 21))
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_base_fields_come_unless_others_are_asked_for() -> None:
    grid = a_grid_with_pods(1)
    assert set(get(grid, "fixedaddress").body[0]) == {"_ref", "ipv4addr", "network_view"}
    assert set(get(grid, "fixedaddress", _return_fields="mac").body[0]) == {"_ref", "mac"}
    more = grid.call(Call("GET", "fixedaddress", (("_return_fields+", "mac"),)))
    assert set(more.body[0]) == {"_ref", "ipv4addr", "network_view", "mac"}
    part = get(grid, "fixedaddress", _return_fields="extattrs.VM ID")
    assert part.body[0]["extattrs"] == {"VM ID": {"value": "c0"}}


def test_conditions_may_stand_in_the_body() -> None:
    body = {"network_view": "default", "*VM ID": "c1", "_max_results": 1}
    reply = a_grid_with_pods(3).call(Call("GET", "fixedaddress", (("_return_fields", "mac"),), body))
    assert [hit["mac"] for hit in reply.body] == [a_mac(1)]


def test_negative_max_results_refuses_where_a_positive_one_cuts() -> None:
    grid = a_grid_with_pods(4)
    assert len(get(grid, "fixedaddress", _max_results="3").body) == 3
    assert len(get(grid, "fixedaddress", _max_results="-4").body) == 4
    refused(get(grid, "fixedaddress", _max_results="-3"), 400, "Client.Ibap.Proto", "too large")


def test_more_than_a_thousand_hits_are_refused_by_default() -> None:
    grid = a_grid_with_pods(1001)
    refused(get(grid, "fixedaddress"), 400, "Client.Ibap.Proto", "too large")


def test_a_search_in_an_unknown_view_is_an_error_or_empty_as_switched() -> None:
    grid = a_grid()
    conditions = {"network_view": "blue"}
    refused(
        search(grid, "fixedaddress", conditions), 404, "Client.Ibap.Data.NotFound", "Network View blue not found"
    )
    grid.faults = grid.faults.changed({"unknown_view_search": "empty"})
    assert search(grid, "fixedaddress", conditions).body == []


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"_paging": "1", "_max_results": "10"}, "_return_as_object"),
        ({"_paging": "1", "_return_as_object": "1"}, "_max_results"),
        ({"_paging": "1", "_return_as_object": "1", "_max_results": "1001"}, "_max_results"),
        ({"_page_id": "789cunknown"}, "_page_id"),
    ],
)
def test_paging_needs_its_companions(arguments: dict[str, str], fragment: str) -> None:
    refused(search(a_grid(), "fixedaddress", arguments), 400, "Client.Ibap.Proto", fragment)


@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, 30), size=st.integers(1, 12))
def test_pages_list_everything_exactly_once(number: int, size: int) -> None:
    grid = a_grid_with_pods(number)
    arguments = {"_paging": "1", "_return_as_object": "1", "_max_results": str(size)}
    body = get(grid, "fixedaddress", **arguments).body
    listed = [hit["_ref"] for hit in body["result"]]
    while "next_page_id" in body:
        assert len(body["result"]) == size
        body = get(grid, "fixedaddress", _page_id=body["next_page_id"]).body
        assert body["result"]
        listed += [hit["_ref"] for hit in body["result"]]
    assert sorted(listed) == sorted(shown["_ref"] for shown in grid.objects("fixedaddress"))


@settings(max_examples=60, deadline=None)
@given(
    vm_ids=st.lists(st.sampled_from("abc"), max_size=12),
    wanted=st.sampled_from("abcd"),
    operator=st.sampled_from(["", "!", ":", "~"]),
)
def test_indexed_searches_agree_with_plain_comparison(vm_ids: list[str], wanted: str, operator: str) -> None:
    grid = a_grid()
    held = {address_of(fixed(grid, extattrs=ea(VM_ID=vm_id))): vm_id for vm_id in vm_ids}
    hits = search(grid, "fixedaddress", {f"*VM ID{operator}": wanted}).body
    expected = {address for address, vm_id in held.items() if (vm_id == wanted) != (operator == "!")}
    assert {hit["ipv4addr"] for hit in hits} == expected


def test_a_query_keeps_the_plus_of_return_fields_and_reads_one_elsewhere_as_blank() -> None:
    assert parse_query("_return_fields+=mac&%2AVM+ID=a+b&name:=X&mac~=0a") == (
        ("_return_fields+", "mac"),
        ("*VM ID", "a b"),
        ("name:", "X"),
        ("mac~", "0a"),
    )


def test_the_schema_lists_versions_objects_and_fields() -> None:
    grid = a_grid()
    index = grid.call(Call("GET", "", (("_schema", ""),), version="1.1")).body
    assert index["requested_version"] == "1.1"
    assert {"fixedaddress", "request", "network"} <= set(index["supported_objects"])
    assert {"2.5", "2.12.3"} <= set(index["supported_versions"])
    fields = {field["name"]: field for field in get(grid, "fixedaddress", _schema="").body["fields"]}
    assert fields["mac"]["searchable_by"] == "=:~"
    assert "s" not in fields["name"]["supports"]


def test_an_unknown_object_type_is_refused() -> None:
    refused(get(a_grid(), "zone_of_nothing"), 400, "Client.Ibap.Proto", "Unknown object type (zone_of_nothing)")


@pytest.mark.parametrize("kind", ["userprofile", "grid", "member", "member:license", "networkview"])
def test_a_fresh_grid_has_the_objects_that_clients_probe(kind: str) -> None:
    assert len(get(a_grid(), kind).body) >= 1
