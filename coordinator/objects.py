"""What the objects of the grid look like that we read, create, change."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from coordinator.core.networks import Network
from coordinator.grid.operations import (
    Create,
    DeleteFound,
    Object,
    ReadPage,
    Search,
    Unreadable,
    UpdateFound,
    ea_texts,
)
from coordinator.ownership import (
    EA_TYPES,
    INTERFACE_NAME,
    LOCATION,
    NETWORK_NAME,
    VM_ID,
    VM_NAME,
    Attributes,
    Eas,
    Identity,
    Owner,
)

ADDRESS_FIELDS: Final = (
    "ipv4addr",
    "mac",
    "match_client",
    "name",
    "comment",
    "network",
    "network_view",
    "extattrs",
)
BY_COMMENT: Final = "comment:"
"""Comments can be searched only regardless of upper case."""

RESERVED: Final = "RESERVED"
COMMENT_BYTES_MAX: Final = 256
UID_BYTES_MAX: Final = 100
"""A pod's UID has 36 characters; one that is much longer is left out, to leave room for what comes after it."""
NAME_BYTES_MAX: Final = 253


_Conditional = TypeVar("_Conditional", DeleteFound, UpdateFound)


@dataclass(frozen=True)
class Label:
    """What people read on an object: never part of an identity."""

    pod_name: str = ""
    pod_namespace: str = ""
    pod_uid: str = ""
    boot_id: str = ""
    coordinator_id: str = ""

    @property
    def name(self) -> str:
        """The name of the pod, as far as it is known."""
        return _plain(self.pod_name, NAME_BYTES_MAX)

    @property
    def vm_name(self) -> str:
        """Namespace and name of the pod, as far as they are known."""
        return _plain("/".join(part for part in (self.pod_namespace, self.pod_name) if part), NAME_BYTES_MAX)

    @property
    def comment(self) -> str:
        """The pod's UID, the boot ID of its node, the coordinator that wrote it last.

        The boot ID tells objects of an earlier boot from live ones.
        """
        parts = [f"pod {self.pod_uid}"] if 0 < len(self.pod_uid.encode()) <= UID_BYTES_MAX else []
        parts += [f"boot {self.boot_id}"] if self.boot_id else []
        parts += [f"coordinator {self.coordinator_id}"] if self.coordinator_id else []
        return _plain(" ".join(parts), COMMENT_BYTES_MAX)


@dataclass(frozen=True)
class FixedAddress:
    """A fixed address or reservation of the grid."""

    address: str
    view: str
    subnet: str
    mac: str | None
    name: str
    comment: str
    eas: Attributes


@dataclass(frozen=True)
class Origin:
    """What an object's comment says of its attachment; empty where it does not say."""

    pod_uid: str
    boot_id: str
    coordinator_id: str


def read_origin(comment: str) -> Origin:
    """The comment that `Label` wrote, whatever people have added to it since."""
    words = comment.split()
    told = dict(itertools.pairwise(words))
    return Origin(told.get("pod", ""), told.get("boot", ""), told.get("coordinator", ""))


class _FixedAddressReply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    ipv4addr: IPv4Address
    network_view: str
    network: str
    mac: str | None = None
    match_client: str | None = None
    name: str = ""
    comment: str = ""
    extattrs: dict[str, dict[str, Any]] = {}


def read_fixed_address(found: Object) -> FixedAddress:
    """Raises `Unreadable` when the object is no fixed address with the fields that were asked for."""
    try:
        reply = _FixedAddressReply.model_validate(found)
    except ValidationError as error:
        raise Unreadable(f"a fixed address without {error.errors()[0]['loc'][0]}") from None
    # A reservation's MAC may come as zeros or not at all; `match_client` decides.
    mac = reply.mac if reply.match_client != RESERVED else None
    return FixedAddress(
        address=str(reply.ipv4addr),
        view=reply.network_view,
        subnet=reply.network,
        mac=mac,
        name=reply.name,
        comment=reply.comment,
        eas=read_eas(reply.extattrs),
    )


def read_eas(extattrs: object) -> Attributes:
    """Extensible attributes by name; values that are no text become text."""
    if not isinstance(extattrs, dict):
        return Attributes()
    wrapped = {name: each.get("value", "") for name, each in extattrs.items() if isinstance(each, dict)}
    return Attributes({name: ea_texts(value) for name, value in wrapped.items()})


def write_eas(eas: Eas) -> dict[str, dict[str, str]]:
    """The shape that the grid wants. An empty text is left out, since some grids refuse it."""
    return {name: {"value": value} for name, value in eas.items() if value}


