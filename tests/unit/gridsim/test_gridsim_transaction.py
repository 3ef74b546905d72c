"""Several operations in one request."""

from typing import Any

import pytest
from gridsim_builders import NEXT, a_grid, a_host, a_mac, ea, fixed, post, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.database.calls import Call, is_write
from gridsim.database.family import IPV4
from gridsim.model import Grid

Operation = dict[str, Any]
FIELDS = {"_return_fields": "ipv4addr,extattrs", "_max_results": "-1"}


def create(number: int, address: str = NEXT) -> Operation:
    data = {"ipv4addr": address, "mac": a_mac(number), "extattrs": ea(VM_ID=f"c{number}")}
    return {"method": "POST", "object": "fixedaddress", "data": data, "args": {"_return_fields": "ipv4addr"}}


def find(number: int, **more: Any) -> Operation:
    return {"method": "GET", "object": "fixedaddress", "data": {"*VM ID": f"c{number}"}, "args": FIELDS, **more}


def release(number: int) -> list[Operation]:
    variable = f"ref_{number}"
    return [
        find(number, assign_state={variable: "_ref"}),
        {"method": "DELETE", "object": f"##STATE:{variable}:##", "enable_substitution": True},
    ]


def request(grid: Grid, *operations: Operation) -> Any:
    return post(grid, "request", list(operations))


def switched(**changes: Any) -> Grid:
    grid = a_grid()
    grid.faults = grid.faults.changed(changes)
    return grid


def addresses(grid: Grid) -> list[str]:
    return [shown["ipv4addr"] for shown in grid.objects("fixedaddress")]


def test_creates_in_one_request_get_distinct_addresses_in_order() -> None:
    reply = request(a_grid(), create(1), create(2), create(3))
    assert reply.status == 201
    assert [made["ipv4addr"] for made in reply.body] == ["10.55.0.1", "10.55.0.2", "10.55.0.3"]


def test_a_release_by_identity_shows_what_went() -> None:
    grid = a_grid()
    ref = fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1")).body
    reply = request(grid, *release(1))
    shown = {"_ref": ref, "ipv4addr": "10.55.0.1", "extattrs": ea(VM_ID="c1")}
    assert reply.body == [[shown], ref]
    assert addresses(grid) == []


def test_an_update_by_identity_changes_the_attributes() -> None:
    grid = a_grid()
    ref = fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1")).body
    change = {
        "method": "PUT",
        "object": "##STATE:r:##",
        "enable_substitution": True,
        "data": {"extattrs+": ea(VM_Name="shop/web")},
        "args": {"_return_fields": "extattrs"},
    }
    reply = request(grid, find(1, assign_state={"r": "_ref"}, discard=True), change)
    assert reply.body == [{"_ref": ref, "extattrs": ea(VM_ID="c1", VM_Name="shop/web")}]


def test_a_refusal_undoes_the_whole_request_without_saying_which_operation() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.9", a_mac(9))
    before = grid.store.snapshot()
    reply = request(grid, create(1), create(2), create(9), create(3))
    refused(reply, 400, "Client.Ibap.Data.Conflict", "is used in two fixed addresses")
    assert grid.store.snapshot() == before
    assert fixed(grid).body.endswith(":10.55.0.1/default")


@pytest.mark.parametrize(("atomicity", "kept"), [("all", [9]), ("stop", [1, 9]), ("continue", [1, 2, 9])])
def test_what_stays_after_a_refusal_is_a_switch(atomicity: str, kept: list[int]) -> None:
    grid = switched(request_atomicity=atomicity)
    fixed(grid, "10.55.0.9", a_mac(9))
    reply = request(grid, create(1, "10.55.0.1"), create(9), create(2, "10.55.0.2"))
    assert reply.status == 400
    assert addresses(grid) == [f"10.55.0.{number}" for number in kept]


