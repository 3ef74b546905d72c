"""What the grid means: containers, missing permissions, objects that are there twice, or hidden."""

from __future__ import annotations

from typing import Any

import pytest
from desk_world import SUBNET, DeskWorld, Setup, address_of

from coordinator.ownership import Owner
from protocol.messages import Declined, Message

OWNER = Owner("blue")


def a_world(**options: Any) -> DeskWorld:
    """A world without a network."""
    world = DeskWorld(network=None, **options).start()
    world.connect()
    return world


@pytest.mark.parametrize("may_create", [True, False])
def test_a_subnet_that_is_a_container_is_told_as_that(may_create: bool) -> None:
    world = a_world(setup=Setup(may_create_networks=may_create))
    world.grid.create("networkcontainer", {"network": SUBNET})
    calls = len(world.calls)
    text, code = told(world.add("one"))
    assert (code, "is a network container in view 'default'" in text) == (7, True)
    assert len(world.calls) - calls <= 4
    assert world.grid.objects("network") == []


def test_a_network_that_the_user_does_not_see_is_told_as_that() -> None:
    world = a_world()
    world.make_network(SUBNET)
    world.grid.faults = world.grid.faults.changed({"invisible": "network"})
    text, code = told(world.add("one"))
    assert (code, f"the grid has network {SUBNET} of view default already, but does not show it" in text) == (
        118,
        True,
    )


def test_a_permission_that_is_missing_is_named_with_what_was_to_be_done() -> None:
    world = a_world()
    world.grid.faults = world.grid.faults.changed({"no_permission": "network"})
    text, code = told(world.add("one"))
    assert (code, text) == (118, f"user 'admin' has no permission in the grid to create network {SUBNET}")


def test_a_network_that_is_seen_but_has_no_parent_for_addresses_lacks_a_permission() -> None:
    world = a_world()
    world.make_network(SUBNET)
    world.grid.faults = world.grid.faults.changed({"no_permission": "fixedaddress"})
    text, code = told(world.add("one"))
    assert (code, f"the grid shows network {SUBNET} to user 'admin'" in text) == (118, True)
    world.grid.faults = world.grid.faults.changed({"no_permission": ""})
    assert address_of(world.add("one"))


def told(answer: Message | None) -> tuple[str, int]:
    assert isinstance(answer, Declined), answer
    return answer.msg, answer.code


def make_multiple(world: DeskWorld, name: str) -> None:
    """Let an attribute have several values."""
    (found,) = [each for each in world.grid.objects("extensibleattributedef") if each["name"] == name]
    world.grid.update(found["_ref"], {"flags": found.get("flags", "") + "V"})


def test_one_of_several_values_of_an_attribute_counts() -> None:
    world = DeskWorld(network=None)
    for name in ("Network Name", "Tenant ID"):
        make_multiple(world, name)
    names = {"Network Name": {"value": ["printers", "pods"]}}
    world.grid.create("network", {"network": SUBNET, "extattrs": names})
    world.plant("10.55.0.7", "one")
    (found,) = world.grid.objects("fixedaddress")
    tenants = {"Tenant ID": {"value": ["green", "blue"]}}
    world.grid.update(found["_ref"], {"extattrs": {**found["extattrs"], **tenants}})

    world.start()
    world.connect()
    assert address_of(world.add("two"))
    assert address_of(world.add("one")) == "10.55.0.7"
    world.delete("one")
    world.advance(60)
    assert set(world.pods()) == {"two"}
    assert {note.fields["outcome"] for note in world.noted("wapi_call")} == {"answered"}


def test_two_objects_of_one_identity_are_an_alarm_and_both_are_found() -> None:
    world = DeskWorld().start()
    world.connect()
    world.plant("10.55.0.7", "dead")
    world.delete("dead")
    world.settle()
    world.plant("10.55.0.8", "dead")
    world.advance(120)
    (alarm, *_) = world.noted("identity_not_unique")
    assert (alarm.is_alarm, alarm.fields["text"]) == (True, "Result set too large (> 1)")
    assert world.pods() == {}
