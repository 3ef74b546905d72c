"""How the grid keeps each family of addresses: in which types and fields, and how a client is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from protocol.family import Family

RESERVED: Final = "RESERVED"
BY_MAC: Final = "MAC_ADDRESS"
DUID_BYTES: Final = 16
"""Of a DUID of type 4 (RFC 6355), after its type."""

Client = Mapping[str, str]
"""The fields of an object that say whose it is to DHCP, which no pod uses."""


@dataclass(frozen=True)
class Kind:
    """The objects of one family (WAPI).

    `fixed`: an address that is given or reserved, `address_field` where it stands, `client_fields` what is read of
    its client. `use`: what says which object occupies an address. `new_client` makes the client of a new object
    from its identity and its MAC, which only IPv4 has; `client_of_mac` what is written when a MAC becomes known.
    """

    family: Family
    fixed: str
    address_field: str
    client_fields: tuple[str, ...]
    network: str
    container: str
    use: str
    new_client: Callable[[str, str | None], Client]
    client_of_mac: Callable[[str | None], Client]

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields of a fixed address that are read."""
        shared = ("name", "comment", "network", "network_view", "extattrs")
        return (self.address_field, *self.client_fields, *shared)


def duid_of(identity: str) -> str:
    """A DUID of type 4 (RFC 6355) that nothing else has: the grid takes each once in a network."""
    digest = sha256(identity.encode()).digest()[:DUID_BYTES]
    return "00:04:" + digest.hex(":")


def _reserved_or_mac(identity: str, mac: str | None) -> Client:
    return {"match_client": RESERVED} if mac is None else {"mac": mac}


def _mac(mac: str | None) -> Client:
    # Without a MAC the object stays what it is: DHCP would have to learn that an earlier one has gone, too.
    return {} if mac is None else {"mac": mac, "match_client": BY_MAC}


def _duid(identity: str, mac: str | None) -> Client:
    # `match_client` is no field before NIOS 9.0.6, and DUID is what it is by default.
    return {"duid": duid_of(identity)}


def _nothing(mac: str | None) -> Client:
    return {}


KINDS: Final[Mapping[Family, Kind]] = {
    Family.IPV4: Kind(
        family=Family.IPV4,
        fixed="fixedaddress",
        address_field="ipv4addr",
        client_fields=("mac", "match_client"),
        network="network",
        container="networkcontainer",
        use="ipv4address",
        new_client=_reserved_or_mac,
        client_of_mac=_mac,
    ),
    Family.IPV6: Kind(
        family=Family.IPV6,
        fixed="ipv6fixedaddress",
        address_field="ipv6addr",
        client_fields=("duid",),
        network="ipv6network",
        container="ipv6networkcontainer",
        use="ipv6address",
        new_client=_duid,
        client_of_mac=_nothing,
    ),
}
BY_TYPE: Final[Mapping[str, Kind]] = {kind.fixed: kind for kind in KINDS.values()}
"""By the type of fixed addresses, which begins their references."""
