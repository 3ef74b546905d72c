"""The network configuration that a plugin gets, validated field by field.

Main plugins are Go programs, whose JSON reader takes keys in any case: so does this one, outside the ipam section.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from protocol import config_errors as errors
from protocol.errors import Problem
from protocol.family import Family
from protocol.ipam.fields import Text
from protocol.ipam.ranges import RangeSet, range_sets
from protocol.ipam.requested import Requested, addresses, requested_of
from protocol.ipam.section import IPAM_KEYS, Dns, Ipam

SUPPORTED_VERSIONS: Final = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
ABSENT_VERSION: Final = "0.1.0"
"""What a configuration without cniVersion means (CNI specification)."""
_NETWORK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")


def _network_name(text: str) -> str:
    if not _NETWORK_NAME.fullmatch(text):
        raise ValueError("must consist of letters, digits, '_', '.' and '-'")
    return text


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

    @property
    def range_sets(self) -> tuple[RangeSet, ...]:
        """Where its addresses come from, one set for each family, IPv4 first. Raises `ConfigInvalid`."""
        return range_sets(self.ipam, needs_gateway=self.needs_gateway)

    @property
    def requested(self) -> tuple[Requested, ...]:
        """The addresses that it names itself. Raises `RequestInvalid`."""
        return requested_of(self.runtime_config, self.args)


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
    _ = config.range_sets  # which are made of several fields
    return config


def requested_addresses(config: NetworkConfig, more: Sequence[Requested] = ()) -> Mapping[Family, str]:
    """The address of each family that is asked for, by the configuration or by `more`, in place of any.

    Raises `RequestInvalid`, or `RequestsForbidden` where the network gives none.
    """
    requested = (*config.requested, *more)
    if requested and config.ipam.requests == "forbid":
        raise errors.RequestsForbidden(field=requested[0].field)
    return addresses(requested, config.range_sets, needs_gateway=config.needs_gateway)


def refuse_what_is_not_served(config: NetworkConfig, more: Sequence[Requested] = ()) -> None:
    """Raises `AddressRequested`, or `NotServedYet` for what the coordinator cannot be asked for."""
    requested = (*config.requested, *more)
    if requested:
        texts = ", ".join(each.text for each in requested)
        raise errors.AddressRequested(field=requested[0].field, addresses=texts)
    for known in config.range_sets:
        field = "ipam.subnet6" if config.ipam.ranges is None else "ipam.ranges"
        if known.family is Family.IPV6:
            raise errors.NotServedYet(field=field, what="IPv6")
        if len(known.ranges) > 1:
            raise errors.NotServedYet(field=field, what="a set of several ranges")
        if known.exclude:
            raise errors.NotServedYet(field="ipam.exclude", what="it")


def _problem_of(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False)[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    if first["type"] == "extra_forbidden":
        return errors.UnknownKey(field=field[:100], known=", ".join(IPAM_KEYS))
    cause = first.get("ctx", {}).get("error")
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
    "literal_error": 'must be "allow" or "forbid"',
}
