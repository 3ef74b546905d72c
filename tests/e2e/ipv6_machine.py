"""A machine that has no IPv4 at all: no address, not even 127.0.0.1."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute, netns

from demo.links import add_namespace, remove_namespace

ADDRESS: Final = "fd00:17::1"
_HOSTS: Final = """\
::1 localhost
fd00:17::1 coordinators.kube-system.svc
fd00:17::1 both.kube-system.svc
192.0.2.1 both.kube-system.svc
"""


@contextmanager
def ipv6_machine() -> Iterator[str]:
    """What this thread does, and what it starts, is in such a network; gives its address."""
    name = f"ib6-{secrets.token_hex(4)}"
    add_namespace(name)
    try:
        netns.pushns(name)
        try:
            _leave_ipv6_alone()
            yield ADDRESS
        finally:
            netns.popns()
    finally:
        remove_namespace(name)


def ipv4_addresses() -> list[str]:
    """Those that this network has."""
    with IPRoute() as links:
        return [str(each.get_attr("IFA_ADDRESS")) for each in links.get_addr(family=2)]


def knowing_names(directory: Path, argv: list[str]) -> list[str]:
    """The command line that runs `argv` where names are looked up in a file of the test's own.

    `coordinators.kube-system.svc` has an IPv6 address alone, `both` also one of IPv4, to which there is no way.
    """
    hosts = directory / "hosts"
    hosts.write_text(_HOSTS)
    switch = directory / "nsswitch.conf"
    switch.write_text("hosts: files\n")
    mounts = f'mount --bind {hosts} /etc/hosts && mount --bind {switch} /etc/nsswitch.conf && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mounts, "sh", *argv]


def _leave_ipv6_alone() -> None:
    with IPRoute() as links:
        (loopback,) = links.link_lookup(ifname="lo")
        links.link("set", index=loopback, state="up")
        for address in ipv4_addresses():
            links.addr("del", index=loopback, address=address, prefixlen=8)
        links.addr("add", index=loopback, address=ADDRESS, prefixlen=128)
