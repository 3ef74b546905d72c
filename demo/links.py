"""Builds the network of the nodes: a namespace for each, on a bridge of the machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import Final

from pyroute2 import IPRoute, NetNS, netns

PREFIX_LENGTH: Final = 24
NETNS_DIRECTORY: Final = "/run/netns"


class Underlay:
    """The bridge that joins the nodes with the machine, on which the coordinator listens."""

    def __init__(self, token: str, subnet_prefix: str) -> None:
        """`token` makes names unique, at most 6 characters; `subnet_prefix` is like 198.18.7."""
        self._token = token
        self._prefix = subnet_prefix
        self._bridge = f"ib{token}"
        self._namespaces: list[str] = []
        self.address = f"{subnet_prefix}.1"

    def __enter__(self) -> Underlay:
        with IPRoute() as links:
            links.link("add", ifname=self._bridge, kind="bridge")
            index = _index(links, self._bridge)
            _keep_address(links, index)
            links.addr("add", index=index, address=self.address, prefixlen=PREFIX_LENGTH)
            links.link("set", index=index, state="up")
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self._namespaces:
            remove_namespace(namespace)
        with IPRoute() as links:
            links.link("del", index=_index(links, self._bridge))

    def add_node(self, name: str) -> str:
        """A namespace with `eth0` on the underlay, with `eth1` there as a master for macvlan. Returns its name."""
        number = len(self._namespaces) + 1
        namespace = f"ib{self._token}-{name}"
        add_namespace(namespace)
        self._namespaces.append(namespace)
        with IPRoute() as links:
            bridge = _index(links, self._bridge)
            for port in ("eth0", "eth1"):
                outside = f"ib{self._token}n{number}{port[-1]}"
                links.link("add", ifname=outside, kind="veth", peer={"ifname": port, "net_ns_fd": namespace})
                links.link("set", index=_index(links, outside), master=bridge, state="up")
        with NetNS(namespace) as links:
            for port in ("lo", "eth0", "eth1"):
                links.link("set", index=_index(links, port), state="up")
            address = f"{self._prefix}.{10 + number}"
            links.addr("add", index=_index(links, "eth0"), address=address, prefixlen=PREFIX_LENGTH)
        return namespace


def add_namespace(name: str) -> str:
    """A network namespace with a name. Returns its path."""
    netns.create(name)
    return os.path.join(NETNS_DIRECTORY, name)


def add_interface(namespace: str, ifname: str, mac: str) -> None:
    """An Ethernet interface with this MAC inside a namespace."""
    with NetNS(namespace) as links:
        links.link("add", ifname=ifname, kind="veth", address=mac, peer={"ifname": f"p{ifname}"[:15]})


def remove_namespace(name: str) -> None:
    """Remove a namespace, which takes its interfaces along."""
    if os.path.exists(os.path.join(NETNS_DIRECTORY, name)):
        netns.remove(name)


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in a namespace."""
    return ["nsenter", f"--net={os.path.join(NETNS_DIRECTORY, namespace)}", "--", *argv]


def can_ping(namespace: str, address: str) -> bool:
    """Whether an address answers from inside a namespace."""
    argv = inside(namespace, ["ping", "-c", "1", "-W", "2", address])
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _keep_address(links: IPRoute, index: int) -> None:
    """Set a bridge's MAC to what it is; else it changes with its ports, and nodes know only the old one."""
    (bridge,) = links.get_links(index)
    links.link("set", index=index, address=bridge.get_attr("IFLA_ADDRESS"))


def _index(links: IPRoute, name: str) -> int:
    found: list[int] = list(links.link_lookup(ifname=name))
    if not found:
        raise LookupError(f"no interface {name}")
    return found[0]
