"""A network namespace in which one pod lives after the other, each with a MAC of its own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import socket
import struct
from typing import Final

from demo.links import add_interface, add_namespace, remove_namespace

IFNAME: Final = "eth0"
_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFHWADDR: Final = 0x8924
_ARPHRD_ETHER: Final = 1
_MAC_REQUEST: Final = struct.Struct("16sH6s16x")


class PodPlace:
    """The namespace, as a context manager."""

    def __init__(self) -> None:
        self._name = f"ibsoak-{secrets.token_hex(4)}"
        self.path = ""

    def __enter__(self) -> PodPlace:
        self.path = add_namespace(self._name)
        add_interface(self._name, IFNAME, "02:00:00:00:00:01")
        self._probe = _socket_inside(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.close()
        remove_namespace(self._name)

    def set_mac(self, number: int) -> None:
        """Give the interface a MAC that goes with a number."""
        mac = bytes([2, 0]) + number.to_bytes(4, "big")
        fcntl.ioctl(self._probe, _SIOCSIFHWADDR, _MAC_REQUEST.pack(IFNAME.encode(), _ARPHRD_ETHER, mac))


def _socket_inside(path: str) -> socket.socket:
    """A socket that belongs to a namespace, so that no thread need ever go there again."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(path) as away:
        if libc.setns(away.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        finally:
            libc.setns(home.fileno(), _CLONE_NEWNET)
