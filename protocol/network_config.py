"""The network configuration that a plugin gets, validated field by field.

Main plugins are Go programs, whose JSON reader takes keys in any case: so does this one, outside the ipam section.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from protocol import config_errors as errors
from protocol.errors import Problem
from protocol.family import family_of
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.subnets import block_without_hosts, usual_gateway
from protocol.texts import is_fit, scrub

SUPPORTED_VERSIONS: Final = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
ABSENT_VERSION: Final = "0.1.0"
"""What a configuration without cniVersion means (CNI specification)."""
ROUTES_MAX: Final = 1024
REQUESTED_LENGTH_MAX: Final = 200
_NETWORK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")


def _subnet(text: str) -> str:
    _refuse_ipv6(text)
    address, slash, prefix = text.partition("/")
    if not slash or not prefix.isascii() or not prefix.isdigit():
        raise ValueError("is no subnet such as 10.0.0.0/16")
    if int(prefix[:4]) > 32:
        raise ValueError(f"has no prefix length from 0 to 32, but {prefix[:10]}")
    interface = ipaddress.IPv4Interface(f"{_address(address)}/{int(prefix)}")
    if interface.ip != interface.network.network_address:
        raise ValueError(f"has host bits set, the subnet is {interface.network}")
    if block := block_without_hosts(interface.network):
        raise ValueError(f"{interface.network} reaches into {block}, of which no pod can have an address")
    return str(interface.network)


def _address(text: str) -> str:
    _refuse_ipv6(text)
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("is no IPv4 address") from None


def _destination(text: str) -> str:
    _refuse_ipv6(text)
    try:
        ipaddress.IPv4Interface(text)
    except ValueError:
        raise ValueError("is no destination such as 10.0.0.0/16") from None
    if "/" not in text:
        raise ValueError("has no prefix length")
    return text


class _Ipv6(ValueError):
    """A value that a later release will accept."""


def _refuse_ipv6(text: str) -> None:
    if ":" in text:
        raise _Ipv6("is IPv6")


def _network_name(text: str) -> str:
    if not _NETWORK_NAME.fullmatch(text):
        raise ValueError("must consist of letters, digits, '_', '.' and '-'")
    return text


def _plain(text: str) -> str:
    if not is_fit(text):
        raise ValueError("must be without control characters")
    return text


def _empty_is_absent(value: object) -> object:
    return None if value == "" else value


Text = Annotated[str, Field(max_length=253), AfterValidator(_plain)]
Subnet = Annotated[str, AfterValidator(_subnet)]
Ipv4Text = Annotated[str, AfterValidator(_address)]
Destination = Annotated[str, AfterValidator(_destination)]
Unset = BeforeValidator(_empty_is_absent)
_STRICT = ConfigDict(strict=True, frozen=True, populate_by_name=False)


class Route(BaseModel):
    """A route of the result, passed on as it is."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    dst: Destination
    gw: Annotated[Ipv4Text | None, Unset] = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None


class Dns(BaseModel):
    """Resolver settings of the result, passed on as they are."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    nameservers: list[str] | None = None
    domain: str | None = None
    search: list[str] | None = None
    options: list[str] | None = None


class Ipam(BaseModel):
    """The ipam section. Whatever else it holds is most likely a typing error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    type: Any = None
    subnet: Annotated[Subnet | None, Unset] = None
    gateway: Annotated[Ipv4Text | None, Unset] = None
    routes: Annotated[list[Route] | None, Field(max_length=ROUTES_MAX)] = None
    network_view: Annotated[Text | None, Unset, Field(alias="network-view")] = None
    socket_dir: Annotated[str | None, Field(alias="socket-dir")] = None
    dns: Dns | None = None
    closed: bool | None = None
    """Set by `cni-infoblox uninstall`: what is attached may go, nothing new may come."""


IPAM_KEYS: Final = tuple(field.alias or name for name, field in Ipam.model_fields.items())


