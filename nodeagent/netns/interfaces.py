"""Reads names, MACs and addresses of the interfaces in the thread's current network namespace."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
from collections import defaultdict
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import SeenInterface

_SIOCGIFCONF: Final = 0x8912
_SIOCGIFHWADDR: Final = 0x8927
_ARPHRD_ETHER: Final = 1
_ADDRESSES_MAX: Final = 1024
_MAC_REQUEST: Final = struct.Struct("16sH6s16x")
_ADDRESS_ENTRY: Final = struct.Struct("16sH2x4s16x")
_ADDRESS_LIST: Final = struct.Struct("iP")
_IPV6_ADDRESSES: Final = Path("/proc/thread-self/net/if_inet6")
_LINK_LOCAL: Final = 0x20
_NO_MAC: Final = "00:00:00:00:00:00"


def mac_of(probe: socket.socket, ifname: str) -> str | None:
    """The MAC of an interface in the namespace where the socket was made; None where there is none."""
    request = _MAC_REQUEST.pack(os.fsencode(ifname), 0, b"")
    try:
        answer = fcntl.ioctl(probe, _SIOCGIFHWADDR, request)
    except OSError:
        return None
    _, kind, mac = _MAC_REQUEST.unpack(answer)
    return mac.hex(":") if kind == _ARPHRD_ETHER else None


def read_interfaces(namespace: Namespace, addresses_max: int) -> list[SeenInterface]:
    """All interfaces but loopback of the namespace that the thread is in, which is `namespace`. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        ipv4, ipv6 = _ipv4_addresses(probe), _ipv6_addresses()
        return [
            SeenInterface(
                namespace=namespace,
                ifname=name,
                mac=mac if (mac := mac_of(probe, name)) != _NO_MAC else None,
                addresses=tuple([*ipv4[name], *ipv6[index]][:addresses_max]),
            )
            for index, name in socket.if_nameindex()
            if name != "lo"
        ]


def _ipv6_addresses() -> dict[int, list[str]]:
    """By index of the interface, all but those of the link; nothing where the kernel has no IPv6."""
    found: dict[int, list[str]] = defaultdict(list)
    try:
        lines = _IPV6_ADDRESSES.read_bytes().splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        address, index, _, scope, *_ = line.split()
        if int(scope, 16) != _LINK_LOCAL:
            found[int(index, 16)].append(str(IPv6Address(bytes.fromhex(address.decode()))))
    return found


def _ipv4_addresses(probe: socket.socket) -> dict[str, list[str]]:
    buffer = array.array("B", bytes(_ADDRESSES_MAX * _ADDRESS_ENTRY.size))
    where, size = buffer.buffer_info()
    answer = fcntl.ioctl(probe, _SIOCGIFCONF, _ADDRESS_LIST.pack(size, where))
    length, _ = _ADDRESS_LIST.unpack(answer)
    found: dict[str, list[str]] = defaultdict(list)
    for label, family, packed in _ADDRESS_ENTRY.iter_unpack(buffer.tobytes()[:length]):
        if family == socket.AF_INET:
            # An additional address may carry a label of its own: eth0:1.
            name = os.fsdecode(label.partition(b"\0")[0]).partition(":")[0]
            found[name].append(socket.inet_ntoa(packed))
    return found
