"""One configuration file of a container runtime, read by the rules of runtime and agent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ctl.networks.failures import BadConfiguration
from protocol.config_errors import NotJson
from protocol.errors import Problem
from protocol.family import Family, subnet_of
from protocol.network_config import (
    decode_object,
    in_usual_case,
    refuse_what_is_not_served,
    requested_addresses,
    validate,
)

FILE_BYTES_MAX: Final = 1 << 20
LIST_SUFFIX: Final = ".conflist"
SUFFIXES: Final = (".conf", LIST_SUFFIX, ".json")
"""What runtimes read; they pass over everything else in their directory."""

EXAMPLES: Final = tuple(map(subnet_of, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
"""Subnets for documentation (RFC 5737, RFC 3849), as in our example. Pods with such an address reach nobody."""

_FIELDS: Final = {Family.IPV4: "ipam.subnet", Family.IPV6: "ipam.subnet6"}


@dataclass(frozen=True)
class NetworkFile:
    """A file that runtime and agent understand. `fields` are its JSON, `plugins` those that it chains."""

    name: str
    data: bytes
    fields: Mapping[str, Any]
    plugins: tuple[Mapping[str, Any], ...]
    driver_name: str

    @property
    def version(self) -> str | None:
        """The cniVersion that it names."""
        version = self.fields.get("cniVersion")
        return version if isinstance(version, str) else None

    @property
    def uses_driver(self) -> bool:
        """Whether one of its plugins takes addresses from our driver."""
        return any(map(self.is_ours, self.plugins))

    def is_ours(self, plugin: Mapping[str, Any]) -> bool:
        """Whether this one of its plugins takes addresses from our driver."""
        return bool(_ipam_type(plugin) == self.driver_name)

    @property
    def executables(self) -> tuple[str, ...]:
        """The file names of all plugins that the runtime will execute for it."""
        types = [str(plugin["type"]) for plugin in self.plugins]
        delegates = [name for plugin in self.plugins if (name := _ipam_type(plugin))]
        return tuple(dict.fromkeys(types + delegates))

    def masters(self, kind: str) -> tuple[str, ...]:
        """The interfaces on which plugins of this kind, such as `macvlan`, put theirs."""
        found = [plugin.get("master") for plugin in self.plugins if plugin["type"] == kind]
        return tuple(master for master in found if isinstance(master, str) and master)


def read(name: str, data: bytes, driver_name: str) -> NetworkFile:
    """The file of that name. Raises `BadConfiguration`."""
    if not name.endswith(SUFFIXES):
        raise BadConfiguration(f"its name must end with one of {', '.join(SUFFIXES)}, else no runtime reads it")
    if len(data) > FILE_BYTES_MAX:
        raise BadConfiguration(f"it has more than {FILE_BYTES_MAX >> 20} MiB")
    try:
        fields = decode_object(data)
    except NotJson as problem:
        raise BadConfiguration(f"it is no JSON object: {problem.facts['cause']}") from None
    if not isinstance(fields.get("cniVersion", ""), str):
        raise BadConfiguration("cniVersion: must be a text")
    plugins = _chained(fields) if name.endswith(LIST_SUFFIX) else _single(fields)
    file = NetworkFile(name, data, fields, plugins, driver_name)
    _check_plugins(file)
    return file


def in_version(file: NetworkFile, version: str) -> bytes:
    """The file's bytes with this cniVersion; its own where it has that one."""
    if file.version == version:
        return file.data
    rest = {key: value for key, value in file.fields.items() if key != "cniVersion"}
    return json.dumps({"cniVersion": version, **rest}, indent=2, ensure_ascii=False).encode() + b"\n"


def _single(fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    if "plugins" in fields and "type" not in fields:
        raise BadConfiguration(f"plugins: a list of plugins belongs into a file named *{LIST_SUFFIX}")
    return (fields,)


def _chained(fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    plugins = fields.get("plugins")
    if not isinstance(plugins, list) or not plugins:
        raise BadConfiguration(f"plugins: must be a list of at least one plugin in a *{LIST_SUFFIX}")
    for number, plugin in enumerate(plugins):
        if not isinstance(plugin, dict):
            raise BadConfiguration(f"plugins[{number}]: must be a JSON object")
    return tuple(in_usual_case(plugin) for plugin in plugins)


def _check_plugins(file: NetworkFile) -> None:
    if not isinstance(file.fields.get("name"), str) or not file.fields["name"]:
        raise BadConfiguration("name: must be a text")
    for number, plugin in enumerate(file.plugins):
        place = f"plugins[{number}]." if file.name.endswith(LIST_SUFFIX) else ""
        for field, name in (("type", plugin.get("type")), ("ipam.type", _ipam_type(plugin) or "absent")):
            if not isinstance(name, str) or not name or "/" in name:
                raise BadConfiguration(f"{place}{field}: must be the file name of a plugin")
        if _ipam_type(plugin) == file.driver_name:
            _check_ours(place, {**plugin, "name": file.fields["name"]})


def _check_ours(place: str, config: Mapping[str, Any]) -> None:
    try:
        found = validate(config)
        requested_addresses(found)
        refuse_what_is_not_served(found)
    except Problem as problem:
        where = "" if problem.msg.startswith("name:") else place
        raise BadConfiguration(f"{where}{problem.msg}. {problem.details}") from None
    for ranges in found.range_sets:
        field = _FIELDS[ranges.family] if found.ipam.ranges is None else "ipam.ranges"
        for known in (each.subnet for each in ranges.ranges if each.subnet):
            if any(subnet_of(known).overlaps(example) for example in EXAMPLES):
                raise BadConfiguration(
                    f"{place}{field}: {known} is the example's, and exists nowhere; name a network of yours"
                )


def _ipam_type(plugin: Mapping[str, Any]) -> Any:
    ipam = plugin.get("ipam")
    return ipam.get("type") if isinstance(ipam, dict) else None
