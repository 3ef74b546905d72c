"""What the plugin prints: results in the asked cniVersion, CNI errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from nodeagent.cni.request import AddRequest
from nodeagent.domain.outcomes import Address, Failure
from protocol.family import Family
from protocol.ipam.section import Route
from protocol.network_config import SUPPORTED_VERSIONS

_WITH_IP_VERSION: Final = ("0.3.0", "0.3.1", "0.4.0")
_WITH_ROUTE_ATTRIBUTES: Final = ("1.1.0",)


def added(request: AddRequest, addresses: Sequence[Address]) -> bytes:
    """The result of an ADD: no interfaces, since the plugin that calls us makes them."""
    version = request.cni_version
    result: dict[str, Any] = {"cniVersion": version, "ips": [_ip(version, address) for address in addresses]}
    if request.routes:
        result["routes"] = [_route(version, route) for route in request.routes]
    result["dns"] = request.dns.model_dump(exclude_none=True) if request.dns else {}
    return _encode(result)


def failed(cni_version: str, failure: Failure, request_id: str) -> bytes:
    """A CNI error; `request_id` leads a person to the log lines of all hops."""
    return _encode(
        {
            "cniVersion": cni_version,
            "code": failure.code,
            "msg": failure.msg,
            "details": f"{failure.details.rstrip('.')}. request {request_id}",
        }
    )


def versions(cni_version: str) -> bytes:
    """The answer to VERSION."""
    return _encode({"cniVersion": cni_version, "supportedVersions": SUPPORTED_VERSIONS})


def _ip(version: str, address: Address) -> dict[str, str]:
    ip = {"version": str(Family.of(address.address).value)} if version in _WITH_IP_VERSION else {}
    ip["address"] = address.address
    if address.gateway:
        ip["gateway"] = address.gateway
    return ip


def _route(version: str, route: Route) -> dict[str, Any]:
    fields = None if version in _WITH_ROUTE_ATTRIBUTES else {"dst", "gw"}
    return route.model_dump(include=fields, exclude_none=True)


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"