def test_a_refused_operation_leaves_nothing_half_done_even_outside_a_transaction() -> None:
    grid = switched(request_atomicity="continue")
    ref = a_host(grid, "10.55.0.5")
    before = grid.store.snapshot()
    bad = {"method": "PUT", "object": ref, "data": {"comment": "x", "ipv4addrs": [{"ipv4addr": "nonsense"}]}}
    assert request(grid, bad).status == 400
    assert grid.store.snapshot() == before


def test_where_later_operations_do_not_see_earlier_ones_two_functions_collide() -> None:
    grid = switched(request_sees_earlier=False)
    assert request(grid, create(1)).status == 201
    refused(request(grid, create(2), create(3)), 400, "Client.Ibap.Data.Conflict", "already exists")
    assert [request(grid, create(number)).status for number in (2, 3)] == [201, 201]


def test_a_search_without_hit_that_assigns_refuses_the_request() -> None:
    grid = a_grid()
    fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1"))
    refused(request(grid, *release(1), *release(2)), 400, "Client.Ibap.Data", "Cannot assign state ref_2")
    assert addresses(grid) == ["10.55.0.1"]
    assert request(grid, find(2)).body == [[]]


def test_a_search_without_hit_may_be_a_404() -> None:
    refused(request(switched(no_hit="404"), *release(2)), 404, "Client.Ibap.Data.NotFound", "not found")


def test_an_unset_variable_may_stay_in_the_path_as_an_invalid_reference() -> None:
    reply = request(switched(no_hit="literal"), *release(2))
    refused(reply, 400, "Client.Ibap.Proto", "Invalid reference: ##STATE:ref_2:##")


def test_a_variable_may_keep_the_previous_objects_reference() -> None:
    grid = switched(no_hit="previous")
    fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1"))
    reused = [find(1, assign_state={"r": "_ref"}), find(2, assign_state={"r": "_ref"})]
    reply = request(grid, *reused, {"method": "DELETE", "object": "##STATE:r:##", "enable_substitution": True})
    assert reply.status == 201
    assert addresses(grid) == []


def test_two_hits_refuse_a_search_for_one_unless_that_reading_is_off() -> None:
    grid = a_grid()
    for _ in range(2):
        fixed(grid, NEXT, extattrs=ea(VM_ID="c1"))
    refused(request(grid, *release(1)), 400, "Client.Ibap.Proto", "too large")
    grid.faults = grid.faults.changed({"negative_max_results_in_request": False})
    assert request(grid, *release(1)).status == 201
    assert len(addresses(grid)) == 1


@pytest.mark.parametrize(
    ("reading", "one_hit", "no_hit"),
    [("list", [["hit"]], [[]]), ("object", ["hit"], [[]]), ("flattened", ["hit"], [])],
)
def test_the_element_of_a_search_has_the_switched_shape(reading: str, one_hit: Any, no_hit: Any) -> None:
    grid = switched(get_element=reading)
    ref = fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1")).body
    hit = {"_ref": ref, "ipv4addr": "10.55.0.1", "extattrs": ea(VM_ID="c1")}
    expected = [[hit]] if one_hit == [["hit"]] else [hit]
    assert request(grid, find(1)).body == expected
    assert request(grid, find(2)).body == no_hit


def test_status_and_bare_object_are_switches() -> None:
    grid = switched(request_status=200, request_reply="object")
    reply = request(grid, create(1))
    assert (reply.status, reply.body["ipv4addr"]) == (200, "10.55.0.1")
    assert isinstance(request(grid, create(2), create(3)).body, list)


def test_a_single_operation_need_not_be_a_list() -> None:
    grid = a_grid()
    assert post(grid, "request", create(1)).body["ipv4addr"] == "10.55.0.1"
    refused(post(grid, "request", release(1)[0]), 400, "Client.Ibap.Proto", "assign_state")


