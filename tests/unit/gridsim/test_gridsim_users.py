"""What a user may do depends on the user's kind, the grid's licence, the attributes' flags."""

from typing import Any

import pytest
from gridsim_builders import NEXT, a_grid, delete, ea, fixed, get, post, put, refused, search

from gridsim.model import Grid

CONFLICT = "Client.Ibap.Data.Conflict"
CLOUD = {"Tenant_ID": "cluster-1", "CMP_Type": "Kubernetes", "Cloud_API_Owned": "True"}


def as_user(grid: Grid, kind: str) -> Grid:
    grid.faults = grid.faults.changed({"user_kind": kind})
    return grid


def define(grid: Grid, name: str, **more: Any) -> Any:
    return post(grid, "extensibleattributedef", {"name": name, "type": "STRING", **more})


@pytest.mark.parametrize("kind", ["ordinary", "cloud", "no-request"])
def test_only_superusers_define_attributes(kind: str) -> None:
    reply = define(as_user(a_grid(), kind), "Site")
    assert reply.status == 400
    if kind != "cloud":
        text = (
            "Cannot create extensible attribute definition 'Site'. "
            "Only superusers can manage extensible attribute definition"
        )
        refused(reply, 400, CONFLICT, text)


def test_a_defined_attribute_can_be_used_and_exists_only_once() -> None:
    grid = a_grid(definitions="none")
    refused(
        fixed(grid, NEXT, extattrs=ea(Site="a")), 400, "Client.Ibap.Proto", "Unknown extensible attribute: Site"
    )
    assert define(grid, "Site").status == 201
    assert fixed(grid, NEXT, extattrs=ea(Site="a")).status == 201
    refused(define(grid, "Site"), 400, CONFLICT, "already exists in the database")


def test_deleting_a_definition_erases_the_values_for_good() -> None:
    grid = a_grid(definitions="none")
    definition = define(grid, "VM ID").body
    fixed(grid, NEXT, extattrs=ea(VM_ID="a"))
    assert delete(grid, definition).status == 200
    refused(
        search(grid, "fixedaddress", {"*VM ID": "a"}), 400, "Client.Ibap.Proto", "Unknown extensible attribute"
    )
    define(grid, "VM ID")
    assert search(grid, "fixedaddress", {"*VM ID": "a"}).body == []


@pytest.mark.parametrize("flags", ["RC", "CC", "X"])
def test_flags_come_in_alphabetical_order_or_not_at_all(flags: str) -> None:
    assert define(a_grid(), "Site", flags=flags).status == 400
    assert define(a_grid(), "Site", flags="CR").status == 201


def test_an_enum_takes_its_listed_values_only() -> None:
    grid = a_grid()
    values = [{"value": "red"}, {"value": "blue"}]
    assert define(grid, "Colour", type="ENUM").status == 400
    assert define(grid, "Colour", type="ENUM", list_values=values).status == 201
    assert fixed(grid, NEXT, extattrs=ea(Colour="Red")).status == 400
    assert fixed(grid, NEXT, extattrs=ea(Colour="red")).status == 201


def test_an_integer_keeps_to_its_bounds_and_several_values_need_the_flag() -> None:
    grid = a_grid()
    define(grid, "Count", type="INTEGER", min=1, max=3, flags="V")
    assert fixed(grid, NEXT, extattrs=ea(Count=4)).status == 400
    assert fixed(grid, NEXT, extattrs=ea(Count="x")).status == 400
    assert fixed(grid, NEXT, extattrs=ea(Count=[1, 2])).status == 201
    assert len(search(grid, "fixedaddress", {"*Count": "2"}).body) == 1


def test_a_cloud_user_is_forbidden_the_request_object_and_licences() -> None:
    grid = as_user(a_grid(), "cloud")
    operations = [{"method": "GET", "object": "networkview"}]
    assert (post(grid, "request", operations).status, post(grid, "request", operations).body) == (403, None)
    assert get(grid, "member:license").status == 403
    assert get(grid, "networkview").status == 200


def test_a_user_without_request_gets_a_400_for_it() -> None:
    grid = as_user(a_grid(), "no-request")
    reply = post(grid, "request", [{"method": "GET", "object": "networkview"}])
    refused(reply, 400, "Client.Ibap.Proto", "not allowed for request")
    assert fixed(grid, NEXT).status == 201


@pytest.mark.parametrize("missing", sorted(CLOUD))
def test_a_cloud_users_objects_carry_the_cloud_attributes(missing: str) -> None:
    grid = as_user(a_grid(), "cloud")
    some = {name: value for name, value in CLOUD.items() if name != missing}
    refused(fixed(grid, NEXT, extattrs=ea(**some)), 400, CONFLICT, missing.replace("_", " "))
    ref = fixed(grid, NEXT, extattrs=ea(**CLOUD)).body
    assert put(grid, ref, {"extattrs": ea(**some)}).status == 400


@pytest.mark.parametrize(("flags", "writers"), [("", {"ordinary"}), ("C", {"cloud"}), ("CR", {"ordinary"})])
def test_with_a_cloud_licence_the_flags_decide_who_writes(flags: str, writers: set[str]) -> None:
    grid = a_grid(has_cna=True)
    define(grid, "Site", flags=flags)
    as_user(grid, "cloud")
    ref = fixed(grid, NEXT, extattrs=ea(**CLOUD)).body
    replies = {kind: put(as_user(grid, kind), ref, {"extattrs+": ea(Site=kind)}) for kind in ("cloud", "ordinary")}
    assert {kind for kind, reply in replies.items() if reply.status == 200} == writers
    for kind in {"cloud", "ordinary"} - writers:
        refused(replies[kind], 400, CONFLICT, "Extensible attribute 'Site' is not allowed for this operation")


def test_with_a_cloud_licence_ordinary_users_cannot_write_the_identity() -> None:
    grid = as_user(a_grid(has_cna=True), "ordinary")
    refused(fixed(grid, NEXT, extattrs=ea(VM_ID="a")), 400, CONFLICT, "'VM ID' is not allowed")
    assert fixed(as_user(a_grid(), "ordinary"), NEXT, extattrs=ea(VM_ID="a")).status == 201


def test_a_definition_that_comes_with_the_licence_cannot_be_changed() -> None:
    grid = a_grid(has_cna=True)
    definition = search(grid, "extensibleattributedef", {"name": "Tenant ID"}).body[0]["_ref"]
    refused(delete(grid, definition), 400, CONFLICT, "read-only")


def test_the_licence_shows_only_where_there_is_one() -> None:
    def types(grid: Grid) -> set[str]:
        return {found["type"] for found in get(grid, "member:license").body}

    assert "CLOUD_API" in types(a_grid(has_cna=True))
    assert "CLOUD_API" not in types(a_grid())
