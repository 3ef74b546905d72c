"""A host with a port, as people, URLs and Kubernetes write them: the one place that joins and splits the two.

An IPv6 address stands in brackets. Kubernetes writes it without them into the variables of a Service, so that is
read as well, where a port follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

PORT_MAX: Final = 65_535
TCP: Final = "tcp://"
"""What ZeroMQ's endpoints begin with."""

EVERYWHERE: Final = ("", "*")
"""Hosts that stand for all addresses of a machine, of both families."""

_HOST: Final = re.compile(r"[^\s:/@%\[\]]*")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")


class BadHostPort(ValueError):
    """What was given is no host, or no host with a port."""


@dataclass(frozen=True)
class HostPort:
    """`host` is a name or an address, never in brackets, IPv6 in its one canonical text (RFC 5952)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, usual_port: int | None = None) -> HostPort:
        """`usual_port` is meant where no port is given. Raises `BadHostPort`."""
        host, colon, port = text.rpartition(":")
        if usual_port is not None and (not colon or text.endswith("]")):
            host, colon, port = text, ":", str(usual_port)
        if not colon or not _PORT.fullmatch(port) or int(port) > PORT_MAX:
            raise BadHostPort(f"{text!r} does not end with a port")
        return cls(without_brackets(host), int(port))

    @classmethod
    def of_endpoint(cls, text: str) -> HostPort:
        """That of tcp://HOST:PORT. Raises `BadHostPort`."""
        if not text.startswith(TCP):
            raise BadHostPort(f"{text!r} does not begin with {TCP}")
        return cls.parse(text.removeprefix(TCP))

    @property
    def is_peer(self) -> bool:
        """Whether one can connect to it; else it is only something to listen at."""
        return self.host not in EVERYWHERE and self.port > 0

    @property
    def endpoint(self) -> str:
        """As ZeroMQ takes it."""
        return f"{TCP}{self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def without_brackets(host: str) -> str:
    """A host as `HostPort` has it. Raises `BadHostPort`.

    An IPv6 address with a zone is refused: a zone has a meaning on one machine alone.
    """
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed or ":" in host:
        try:
            address = IPv6Address(host[1:-1] if is_bracketed else host)
        except ValueError as error:
            raise BadHostPort(str(error)) from None
        if address.scope_id is not None:
            raise BadHostPort(f"{host!r} has a zone")
        return as_one_family(str(address))
    if not _HOST.fullmatch(host):
        raise BadHostPort(f"{host!r} is no host")
    return host


def host_alone(text: str) -> str:
    """A name that DNS can have, or an address; as `HostPort` has it. Raises `BadHostPort`."""
    host = without_brackets(text)
    if not is_address(host) and (not _HOST_NAME.fullmatch(host) or host.rpartition(".")[2].isdigit()):
        raise BadHostPort(f"{text!r} is no host name")
    return host


def is_address(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def as_one_family(address: str) -> str:
    """A peer's address as its owner knows it: an IPv4 peer of an IPv6 socket is IPv4. What is no IPv6 stays."""
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or parsed)
