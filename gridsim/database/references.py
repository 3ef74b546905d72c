"""Object references as the WAPI writes them.

`TYPE/OID:NAME`: OID is the unpadded base64 of an internal key, NAME is decoration. The key of a fixed address
is made of its IP with the number of its view, so an object created again at one address has the same reference.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from gridsim.database.family import Cidr, family_of, format_address
from gridsim.database.refusals import Refusal, protocol_error

_PREFIXES = {
    "fixedaddress": "dns.fixed_address$",
    "ipv6fixedaddress": "dns.ipv6_fixed_address$",
    "network": "dns.network$",
    "ipv6network": "dns.network$",
    "networkcontainer": "dns.network_container$",
    "ipv6networkcontainer": "dns.network_container$",
    "range": "dns.dhcp_range$",
    "ipv6range": "dns.dhcp_range$",
    "networkview": "dns.network_view$",
    "ipv4address": "..ipv4_address$",
    "ipv6address": "..ipv6_address$",
    "record:host": "dns.host$",
    "view": "dns.view$",
    "zone_auth": "dns.zone$",
    "extensibleattributedef": "one.extensible_attributes_def$",
    "grid": "one.cluster$",
    "member": "one.virtual_node$",
    "member:license": "dns.license$",
    "userprofile": "dns.user_profile$",
    "scheduledtask": "dns.scheduled_task$",
    "discovered": "dns.discovery_data$",
}
_FIRST_MS = 1_700_000_000_000
"""The grid has no clock: its hosts are created at successive milliseconds from this one on."""


def address_key(address: int, view: int) -> str:
    """Return the key of the fixed address at that IP."""
    family = family_of(address)
    return f"{_PREFIXES[family.fixed]}{family.written(address)}.{view}.."


def block_key(kind: str, cidr: Cidr, view: int) -> str:
    """Return the key of a network or a network container."""
    return f"{_PREFIXES[kind]}{cidr}/{view}"


def range_key(first: int, last: int, view: int) -> str:
    """Return the key of a DHCP range."""
    return f"{_PREFIXES['range']}{format_address(first)}/{format_address(last)}///{view}/"


def pool_key(kind: str, address: int, view: int) -> str:
    """Return the key of an address in the read view of the pool, or of discovered data at it."""
    return f"{_PREFIXES[kind]}{format_address(address)}/{view}"


def view_key(number: int) -> str:
    """Return the key of a network view."""
    return f"{_PREFIXES['networkview']}{number}"


def named_key(kind: str, name: str) -> str:
    """Return the key of an object that is known by a name."""
    return f"{_PREFIXES[kind]}.{name}"


def zone_key(fqdn: str, view: str) -> str:
    """Return the key of a zone: its DNS view, then its labels from the root down; a block stays as it is."""
    return f"{_PREFIXES['zone_auth']}.{_dns_view(view)}.{_reversed(fqdn)}"


def host_key(name: str, view: str) -> str:
    """Return the key of a host record with DNS."""
    return f"{_PREFIXES['record:host']}.{_dns_view(view)}.{_reversed(name)}"


def unnamed_host_key(name: str, view: int, created: int) -> str:
    """Return the key of a host record without DNS; no two have the same, since each is created at another time."""
    return f"{_PREFIXES['record:host']}.non_DNS_host_root.{view}.{_FIRST_MS + created}.{name}"


def host_address_key(host: str, address: str) -> str:
    """Return the key of one of the addresses of a host record."""
    return f"dns.host_address${host.removeprefix(_PREFIXES['record:host'])}.{address}."


def _dns_view(name: str) -> str:
    return "_default" if name == "default" else name


def _reversed(name: str) -> str:
    return name if "/" in name else ".".join(reversed(name.lower().rstrip(".").split(".")))


def title_of(*parts: str) -> str:
    """Return the decoration of a reference, in which blanks or colons are percent-encoded."""
    return quote("/".join(parts))


def reference(kind: str, key: str, title: str) -> str:
    """Return the reference of an object."""
    oid = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return f"{kind}/{oid}:{title}" if title else f"{kind}/{oid}"


def parse_reference(text: str) -> tuple[str, str]:
    """Return (type, key) of a reference; whatever follows the colon is not looked at.

    Raises Refusal (400) when the OID is not base64, or belongs to another type.
    """
    kind, _, rest = text.partition("/")
    oid = rest.partition(":")[0]
    try:
        key = base64.b64decode(oid + "=" * (-len(oid) % 4), altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise invalid_reference(text) from None
    if kind not in _PREFIXES or not key.startswith(_PREFIXES[kind]):
        raise invalid_reference(text)
    return kind, key


def invalid_reference(text: str) -> Refusal:
    """Return the refusal of a reference that is none."""
    return protocol_error(f"Invalid reference: {text}")
