"""Opens a socket that listens at an address of either family, or at all addresses of both."""

from __future__ import annotations

import socket

from protocol.host_port import EVERYWHERE, HostPort

_ALL_IPV6 = "::"


def listen(at: HostPort, backlog: int) -> socket.socket:
    """The socket. `::` listens for IPv4 as well; so does `*`, which a kernel without IPv6 takes too.

    Raises OSError.
    """
    host = at.host
    if host in EVERYWHERE:
        host = _ALL_IPV6 if socket.has_dualstack_ipv6() else "0.0.0.0"
    family, _, _, _, address = socket.getaddrinfo(host, at.port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=backlog, dualstack_ipv6=host == _ALL_IPV6)