def test_state_can_be_assigned_shown_and_used_in_data() -> None:
    reply = request(
        a_grid(),
        {"method": "STATE:ASSIGN", "data": {"id": "c7"}},
        {
            **create(7),
            "data": {"ipv4addr": NEXT, "match_client": "RESERVED", "extattrs": ea(VM_ID="##STATE:id:##")},
            "enable_substitution": True,
            "discard": True,
        },
        find(7, assign_state={"where": "ipv4addr", "who": "*VM ID"}, discard=True),
        {"method": "STATE:DISPLAY"},
    )
    assert reply.body == [{"id": "c7", "where": "10.55.0.1", "who": "c7"}]


def test_text_is_not_substituted_unless_enabled() -> None:
    grid = a_grid()
    hostile = create(1)
    hostile["data"]["name"] = "##STATE:secret:##"
    request(grid, {"method": "STATE:ASSIGN", "data": {"secret": "x"}}, hostile)
    assert grid.objects("fixedaddress")[0]["name"] == "##STATE:secret:##"


def test_a_field_must_be_returned_to_be_assigned() -> None:
    grid = a_grid()
    fixed(grid, NEXT, a_mac(1), extattrs=ea(VM_ID="c1"))
    refused(request(grid, find(1, assign_state={"m": "mac"})), 400, "Client.Ibap.Proto", "not returned: mac")


def test_functions_work_inside_a_request() -> None:
    grid = a_grid()
    network = {"method": "GET", "object": "network", "data": {}, "assign_state": {"net": "_ref"}, "discard": True}
    ask = {
        "method": "POST",
        "object": "##STATE:net:##",
        "args": {"_function": "next_available_ip"},
        "data": {"num": 2},
        "enable_substitution": True,
    }
    assert request(grid, network, ask).body == [{"ips": ["10.55.0.1", "10.55.0.2"]}]


def test_functions_and_searches_alone_make_a_request_a_read() -> None:
    ask = {"method": "POST", "object": "network/x", "args": {"_function": "next_available_ip"}}
    assert not is_write(Call("POST", "request", (), [find(1), ask]))
    assert is_write(Call("POST", "request", (), [ask, create(1)]))
    assert is_write(Call("POST", "request", (), create(1)))


@pytest.mark.parametrize(
    "operation",
    [
        {"method": "PATCH", "object": "network"},
        {"method": "GET"},
        {"method": "GET", "object": "network", "unknown": 1},
        {"method": "POST", "object": "request", "data": []},
        {"method": "GET", "object": "network", "args": "x"},
        "nothing",
    ],
)
def test_a_malformed_operation_is_refused(operation: Any) -> None:
    assert request(a_grid(), operation).status == 400


def test_uri_arguments_are_refused() -> None:
    reply = a_grid().call(Call("POST", "request", (("_return_fields", "mac"),), [create(1)]))
    refused(reply, 400, "Client.Ibap.Proto", "Unknown argument/field")


operations = st.one_of(
    st.integers(1, 5).map(lambda number: [create(number)]),
    st.integers(1, 5).map(lambda number: [create(number, f"10.55.0.{number}")]),
    st.integers(1, 5).map(release),
    st.just([{"method": "POST", "object": "network", "data": {"network": "10.77.0.0/24"}}]),
    st.just([{"method": "POST", "object": "range", "data": {"start_addr": "10.55.0.1", "end_addr": "10.55.0.3"}}]),
    st.just([{"method": "POST", "object": "extensibleattributedef", "data": {"name": "S", "type": "STRING"}}]),
)


@settings(max_examples=150, deadline=None)
@given(requests=st.lists(st.lists(operations, min_size=1, max_size=5), max_size=6))
def test_a_refused_request_leaves_the_exact_state_and_addresses_are_never_given_twice(
    requests: list[list[list[Operation]]],
) -> None:
    grid = a_grid()
    for groups in requests:
        before = grid.store.snapshot()
        reply = request(grid, *(operation for group in groups for operation in group))
        if reply.status != 201:
            assert grid.store.snapshot() == before
        held = addresses(grid)
        assert len(held) == len(set(held))
        assert grid.store.snapshot()["taken"].get(0, {}) == {IPV4.parse(address): 1 for address in held}
