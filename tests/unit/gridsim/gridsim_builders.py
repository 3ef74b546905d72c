"""Short ways to make grids or calls for tests."""

from __future__ import annotations

from typing import Any

from gridsim.database.calls import Call, Reply
from gridsim.model import Grid

NETWORK = "10.55.0.0/24"
NEXT = f"func:nextavailableip:{NETWORK},default"


def a_grid(network: str = NETWORK, **options: Any) -> Grid:
    grid = Grid(**options)
    grid.create("network", {"network": network})
    return grid


def ea(**values: Any) -> dict[str, Any]:
    return {name.replace("_", " "): {"value": value} for name, value in values.items()}


def a_mac(number: int) -> str:
    return f"0a:58:00:00:{number >> 8:02x}:{number & 255:02x}"


def get(grid: Grid, target: str, **arguments: Any) -> Reply:
    return grid.call(Call("GET", target, tuple(arguments.items())))


def search(grid: Grid, target: str, conditions: dict[str, Any], **arguments: Any) -> Reply:
    return grid.call(Call("GET", target, (*conditions.items(), *arguments.items())))


def post(grid: Grid, target: str, body: Any, **arguments: Any) -> Reply:
    return grid.call(Call("POST", target, tuple(arguments.items()), body))


def put(grid: Grid, ref: str, body: Any, **arguments: Any) -> Reply:
    return grid.call(Call("PUT", ref, tuple(arguments.items()), body))


def delete(grid: Grid, ref: str) -> Reply:
    return grid.call(Call("DELETE", ref))


def fixed(grid: Grid, address: str = NEXT, mac: str | None = None, **more: Any) -> Reply:
    client = {"match_client": "RESERVED"} if mac is None else {"mac": mac}
    return post(grid, "fixedaddress", {"ipv4addr": address, **client, **more})


def a_host(grid: Grid, address: str, name: str = "h") -> str:
    return grid.create(
        "record:host", {"name": name, "configure_for_dns": False, "ipv4addrs": [{"ipv4addr": address}]}
    )


def address_of(reply: Reply) -> str:
    assert reply.status == 201, reply
    return str(reply.body).rpartition(":")[2].partition("/")[0]


def refused(reply: Reply, status: int, code: str, fragment: str) -> None:
    assert (reply.status, reply.body["code"]) == (status, code), reply
    assert fragment in reply.body["text"]
    assert set(reply.body) == {"Error", "code", "text"}
