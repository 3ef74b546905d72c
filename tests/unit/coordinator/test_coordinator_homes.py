"""What bears no id is recognised, and placed only where nothing is left to guess."""

from __future__ import annotations

import pytest

from coordinator.admin.adoption.homes import Seen, find_homes, finding_of
from coordinator.admin.bare_object import BareObject
from coordinator.grid.allocation_object import ORIGINAL_NAMES
from protocol.admin.messages import Finding
from protocol.wire.values import Interface

ONE, TWO = "a" * 64, "b" * 64
MAC = "02:00:00:00:00:01"
Home = tuple[str, str, str]


def bare(
    address: str = "10.55.0.7", container_id: str = ONE, mac: str | None = None, **changes: str
) -> BareObject:
    """An object as the original plugin made it."""
    known = {"allocation": "", "view": "default", "name": "", "comment": "", "ifname": "", "location": ""}
    return BareObject(
        subnet="10.55.0.0/24",
        address=address,
        mac=mac,
        container_id=container_id,
        names=ORIGINAL_NAMES,
        **{**known, **changes},
    )


def seen(node: str, *addresses: str, mac: str | None = None, ifname: str = "eth0", namespace: str = "n") -> Seen:
    return Seen(node, Interface(namespace=namespace, ifname=ifname, mac=mac, addresses=list(addresses)))


def homes(listed: list[BareObject], *interfaces: Seen, held: str = "") -> list[Home | str]:
    """Container, interface and node of each address, or why it is left alone."""
    return [
        (each.found.container_id, each.home.interface.ifname, each.home.node) if each.home else each.why
        for each in find_homes(listed, interfaces, lambda *_: held)
    ]


@pytest.mark.parametrize(
    ("found", "finding"),
    [
        (bare(), Finding.ADOPT),
        (bare(mac=MAC, name="web-0"), Finding.ADOPT),
        (bare("10.55.0.1", "N/A"), Finding.GATEWAY),
        (bare("10.55.0.9", "N/A"), Finding.LEAVE),
        (bare("10.55.0.1", "N/A", mac=MAC), Finding.LEAVE),
        (bare("10.55.0.1", "N/A", name="web-0"), Finding.LEAVE),
        (bare(container_id="web-0"), Finding.LEAVE),
        (bare(ifname="eth0"), Finding.LEAVE),
        (bare(location="n1", ifname="eth0"), None),
        (bare(container_id=""), None),
        (bare(allocation="an id"), None),
    ],
)
def test_an_object_is_taken_for_what_it_was_made(found: BareObject, finding: Finding | None) -> None:
    assert finding_of(found) is finding


def test_an_address_lives_where_an_interface_has_it() -> None:
    assert homes([bare()], seen("n1"), seen("n2", "10.55.0.7", ifname="net1")) == [(ONE, "net1", "n2")]


def test_a_mac_that_repeats_the_address_is_no_evidence() -> None:
    assert homes([bare(mac="0a:58:0a:37:00:07")], seen("n1", "10.55.0.7", mac=MAC)) == [(ONE, "eth0", "n1")]


def test_a_mac_of_its_own_decides_even_without_the_address() -> None:
    assert homes([bare(mac=MAC)], seen("n1", mac=MAC)) == [(ONE, "eth0", "n1")]


def test_interfaces_that_share_a_mac_are_told_apart_by_the_address() -> None:
    both = [seen("n1", "10.55.0.7", mac=MAC, namespace="x"), seen("n1", "10.55.0.8", mac=MAC, namespace="y")]
    assert homes([bare(mac=MAC)], *both) == [(ONE, "eth0", "n1")]


@pytest.mark.parametrize(
    ("listed", "interfaces", "why"),
    [
        ([bare()], [], "no node sees it"),
        ([bare()], [seen("n1", "10.55.0.7"), seen("n2", "10.55.0.7")], "eth0 on n1 and eth0 on n2 could have it"),
        ([bare(mac=MAC)], [seen("n1", "10.55.0.7", mac="02:00:00:00:00:02")], "has the address, but not its MAC"),
        ([bare(), bare(view="red", allocation="x")], [seen("n1", "10.55.0.7")], "another view"),
        ([bare(), bare("10.55.0.8")], [seen("n1", "10.55.0.7", "10.55.0.8")], "2 addresses could be"),
        ([bare(container_id="N/A")], [seen("n1", "10.55.0.7")], "names no container"),
    ],
)
def test_nothing_is_guessed(listed: list[BareObject], interfaces: list[Seen], why: str) -> None:
    found = homes(listed, *interfaces)
    assert found
    assert all(why in each for each in found)


def test_what_somebody_else_holds_is_left_alone() -> None:
    assert homes([bare()], seen("n1", "10.55.0.7"), held="a journal claims it") == ["a journal claims it"]


def test_each_address_has_its_own_home() -> None:
    listed = [bare("10.55.0.8", TWO), bare(), bare()]
    found = homes(listed, seen("n1", "10.55.0.7"), seen("n2", "10.55.0.8"))
    assert found == [(ONE, "eth0", "n1"), (TWO, "eth0", "n2")]