class NamedConfig(BaseModel):
    """The part of a network configuration that each verb needs."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    name: Annotated[Text, AfterValidator(_network_name)]


class NetworkConfig(NamedConfig):
    """What the agent reads of a network configuration; the rest belongs to other plugins."""

    type: Any = None
    master: Any = None
    is_gateway: Annotated[bool | None, Field(alias="isGateway")] = None
    is_default_gateway: Annotated[bool | None, Field(alias="isDefaultGateway")] = None
    dns: Dns | None = None
    args: Any = None
    runtime_config: Annotated[Any, Field(alias="runtimeConfig")] = None
    prev_result: Annotated[Any, Field(alias="prevResult")] = None
    ipam: Ipam

    @property
    def needs_gateway(self) -> bool:
        """Whether the main plugin works with a gateway only; where none is named, that is the first host.

        For bridge `isDefaultGateway` implies `isGateway`; ptp makes its routes through a gateway in any case.
        """
        return bool(self.is_gateway or self.is_default_gateway or self.type == "ptp")


_KEYS: Final = ("cniVersion", *(field.alias or name for name, field in NetworkConfig.model_fields.items()))
_BY_FOLDED_KEY: Final = {key.casefold(): key for key in _KEYS}


def decode_object(stdin: bytes) -> dict[str, Any]:
    """Standard input as a JSON object, its known keys in their usual case. Raises `NotJson`."""
    if not stdin.strip():
        raise errors.NotJson(cause="Standard input is empty")
    try:
        fields = json.loads(stdin.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise errors.NotJson(cause=str(error)[:200]) from None
    if not isinstance(fields, dict):
        raise errors.NotJson(cause="It is JSON of another kind")
    return in_usual_case(fields)


def in_usual_case(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A main plugin's fields, known keys in their usual case; of several that differ in case the last counts."""
    return {_BY_FOLDED_KEY.get(key.casefold(), key): value for key, value in fields.items()}


def version_of(fields: Mapping[str, Any]) -> str:
    """The asked cniVersion. Raises `IncompatibleVersion`."""
    version = fields.get("cniVersion", ABSENT_VERSION)
    if version not in SUPPORTED_VERSIONS:
        raise errors.IncompatibleVersion(version=str(version)[:20], supported=", ".join(SUPPORTED_VERSIONS))
    return str(version)


def network_name_of(fields: Mapping[str, Any]) -> str:
    """The network's name, whatever else is wrong. Raises a `Problem` of code 7."""
    try:
        return NamedConfig.model_validate(fields).name
    except ValidationError as error:
        raise _problem_of(error) from None


def validate(fields: Mapping[str, Any]) -> NetworkConfig:
    """The configuration, every field checked. Raises a `Problem` of code 7 that names the field."""
    try:
        config = NetworkConfig.model_validate(fields)
    except ValidationError as error:
        raise _problem_of(error) from None
    _check_gateway(config, config.ipam)
    return config


def refuse_requested_addresses(config: NetworkConfig) -> None:
    """Raises `AddressRequested` where the configuration asks for certain addresses."""
    cni = config.args.get("cni") if isinstance(config.args, dict) else None
    for field, section in (("runtimeConfig.ips", config.runtime_config), ("args.cni.ips", cni)):
        asked = section.get("ips") if isinstance(section, dict) else None
        if asked:
            texts = ", ".join(map(str, asked)) if isinstance(asked, list) else str(asked)
            raise errors.AddressRequested(field=field, addresses=scrub(texts)[:REQUESTED_LENGTH_MAX])


def _check_gateway(config: NetworkConfig, ipam: Ipam) -> None:
    if ipam.subnet is None:
        return
    subnet = ipaddress.IPv4Network(ipam.subnet)
    if config.needs_gateway and usual_gateway(subnet) is None:
        smallest = f"/{family_of(subnet).longest_prefix_with_gateway} is the smallest"
        reason = f"{subnet} has no room for a gateway and pods, {smallest}"
        raise errors.ConfigInvalid(field="ipam.subnet", reason=reason)
    if ipam.gateway is None:
        return
    gateway = complete_gateway(ipam.gateway, subnet)
    if is_usable_gateway(gateway, subnet):
        return
    where = "the first or last address of" if gateway in subnet else "outside the subnet"
    raise errors.ConfigInvalid(field="ipam.gateway", reason=f"{gateway} is {where} {subnet}")


def _problem_of(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False)[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    if first["type"] == "extra_forbidden":
        return errors.UnknownKey(field=field[:100], known=", ".join(IPAM_KEYS))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, _Ipv6):
        return errors.Ipv6NotYet(field=field)
    reason = str(cause) if cause else _REASONS.get(first["type"], first["msg"])
    return errors.ConfigInvalid(field=field, reason=reason)


_REASONS: Final = {
    "missing": "is missing",
    "string_type": "must be a text",
    "string_unicode": "is no valid Unicode",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "model_type": "must be a JSON object",
}