def create_address(owner: Owner, identity: Identity, network: Network, label: Label, mac: str | None) -> Create:
    """The next available address of the network, chosen by the grid inside the create.

    Without a MAC it becomes a reservation, of which a network may hold any number.
    """
    client = {"match_client": RESERVED} if mac is None else {"mac": mac}
    return Create(
        "fixedaddress",
        {
            "network_view": network.view,
            "network": network.subnet,
            "ipv4addr": f"func:nextavailableip:{network.subnet},{network.view}",
            **client,
            **_label_fields(label),
            "extattrs": write_eas(_address_eas(owner, identity, network, label)),
        },
        ADDRESS_FIELDS,
    )


def restore_address(owner: Owner, identity: Identity, network: Network, address: str, boot_id: str) -> Create:
    """The object that an attachment had at this very address; what its label was, nobody knows any more."""
    named = {NETWORK_NAME: _plain(network.name, NAME_BYTES_MAX)}
    return Create(
        "fixedaddress",
        {
            "network_view": network.view,
            "network": network.subnet,
            "ipv4addr": address,
            "match_client": RESERVED,
            **_label_fields(Label(boot_id=boot_id)),
            "extattrs": write_eas({**owner.identity_eas(identity), **named}),
        },
        ADDRESS_FIELDS,
    )


def find_orphan(owner: Owner, identity: Identity, view: str, address: str) -> Search:
    """The attachment's object at one address."""
    criteria = {**owner.identity_search(identity), "network_view": view, "ipv4addr": address}
    return Search("fixedaddress", criteria, ADDRESS_FIELDS)


def find_everywhere(criteria: dict[str, str]) -> Search:
    """Whatever fixed addresses match, in any view, of anybody."""
    return Search("fixedaddress", criteria, ADDRESS_FIELDS)


def update_address(
    owner: Owner, identity: Identity, network: Network, label: Label, mac: str | None, address: str
) -> UpdateFound:
    """The attachment's object at this address, brought up to date. Its other attributes stay as they are."""
    client = {"match_client": RESERVED} if mac is None else {"mac": mac, "match_client": "MAC_ADDRESS"}
    return UpdateFound(
        "fixedaddress",
        {**owner.identity_search(identity), "network_view": network.view, "ipv4addr": address},
        ADDRESS_FIELDS,
        {
            **client,
            **_label_fields(label),
            "extattrs+": write_eas(_address_eas(owner, identity, network, label)),
        },
    )


def find_address(owner: Owner, identity: Identity) -> Search:
    """Every object of the attachment, in any view."""
    return Search("fixedaddress", owner.identity_search(identity), ADDRESS_FIELDS)


def delete_address(
    owner: Owner, identity: Identity, view: str | None = None, address: str | None = None
) -> DeleteFound:
    """The attachment's object; view and address narrow the search where they are known."""
    narrower = {"network_view": view, "ipv4addr": address}
    known = {name: value for name, value in narrower.items() if value is not None}
    return DeleteFound("fixedaddress", {**owner.identity_search(identity), **known}, ADDRESS_FIELDS)


def reassign_address(
    owner: Owner, wrong: Identity, network: Network, made: FixedAddress, eas: Eas, comment: str
) -> UpdateFound:
    """Turn the object that was just made for `wrong` into the one that should have been at its address.

    Whoever else has found it for `wrong` has put a comment of his own on it: it is his to give by now. Nothing of
    `wrong` stays: by the boot and pod in the comment a sweep judges the holder.
    """
    place = {"network_view": network.view, "ipv4addr": made.address}
    return UpdateFound(
        "fixedaddress",
        {**owner.identity_search(wrong), **place, BY_COMMENT: made.comment},
        ADDRESS_FIELDS,
        {"match_client": RESERVED, "name": "", "comment": comment, "extattrs": write_eas(eas)},
    )


def delete_orphan(owner: Owner, identity: Identity, fixed: FixedAddress) -> DeleteFound:
    """The attachment's object as it was seen: whoever wants it by now has put a comment of his own on it."""
    deletion = delete_address(owner, identity, fixed.view, fixed.address)
    if not fixed.comment:
        return deletion
    return replace(deletion, criteria={**deletion.criteria, BY_COMMENT: fixed.comment})


def whatever_its_comment(write: _Conditional) -> _Conditional:
    """The same for a grid that searches no comments."""
    return replace(write, criteria={name: text for name, text in write.criteria.items() if name != BY_COMMENT})


def list_addresses(owner: Owner, page_id: str | None) -> ReadPage:
    """All fixed addresses of the cluster, page by page."""
    return ReadPage("fixedaddress", owner.search(), ADDRESS_FIELDS, page_id)


