"""What pods of a configuration file miss or get unasked where it names no gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ctl.networks.file import NetworkFile

_OF_BRIDGE: Final = (
    "plugin bridge: neither isGateway nor ipam.gateway, so pods reach nothing outside their subnet; set"
    ' "isGateway": true, or ipam.gateway to a router of the subnet'
)
_OF_PTP: Final = (
    "plugin ptp: ipam.gateway is absent, so the first host of the subnet is taken and reserved in the grid;"
    " set it where that address is somebody else's"
)


def complaints(file: NetworkFile) -> tuple[str, ...]:
    """One text for each plugin with our ipam that has no gateway, though its kind wants one."""
    found = [_complaint(plugin) for plugin in file.plugins if file.is_ours(plugin)]
    return tuple(text for text in found if text)


def _complaint(plugin: Mapping[str, Any]) -> str | None:
    if plugin["ipam"].get("gateway"):
        return None
    if plugin["type"] == "ptp":
        return _OF_PTP
    if plugin["type"] == "bridge" and not (plugin.get("isGateway") or plugin.get("isDefaultGateway")):
        return _OF_BRIDGE
    return None
