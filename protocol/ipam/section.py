"""The ipam section of a network configuration, field by field."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from protocol.family import Family
from protocol.ipam.fields import (
    AddressText,
    Destination,
    Excluded,
    Ipv4Address,
    Ipv4Subnet,
    Ipv6Address,
    Ipv6Subnet,
    SubnetText,
    Text,
    Unset,
)
from protocol.wire.values import EXCLUDED_MAX, FURTHER_RANGES_MAX

ROUTES_MAX: Final = 1024
RANGES_MAX: Final = 1 + FURTHER_RANGES_MAX
"""Of one set; they are tried one after the other."""


def _not_served(value: object) -> object:
    if value is not None:
        raise ValueError("is not served: pods get any address of the subnet but those that ipam.exclude names")
    return value


_NotServed = Annotated[Any, AfterValidator(_not_served)]


class Route(BaseModel):
    """A route of the result, passed on as it is."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    dst: Destination
    gw: Annotated[AddressText | None, Unset] = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None

    @field_validator("gw")
    @classmethod
    def _is_of_the_family(cls, gw: str | None, known: ValidationInfo) -> str | None:
        dst = known.data.get("dst")
        if gw and dst and Family.of(gw) is not Family.of(dst):
            raise ValueError(f"is {Family.of(gw).title}, and {dst} is {Family.of(dst).title}")
        return gw

    @property
    def family(self) -> Family:
        """Pods of which family it is for."""
        return Family.of(self.dst)


class Dns(BaseModel):
    """Resolver settings of the result, passed on as they are."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    nameservers: list[str] | None = None
    domain: str | None = None
    search: list[str] | None = None
    options: list[str] | None = None


class RangeFields(BaseModel):
    """One range as host-local spells it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    subnet: SubnetText
    gateway: Annotated[AddressText | None, Unset] = None
    range_start: Annotated[_NotServed, Field(alias="rangeStart")] = None
    range_end: Annotated[_NotServed, Field(alias="rangeEnd")] = None


class Ipam(BaseModel):
    """The ipam section. Whatever else it holds is most likely a typing error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    type: Any = None
    subnet: Annotated[Ipv4Subnet | None, Unset] = None
    gateway: Annotated[Ipv4Address | None, Unset] = None
    subnet6: Annotated[Ipv6Subnet | None, Unset] = None
    gateway6: Annotated[Ipv6Address | None, Unset] = None
    ranges: list[Annotated[list[RangeFields], Field(max_length=RANGES_MAX)]] | None = None
    exclude: Annotated[list[Excluded] | None, Field(max_length=EXCLUDED_MAX)] = None
    requests: Literal["allow", "forbid"] | None = None
    routes: Annotated[list[Route] | None, Field(max_length=ROUTES_MAX)] = None
    network_view: Annotated[Text | None, Unset, Field(alias="network-view")] = None
    socket_dir: Annotated[str | None, Field(alias="socket-dir")] = None
    dns: Dns | None = None
    closed: bool | None = None
    """Set by `cni-infoblox uninstall`: what is attached may go, nothing new may come."""


IPAM_KEYS: Final = tuple(field.alias or name for name, field in Ipam.model_fields.items())
