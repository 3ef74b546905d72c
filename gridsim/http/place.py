"""Where the simulator listens, as it is written on its command line and in its URL."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """A host name or an address, never in brackets, with a port; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """That of HOST:PORT, an IPv6 address in brackets. Raises ValueError."""
        host, _, port = text.rpartition(":")
        if not (port.isascii() and port.isdigit()) or int(port) > PORT_MAX:
            raise ValueError(f"{text!r} does not end with a port")
        return cls(without_brackets(host), int(port))

    def url(self, port: int) -> str:
        """The URL, with the port that is really in use."""
        return f"https://[{self.host}]:{port}" if ":" in self.host else f"https://{self.host}:{port}"


def without_brackets(host: str) -> str:
    """A host name or an address. Raises ValueError where brackets are missing, or hold no IPv6 address."""
    if host.startswith("[") and host.endswith("]"):
        return str(IPv6Address(host[1:-1]))
    if not host or ":" in host or "[" in host or "]" in host:
        raise ValueError(f"{host!r} is no host, or an IPv6 address without brackets")
    return host