def find_legacy(owner: Owner, container_id: str, view: str, address: str) -> Search:
    """The original's object at an address, as long as it is that container's."""
    return Search("fixedaddress", _legacy_search(owner, container_id, view, address), ADDRESS_FIELDS)


def adopt_address(owner: Owner, identity: Identity, view: str, address: str, comment: str) -> UpdateFound:
    """Add to the original's object what makes it the attachment's; an empty comment leaves the object's own."""
    missing = {INTERFACE_NAME: identity.ifname, LOCATION: identity.node}
    return UpdateFound(
        "fixedaddress",
        _legacy_search(owner, identity.container_id, view, address),
        ADDRESS_FIELDS,
        {**({"comment": comment} if comment else {}), "extattrs+": write_eas(missing)},
    )


def find_view(view: str) -> Search:
    """The network view by name: a search inside a view that does not exist may be refused."""
    return Search("networkview", {"name": view}, ("name", "extattrs"))


def create_view(owner: Owner, view: str) -> Create:
    """A network view marked as this cluster's."""
    return Create("networkview", {"name": view, "extattrs": write_eas(owner.eas())}, ("name", "extattrs"))


_NETWORK_FIELDS: Final = ("network", "network_view", "extattrs")


def find_network(network: Network) -> Search:
    """The network with its extensible attributes."""
    return Search("network", {"network": network.subnet, "network_view": network.view}, _NETWORK_FIELDS)


def find_container(network: Network) -> Search:
    """The network container with exactly the network's addresses: the grid has either one or the other."""
    criteria = {"network": network.subnet, "network_view": network.view}
    return Search("networkcontainer", criteria, ("network", "network_view"))


def create_network(owner: Owner, network: Network) -> Create:
    """A network marked as this cluster's, bearing the network configuration's name."""
    return Create(
        "network",
        {
            "network": network.subnet,
            "network_view": network.view,
            "extattrs": write_eas(owner.network_eas(network.name)),
        },
        _NETWORK_FIELDS,
    )


def find_at(view: str, address: str) -> Search:
    """The fixed address or reservation at an address."""
    return Search("fixedaddress", {"ipv4addr": address, "network_view": view}, ADDRESS_FIELDS)


def create_gateway(owner: Owner, network: Network, gateway: str) -> Create:
    """The reservation of a gateway: an address held by nobody."""
    return Create(
        "fixedaddress",
        {
            "network_view": network.view,
            "network": network.subnet,
            "ipv4addr": gateway,
            "match_client": RESERVED,
            "name": "gateway",
            "extattrs": write_eas(owner.network_eas(network.name)),
        },
        ADDRESS_FIELDS,
    )


def find_use(view: str, address: str) -> Search:
    """What occupies an address, whatever kind of object it is."""
    return Search(
        "ipv4address",
        {"ip_address": address, "network_view": view},
        ("ip_address", "network_view", "status", "types", "names"),
    )


_DEFINITION_FIELDS: Final = ("name", "type", "flags")


def find_definition(name: str) -> Search:
    """The definition of one extensible attribute."""
    return Search("extensibleattributedef", {"name": name}, _DEFINITION_FIELDS)


def create_definition(name: str) -> Create:
    """The definition of one of our extensible attributes, usable on all kinds of object."""
    kind = EA_TYPES[name]
    values = {"list_values": [{"value": "True"}, {"value": "False"}]} if kind == "ENUM" else {}
    return Create("extensibleattributedef", {"name": name, "type": kind, **values}, _DEFINITION_FIELDS)


def addresses_in_order(found: Iterable[FixedAddress]) -> list[FixedAddress]:
    """By address, since the grid promises no order."""
    return sorted(found, key=lambda fixed: IPv4Address(fixed.address))


def _address_eas(owner: Owner, identity: Identity, network: Network, label: Label) -> Eas:
    return {
        **owner.identity_eas(identity),
        NETWORK_NAME: _plain(network.name, NAME_BYTES_MAX),
        VM_NAME: label.vm_name,
    }


def _legacy_search(owner: Owner, container_id: str, view: str, address: str) -> dict[str, str]:
    return {"ipv4addr": address, "network_view": view, f"*{VM_ID}": container_id, **owner.search()}


def _label_fields(label: Label) -> dict[str, str]:
    fields = {"name": label.name, "comment": label.comment}
    return {name: value for name, value in fields.items() if value}


def _plain(text: str, bytes_max: int) -> str:
    """Text of a pod as the grid takes it: without blanks at its ends, without state variables to substitute."""
    return re.sub("##+", "#", text).encode()[:bytes_max].decode(errors="ignore").strip()
