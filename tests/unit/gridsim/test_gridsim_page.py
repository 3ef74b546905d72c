"""The page shows people what the grid holds."""

import re
from html.parser import HTMLParser
from typing import Any

from gridsim_builders import NEXT, a_grid, a_host, a_mac, delete, ea, fixed, put, refused

from gridsim.calls_log import CallRecord
from gridsim.model import Grid
from gridsim.page.address_map import Use, address_map
from gridsim.page.front_page import render


def a_call(**more: Any) -> CallRecord:
    usual = {"method": "POST", "path": "/wapi/v2.5/request", "query": "", "status": 200, "user": "admin"}
    return CallRecord(
        **{"n": 1, **usual, "login": False, "user_agent": "", "operations": (), "duration_ms": 1.5, **more}
    )


def uses(grid: Grid) -> dict[str, Use]:
    network = next(iter(grid.store.of_kind("network")))
    return {cell.address: cell.use for cell in address_map(grid.store, network).cells if cell.use != Use.FREE}


def test_the_map_tells_pods_reservations_ranges_and_others_apart() -> None:
    grid = a_grid("10.55.0.0/28")
    fixed(grid, "10.55.0.1", extattrs=ea(VM_ID="N/A"))
    fixed(grid, "10.55.0.2", a_mac(2), extattrs=ea(VM_ID="a" * 64))
    fixed(grid, "10.55.0.3", extattrs=ea(VM_ID="b" * 64))
    fixed(grid, "10.55.0.4", a_mac(4))
    a_host(grid, "10.55.0.5")
    grid.create("range", {"start_addr": "10.55.0.13", "end_addr": "10.55.0.14"})
    assert uses(grid) == {
        "10.55.0.0": Use.EDGE,
        "10.55.0.1": Use.RESERVATION,
        "10.55.0.2": Use.POD,
        "10.55.0.3": Use.POD,
        "10.55.0.4": Use.OTHER,
        "10.55.0.5": Use.OTHER,
        "10.55.0.13": Use.RANGE,
        "10.55.0.14": Use.RANGE,
        "10.55.0.15": Use.EDGE,
    }


def test_a_large_network_is_drawn_as_far_as_it_is_used_within_a_limit() -> None:
    grid = a_grid("10.0.0.0/12")
    network = next(iter(grid.store.of_kind("network")))
    fixed(grid, "10.0.0.99")
    assert len(address_map(grid.store, network).cells) == 128
    fixed(grid, "10.1.0.0")
    drawn = address_map(grid.store, network)
    assert (len(drawn.cells), drawn.hidden, drawn.used) == (1024, (1 << 20) - 1024, 2)


def test_a_network_of_2_to_the_64_addresses_is_drawn_as_far_as_any_other() -> None:
    grid = a_grid()
    grid.create("ipv6network", {"network": "2001:db8::/64"})
    for host, duid in (("1", "00:01"), ("ffff:ffff:ffff:fffe", "00:02")):
        grid.create("ipv6fixedaddress", {"ipv6addr": f"2001:db8::{host}", "duid": duid})
    (network,) = grid.store.of_kind("ipv6network")
    drawn = address_map(grid.store, network)
    assert (len(drawn.cells), drawn.hidden, drawn.used) == (1024, (1 << 64) - 1024, 2)
    html = render(grid, [], 0)
    assert "2001:db8::/64" in html
    assert "2001:db8::ffff:ffff:ffff:fffe" in html


class Balanced(HTMLParser):
    """Checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_everything_in_it_is_escaped() -> None:
    grid = a_grid()
    evil = "<script>alert('\"x&')</script>"
    grid.update(grid.objects("network")[0]["_ref"], {"comment": evil, "extattrs": ea(Location=evil)})
    names = dict.fromkeys(("VM_ID", "VM_Name", "Interface_Name", "Location", "Tenant_ID"), evil)
    fixed(grid, NEXT, a_mac(1), name=evil, comment=evil, extattrs=ea(**names))
    call = a_call(path=f"/wapi/v2.5/{evil}", query=evil, operations=(("GET", evil),))
    page = render(grid, [call], 1)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "script" not in parser.tags
    assert "&lt;script&gt;" in page


def test_the_page_refreshes_itself_and_shows_addresses_with_their_identity() -> None:
    grid = a_grid()
    container = "4f1c" + "0" * 60
    fixed(
        grid, NEXT, a_mac(7), name="web-0", extattrs=ea(VM_ID=container, VM_Name="shop/web-0", Location="node-a")
    )
    calls = [a_call(status=0, operations=(("GET", "network"),) * 3)]
    page = render(grid, calls, 1)
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', page)
    for text in ("10.55.0.1", a_mac(7), "web-0", "shop/web-0", "node-a", container, "3 × GET network", ">cut<"):
        assert text in page


def test_an_empty_grid_has_a_page() -> None:
    assert "No networks yet" in render(Grid(), [], 0)


def test_the_banner_comes_up_where_dhcp_members_have_to_learn_of_a_mac() -> None:
    grid = a_grid()
    assert fixed(grid, mac=a_mac(1)).status == 201
    served = grid.create("network", {"network": "10.56.0.0/24", "members": [{"name": "gm.example.org"}]})
    assert served
    reserved = fixed(grid, "10.56.0.2")
    assert put(grid, reserved.body, {"name": "reserve", "comment": "ours"}).status == 200
    assert delete(grid, reserved.body).status == 200
    assert not grid.store.needs_restart
    assert "Restart required" not in render(grid, [], 0)
    refused(fixed(grid, "10.56.0.2", a_mac(2), extattrs=ea(Nothing="x")), 400, "Client.Ibap.Proto", "Unknown")
    assert not grid.store.needs_restart
    assert fixed(grid, "10.56.0.2", a_mac(2)).status == 201
    assert grid.store.needs_restart
    assert "Restart required" in render(grid, [], 0)
