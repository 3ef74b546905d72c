"""References are made of the address with its view, not of the object's identity."""

import base64

import pytest
from gridsim_builders import NEXT, a_grid, a_mac, delete, ea, fixed, get, put, refused

from gridsim.database.references import parse_reference
from gridsim.database.refusals import Refusal


def test_a_reference_decodes_to_address_and_view_number() -> None:
    ref = fixed(a_grid(), "10.55.0.2").body
    assert ref == "fixedaddress/ZG5zLmZpeGVkX2FkZHJlc3MkMTAuNTUuMC4yLjAuLg:10.55.0.2/default"


def test_an_object_created_again_at_an_address_has_the_same_reference() -> None:
    grid = a_grid()
    first = fixed(grid, "10.55.0.7", a_mac(1), extattrs=ea(VM_ID="old")).body
    delete(grid, first)
    assert fixed(grid, "10.55.0.7", a_mac(2), extattrs=ea(VM_ID="new")).body == first


def test_a_stale_reference_deletes_the_next_owners_object() -> None:
    grid = a_grid()
    stale = fixed(grid, NEXT, extattrs=ea(VM_ID="old")).body
    delete(grid, stale)
    fixed(grid, NEXT, extattrs=ea(VM_ID="new"))
    assert delete(grid, stale).status == 200
    assert grid.store.count("fixedaddress") == 0


def test_the_text_behind_the_colon_is_not_looked_at() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    assert get(grid, ref.partition(":")[0] + ":1.2.3.4/other").body["ipv4addr"] == "10.55.0.2"


def test_moving_a_fixed_address_changes_its_reference_while_other_changes_keep_it() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2", a_mac(1)).body
    assert put(grid, ref, {"name": "x", "mac": a_mac(2)}).body == ref
    moved = put(grid, ref, {"ipv4addr": "10.55.0.9"}).body
    assert moved != ref
    assert get(grid, ref).status == 404
    assert get(grid, moved, _return_fields="mac").body["mac"] == a_mac(2)


def test_an_unknown_reference_is_404_and_a_malformed_one_400() -> None:
    grid = a_grid()
    ref = fixed(grid, "10.55.0.2").body
    delete(grid, ref)
    refused(delete(grid, ref), 404, "Client.Ibap.Data.NotFound", "not found")
    refused(get(grid, "fixedaddress/%%%:x"), 400, "Client.Ibap.Proto", "Invalid reference")
    refused(get(grid, "fixedaddress/##STATE:ref##"), 400, "Client.Ibap.Proto", "Invalid reference")


def test_a_reference_of_another_type_is_malformed() -> None:
    oid = base64.b64encode(b"dns.network$10.55.0.0/24/0").decode().rstrip("=")
    with pytest.raises(Refusal, match="Invalid reference"):
        parse_reference(f"fixedaddress/{oid}:x")
