"""The next available address is the lowest one that nothing holds."""

import pytest
from gridsim_builders import NETWORK, a_grid, a_host, a_mac, address_of, delete, ea, fixed, get, post, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.database.calls import Call
from gridsim.database.family import IPV4
from gridsim.database.occupancy import Occupancy, Spans
from gridsim.model import Grid


def test_the_lowest_free_address_is_offered_again_after_a_release() -> None:
    grid = a_grid()
    refs = [fixed(grid).body for _ in range(4)]
    delete(grid, refs[1])
    assert [address_of(fixed(grid)) for _ in range(2)] == ["10.55.0.2", "10.55.0.5"]


def test_ranges_hosts_and_discovered_addresses_are_passed_over() -> None:
    grid = a_grid()
    grid.create("range", {"start_addr": "10.55.0.1", "end_addr": "10.55.0.9"})
    a_host(grid, "10.55.0.10")
    grid.create("discovered", {"ipv4addr": "10.55.0.11"})
    assert address_of(fixed(grid)) == "10.55.0.12"


def test_the_utilization_of_a_network_counts_whatever_is_in_use_and_ranges_as_a_whole() -> None:
    grid = a_grid()
    assert utilization(grid) == 0
    grid.create("range", {"start_addr": "10.55.0.101", "end_addr": "10.55.0.200"})
    for host in range(1, 23):
        grid.create("fixedaddress", {"ipv4addr": f"10.55.0.{host}", "mac": a_mac(host)})
    grid.create("fixedaddress", {"ipv4addr": "10.55.0.150", "mac": a_mac(150)})
    a_host(grid, "10.55.0.30")
    grid.create("discovered", {"ipv4addr": "10.55.0.31"})
    grid.create("discovered", {"ipv4addr": "10.55.1.31"})
    grid.create("discovered", {"ipv4addr": "10.54.0.31"})
    assert utilization(grid) == 1000 * 124 // 256


def utilization(grid: Grid) -> int:
    (network,) = get(grid, "network", _return_fields="utilization").body
    return int(network["utilization"])


def test_a_deleted_range_gives_its_addresses_back() -> None:
    grid = a_grid()
    scope = grid.create("range", {"start_addr": "10.55.0.1", "end_addr": "10.55.0.200"})
    assert address_of(fixed(grid)) == "10.55.0.201"
    grid.delete(scope)
    assert address_of(fixed(grid)) == "10.55.0.1"


def test_an_exhausted_network_says_so_even_when_a_range_has_room() -> None:
    grid = a_grid("10.55.0.0/29")
    grid.create("range", {"start_addr": "10.55.0.5", "end_addr": "10.55.0.6"})
    function = "func:nextavailableip:10.55.0.0/29"
    assert [address_of(fixed(grid, function)) for _ in range(4)] == [f"10.55.0.{n}" for n in range(1, 5)]
    reply = fixed(grid, function)
    refused(reply, 400, "Client.Ibap.Data", "Cannot find 1 available IP address(es) in this network.")
    assert reply.body["Error"] == (
        "AdmConDataError: None (IBDataError: IB.Data:Cannot find 1 available IP address(es) in this network.)"
    )


def test_a_span_is_a_pool_of_its_own() -> None:
    grid = a_grid()
    span = "func:nextavailableip:10.55.0.20-10.55.0.21,default"
    assert [address_of(fixed(grid, span)) for _ in range(2)] == ["10.55.0.20", "10.55.0.21"]
    refused(fixed(grid, span), 400, "Client.Ibap.Data", "available IP")


def test_a_span_passes_over_the_exclusions_of_ranges_in_it() -> None:
    grid = a_grid()
    excluded = [{"start_address": "10.55.0.21", "end_address": "10.55.0.22"}]
    grid.create("range", {"start_addr": "10.55.0.20", "end_addr": "10.55.0.29", "exclude": excluded})
    span = "func:nextavailableip:10.55.0.20-10.55.0.29,default"
    assert [address_of(fixed(grid, span)) for _ in range(2)] == ["10.55.0.20", "10.55.0.23"]


def test_a_network_or_range_can_be_named_by_reference() -> None:
    grid = a_grid()
    scope = grid.create(
        "range",
        {
            "start_addr": "10.55.0.30",
            "end_addr": "10.55.0.40",
            "exclude": [{"start_address": "10.55.0.30", "end_address": "10.55.0.31"}],
        },
    )
    network = get(grid, "network").body[0]["_ref"]
    assert address_of(fixed(grid, f"func:nextavailableip:{scope}")) == "10.55.0.32"
    assert address_of(fixed(grid, f"func:nextavailableip:{network}")) == "10.55.0.1"


def test_the_object_form_excludes_addresses_and_finds_the_network_by_attributes() -> None:
    grid = a_grid()
    grid.update(get(grid, "network").body[0]["_ref"], {"extattrs": ea(Network_Name="pods")})
    function = {
        "_object_function": "next_available_ip",
        "_result_field": "ips",
        "_object": "network",
        "_object_parameters": {"*Network Name": "pods", "network_view": "default"},
        "_parameters": {"num": 1, "exclude": ["10.55.0.1", "10.55.0.3"]},
    }
    body = {"ipv4addr": function, "match_client": "RESERVED"}
    assert [address_of(post(grid, "fixedaddress", body)) for _ in range(2)] == ["10.55.0.2", "10.55.0.4"]
    assert address_of(fixed(grid)) == "10.55.0.1"


