"""What pods of a configuration file miss or get unasked where it names no gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ctl.networks.file import NetworkFile
from protocol.family import Family
from protocol.network_config import validate

_FIELDS: Final = {Family.IPV4: "ipam.gateway", Family.IPV6: "ipam.gateway6"}


def complaints(file: NetworkFile) -> tuple[str, ...]:
    """A text for each family of each plugin with our ipam that has no gateway, though its kind wants one."""
    ours = [plugin for plugin in file.plugins if file.is_ours(plugin)]
    return tuple(text for plugin in ours for text in _complaints({**plugin, "name": file.fields["name"]}))


def _complaints(plugin: Mapping[str, Any]) -> Iterator[str]:
    config = validate(plugin)
    for known in config.range_sets:
        if all(each.gateway for each in known.ranges):
            continue
        field = _FIELDS[known.family] if config.ipam.ranges is None else "a gateway in ipam.ranges"
        if plugin["type"] == "ptp":
            yield (
                f"plugin ptp: {field} is absent, so the first host of the subnet is taken and reserved in the"
                " grid; set it where that address is somebody else's"
            )
        elif plugin["type"] == "bridge" and not config.needs_gateway:
            yield (
                f"plugin bridge: neither isGateway nor {field}, so pods reach nothing outside their"
                f' {known.family.title} subnet; set "isGateway": true, or {field} to a router of the subnet'
            )
