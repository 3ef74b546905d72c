"""What the original left is recognised, and placed only where nothing is left to guess."""

from __future__ import annotations

import pytest

from coordinator.legacy import Kind, Seen, find_homes, kind_of
from coordinator.objects import FixedAddress
from coordinator.ownership import Attributes, Identity, Owner
from protocol.messages import Interface

OWNER = Owner("blue")
ONE, TWO = "a" * 64, "b" * 64
MAC = "02:00:00:00:00:01"


def legacy(address: str = "10.55.0.7", vm_id: str = ONE, mac: str | None = None, **changes: str) -> FixedAddress:
    """An object as the original made it; `changes` are its attributes, underscores for blanks."""
    eas = {"Tenant ID": "blue", "CMP Type": "Kubernetes", "Cloud API Owned": "True", "VM ID": vm_id}
    eas |= {name.replace("_", " "): value for name, value in changes.items() if name not in ("view", "name")}
    view, name = changes.get("view", "default"), changes.get("name", "")
    return FixedAddress(
        address, view, "10.55.0.0/24", mac, name, "", Attributes({name: (value,) for name, value in eas.items()})
    )


def seen(node: str, *addresses: str, mac: str | None = None, ifname: str = "eth0", namespace: str = "n") -> Seen:
    return Seen(node, Interface(namespace=namespace, ifname=ifname, mac=mac, addresses=list(addresses)))


@pytest.mark.parametrize(
    ("fixed", "kind"),
    [
        (legacy(), Kind.POD),
        (legacy(mac=MAC, name="web-0"), Kind.POD),
        (legacy("10.55.0.1", "N/A"), Kind.GATEWAY),
        (legacy("10.55.0.254", "N/A"), Kind.GATEWAY),
        (legacy("10.55.0.9", "N/A"), Kind.UNKNOWN),
        (legacy("10.55.0.1", "N/A", mac=MAC), Kind.UNKNOWN),
        (legacy("10.55.0.1", "N/A", name="web-0"), Kind.UNKNOWN),
        (legacy(vm_id="web-0"), Kind.UNKNOWN),
        (legacy(Interface_Name="eth0"), Kind.UNKNOWN),
        (legacy(Location="n1", Interface_Name="eth0"), None),
        (legacy(vm_id=""), None),
        (legacy(Tenant_ID="green"), None),
        (legacy(CMP_Type="OpenStack"), None),
    ],
)
def test_an_object_is_taken_for_what_the_original_made_it(fixed: FixedAddress, kind: Kind | None) -> None:
    assert kind_of(OWNER, fixed, {("default", "10.55.0.254")}) is kind


def test_an_address_lives_where_an_interface_has_it() -> None:
    (found,) = find_homes(OWNER, [legacy()], (), [seen("n1"), seen("n2", "10.55.0.7", ifname="net1")], {})
    assert found.home == Identity(ONE, "net1", "n2")


def test_a_mac_that_repeats_the_address_is_no_evidence() -> None:
    derived = legacy(mac="0a:58:0a:37:00:07")
    (found,) = find_homes(OWNER, [derived], (), [seen("n1", "10.55.0.7", mac=MAC)], {})
    assert found.home == Identity(ONE, "eth0", "n1")


def test_a_mac_of_its_own_decides_even_without_the_address() -> None:
    (found,) = find_homes(OWNER, [legacy(mac=MAC)], (), [seen("n1", mac=MAC)], {})
    assert found.home == Identity(ONE, "eth0", "n1")


def test_interfaces_that_share_a_mac_are_told_apart_by_the_address() -> None:
    both = [seen("n1", "10.55.0.7", mac=MAC, namespace="x"), seen("n1", "10.55.0.8", mac=MAC, namespace="y")]
    (found,) = find_homes(OWNER, [legacy(mac=MAC)], (), both, {})
    assert found.home == Identity(ONE, "eth0", "n1")


@pytest.mark.parametrize(
    ("listed", "interfaces", "why"),
    [
        ([legacy()], [], "no node sees it"),
        (
            [legacy()],
            [seen("n1", "10.55.0.7"), seen("n2", "10.55.0.7")],
            "eth0 on n1 and eth0 on n2 could have it",
        ),
        (
            [legacy(mac=MAC)],
            [seen("n1", "10.55.0.7", mac="02:00:00:00:00:02")],
            "has the address, but not its MAC",
        ),
        ([legacy(), legacy(view="red", Tenant_ID="green")], [seen("n1", "10.55.0.7")], "another view"),
        ([legacy(), legacy("10.55.0.8")], [seen("n1", "10.55.0.7", "10.55.0.8")], "2 addresses could be"),
        ([legacy(vm_id="N/A")], [seen("n1", "10.55.0.7")], "names no container"),
    ],
)
def test_nothing_is_guessed(listed: list[FixedAddress], interfaces: list[Seen], why: str) -> None:
    found = find_homes(OWNER, listed, (), interfaces, {})
    assert found
    assert all(each.home is None and why in each.why for each in found)


def test_an_attachment_that_has_an_address_gets_no_second_one() -> None:
    holders = {Identity(ONE, "eth0", "n1"): "10.55.0.99"}
    (found,) = find_homes(OWNER, [legacy()], (), [seen("n1", "10.55.0.7")], holders)
    assert found.home is None
    assert "10.55.0.99 already" in found.why


def test_each_address_has_its_own_home() -> None:
    listed = [legacy("10.55.0.8", TWO), legacy(), legacy()]
    interfaces = [seen("n1", "10.55.0.7"), seen("n2", "10.55.0.8")]
    found = find_homes(OWNER, listed, (), interfaces, {})
    assert [each.home for each in found] == [Identity(ONE, "eth0", "n1"), Identity(TWO, "eth0", "n2")]