def test_the_function_asks_without_taking() -> None:
    grid = a_grid()
    network = get(grid, "network").body[0]["_ref"]
    for _ in range(2):
        body = {"num": 3, "exclude": ["10.55.0.2"]}
        reply = post(grid, network, body, _function="next_available_ip")
        assert reply.body == {"ips": ["10.55.0.1", "10.55.0.3", "10.55.0.4"]}
    refused(
        post(grid, network, {"num": 21}, _function="next_available_ip"), 400, "Client.Ibap.Proto", "Invalid value"
    )


@pytest.mark.parametrize(
    ("function", "status", "code", "fragment"),
    [
        (f"func:nextavailableip:{NETWORK},blue", 404, "Client.Ibap.Data.NotFound", "Network View blue not found"),
        ("func:nextavailableip:10.99.0.0/24", 400, "Client.Ibap.Data.Conflict", "A parent was not found"),
        ("func:nextavailableip:nonsense", 400, "Client.Ibap.Proto", "Invalid value"),
        ("func:somethingelse:10.55.0.0/24", 400, "Client.Ibap.Proto", "Invalid value"),
        ("300.1.1.1", 400, "Client.Ibap.Proto", "Invalid value"),
    ],
)
def test_a_bad_address_is_refused(function: str, status: int, code: str, fragment: str) -> None:
    refused(fixed(a_grid(), function), status, code, fragment)


def test_views_have_their_own_addresses() -> None:
    grid = a_grid()
    grid.create("networkview", {"name": "blue"})
    grid.create("network", {"network": NETWORK, "network_view": "blue"})
    fixed(grid)
    blue = fixed(grid, f"func:nextavailableip:{NETWORK},blue", network_view="blue")
    assert blue.body.endswith(":10.55.0.1/blue")


def test_an_injected_conflict_hits_functions_but_no_literal_address() -> None:
    grid = a_grid()
    grid.faults = grid.faults.changed({"func_conflicts": 1})
    assert fixed(grid, "10.55.0.9").status == 201
    refused(fixed(grid), 400, "Client.Ibap.Data.Conflict", "already exists")
    assert address_of(fixed(grid)) == "10.55.0.1"


def test_a_large_network_gives_every_create_an_address_of_its_own() -> None:
    grid = a_grid("10.64.0.0/18")
    function = "func:nextavailableip:10.64.0.0/18"
    addresses = {address_of(fixed(grid, function, a_mac(n))) for n in range(5000)}
    assert len(addresses) == 5000


Step = tuple[str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["take", "literal", "free", "bar", "unbar"]), st.integers(1, 14)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(steps=steps, excluded=st.sets(st.integers(1, 14), max_size=4))
def test_the_book_agrees_with_a_scan_from_the_start(steps: list[Step], excluded: set[int]) -> None:
    book, cidr = Occupancy(), IPV4.parse_block("0.0.0.0/28")
    taken: set[int] = set()
    barred: set[int] = set()

    def scan(number: int) -> list[int]:
        free = [n for n in range(1, 15) if n not in taken | barred | excluded]
        return free[:number]

    def ask(number: int) -> list[int]:
        passed_over = Spans((n, n) for n in barred | excluded)
        return book.lowest_free(0, cidr, (cidr.base, cidr.last), passed_over, number)

    for what, number in steps:
        if what == "take" and (offered := ask(1)):
            number, what = offered[0], "literal"
        if what == "literal" and number not in taken:
            taken.add(number)
            book.occupy(0, number)
        if what == "free" and number in taken:
            taken.remove(number)
            book.vacate(0, number)
        if what == "bar":
            barred.add(number)
        if what == "unbar" and number in barred:
            barred.remove(number)
        assert ask(3) == scan(3)


def occupants(grid: Grid) -> dict[str, list[str]]:
    network = {"network": NETWORK}
    rows = grid.call(a_search("ipv4address", network)).body
    return {row["ip_address"]: row["types"] for row in rows if row["types"]}


def a_search(kind: str, conditions: dict[str, str]) -> Call:
    return Call("GET", kind, (*conditions.items(), ("_max_results", "-300")))


def test_the_view_of_the_pool_says_what_holds_each_address() -> None:
    grid = a_grid()
    fixed(grid, "10.55.0.1")
    fixed(grid, "10.55.0.2", a_mac(2))
    a_host(grid, "10.55.0.3")
    grid.create("range", {"start_addr": "10.55.0.4", "end_addr": "10.55.0.4"})
    assert occupants(grid) == {
        "10.55.0.0": ["NETWORK"],
        "10.55.0.1": ["RESERVATION"],
        "10.55.0.2": ["FA"],
        "10.55.0.3": ["HOST"],
        "10.55.0.4": ["RESERVED_RANGE"],
        "10.55.0.255": ["BROADCAST"],
    }
