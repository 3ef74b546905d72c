"""From a frame of the plugin to a validated request of one verb."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_interface
from typing import Any, Final

from nodeagent import errors
from nodeagent.cni.args import pod_of, requested_address
from nodeagent.cni.frame import Frame
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod, Want
from nodeagent.domain.presence import NO_NAMESPACE
from protocol.config_errors import ConfigInvalid, NetworkClosed
from protocol.errors import Problem
from protocol.ipam.requested import requested_by_args
from protocol.ipam.section import Dns, Route
from protocol.journal_view import ASK_JOURNAL, ASK_VARIABLE
from protocol.network_config import (
    NetworkConfig,
    decode_object,
    network_name_of,
    refuse_what_is_not_served,
    requested_addresses,
    validate,
    version_of,
)
from protocol.texts import is_fit
from protocol.wire.values import CONTAINER_ID_LENGTH_MAX, IFNAME_LENGTH_MAX

LATEST_VERSION: Final = "1.1.0"
_CONTAINER_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_IFNAME_UNFIT = re.compile(r"[/:\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NETNS_ERROR_LENGTH_MAX: Final = 200
REMEMBERED_MAX: Final = 64
REMEMBERED_BYTES_MAX: Final = 16 * 1024
"""How many configurations are remembered as they were read, and of which size."""
_LISTS_OF_VALID: Final = ("cni.dev/valid-attachments", "cni.dev/attachments")
"""The specification had both names; where both come, whatever either lists stays."""


@dataclass(frozen=True)
class AddRequest:
    """Give this attachment the addresses that it wants, in this order."""

    cni_version: str
    attachment: AttachmentId
    wants: tuple[Want, ...]
    namespace: Namespace
    pod: Pod
    master: str | None = None
    shares_mac: bool = False
    routes: tuple[Route, ...] = ()
    dns: Dns | None = None


@dataclass(frozen=True)
class DelRequest:
    """This attachment is gone. `complaint` is what is wrong with a configuration that DEL does not need."""

    attachment: AttachmentId
    cni_version: str = LATEST_VERSION
    complaint: str | None = None


@dataclass(frozen=True)
class CheckRequest:
    """Does this attachment have what it was given? `previous` are its addresses by the runtime's account."""

    cni_version: str
    attachment: AttachmentId
    network_name: str
    previous: tuple[str, ...] | None = None


@dataclass(frozen=True)
class StatusRequest:
    """Can this node give addresses?"""

    cni_version: str = LATEST_VERSION


@dataclass(frozen=True)
class GcRequest:
    """Whatever of this network the runtime does not list may go; `valid` is None where there is no list."""

    network_name: str
    valid: frozenset[AttachmentId] | None = None
    cni_version: str = LATEST_VERSION


@dataclass(frozen=True)
class VersionRequest:
    """Which versions are spoken?"""

    cni_version: str = LATEST_VERSION


@dataclass(frozen=True)
class JournalRequest:
    """What does this node's journal hold? Asked by a person's command, which is no verb of CNI."""

    cni_version: str = LATEST_VERSION


Request = AddRequest | DelRequest | CheckRequest | StatusRequest | GcRequest | VersionRequest | JournalRequest


def _container_id(value: str) -> str | None:
    if len(value) > CONTAINER_ID_LENGTH_MAX:
        return f"it has {len(value)} characters, at most {CONTAINER_ID_LENGTH_MAX} are allowed"
    if not _CONTAINER_ID.fullmatch(value):
        return "it must begin with a letter or digit and consist of letters, digits, '_', '.' and '-'"
    return None


def _ifname(value: str) -> str | None:
    if _IFNAME_UNFIT.search(value):
        return "it must be UTF-8 without '/', ':', white space and control characters"
    if len(value.encode()) > IFNAME_LENGTH_MAX:
        return f"an interface's name has at most {IFNAME_LENGTH_MAX} bytes"
    if value in (".", ".."):
        return "it is no interface's name"
    return None


def _path(value: str) -> str | None:
    return None if is_fit(value) else "it must be UTF-8 without control characters"


@dataclass(frozen=True)
class _Variable:
    name: str
    required_by: frozenset[str]
    complaint: Callable[[str], str | None]


_VARIABLES: Final = (
    _Variable("CNI_CONTAINERID", frozenset({"ADD", "DEL", "CHECK"}), _container_id),
    _Variable("CNI_IFNAME", frozenset({"ADD", "DEL", "CHECK"}), _ifname),
    _Variable("CNI_NETNS", frozenset({"ADD"}), _path),
)


def parse(frame: Frame, netns: int | None) -> Request:
    """The request of `frame`, which came with a descriptor of the inode `netns`. Raises a `Problem`."""
    if frame.variables.get(ASK_VARIABLE) == ASK_JOURNAL:
        return JournalRequest()
    verb = frame.variables.get("CNI_COMMAND", "")
    if not verb:
        raise errors.VariableMissing(variable="CNI_COMMAND", verb="every request")
    builder = _BUILDERS.get(verb)
    if builder is None:
        raise errors.VariableInvalid(
            variable="CNI_COMMAND", reason=f"{verb[:20]!r} is none of {', '.join(_BUILDERS)}"
        )
    _check_variables(verb, frame.variables)
    return builder(frame, netns)


def attachment_to_delete(frame: Frame) -> AttachmentId:
    """The attachment of a DEL that was written down; nothing else of it counts. Raises a `Problem`."""
    verb = frame.variables.get("CNI_COMMAND", "")
    if verb != "DEL":
        raise errors.VariableInvalid(variable="CNI_COMMAND", reason=f"{verb[:20]!r} is not DEL")
    _check_variables(verb, frame.variables)
    return _attachment(frame)


def version_for_errors(frame: Frame) -> str:
    """The cniVersion in which an error about `frame` is told."""
    try:
        return version_of(decode_object(frame.stdin))
    except Problem:
        return LATEST_VERSION


def _check_variables(verb: str, variables: Mapping[str, str]) -> None:
    for variable in _VARIABLES:
        if verb not in variable.required_by:
            continue
        value = variables.get(variable.name, "")
        if not value:
            raise errors.VariableMissing(variable=variable.name, verb=verb)
        complaint = variable.complaint(value)
        if complaint:
            raise errors.VariableInvalid(variable=variable.name, reason=complaint)


def _attachment(frame: Frame) -> AttachmentId:
    return AttachmentId(frame.variables["CNI_CONTAINERID"], frame.variables["CNI_IFNAME"])


def _wants(config: NetworkConfig, cni_args: str = "") -> tuple[Want, ...]:
    """What an ADD with this configuration and these arguments wants: one address of each family."""
    named = requested_addresses(config, requested_by_args(requested_address(cni_args)))
    wants = []
    for known in config.range_sets:
        first, *further = known.ranges
        network = Network(
            name=config.name,
            view=config.ipam.network_view,
            subnet=first.subnet,
            gateway=first.gateway,
            is_gateway=config.needs_gateway,
            further=tuple(further),
            exclude=known.exclude,
        )
        wants.append(Want(network, named.get(known.family)))
    return tuple(wants)


@dataclass(frozen=True)
class _Asked:
    """What the configuration of an ADD says."""

    cni_version: str
    config: NetworkConfig
    wants: tuple[Want, ...]
    master: str | None
    shares_mac: bool
    routes: tuple[Route, ...]
    dns: Dns | None


def _read_asked(stdin: bytes) -> _Asked:
    fields = decode_object(stdin)
    version = version_of(fields)
    config = validate(fields)
    if config.ipam.closed:
        raise NetworkClosed
    wants = _wants(config)
    refuse_what_is_not_served(config)
    families = {want.network.family for want in wants}
    return _Asked(
        cni_version=version,
        config=config,
        wants=wants,
        master=config.master if isinstance(config.master, str) and not _ifname(config.master) else None,
        shares_mac=config.type == "ipvlan",
        routes=tuple(route for route in config.ipam.routes or () if route.family in families),
        dns=config.ipam.dns or config.dns,
    )


_read_asked_again = lru_cache(REMEMBERED_MAX)(_read_asked)
"""The pods of a network come with the same configuration: it is read once."""


def _asked(stdin: bytes) -> _Asked:
    return (_read_asked_again if len(stdin) <= REMEMBERED_BYTES_MAX else _read_asked)(stdin)


def _add(frame: Frame, netns: int | None) -> AddRequest:
    asked = _asked(frame.stdin)
    cni_args = frame.variables.get("CNI_ARGS", "")
    wants = asked.wants
    if address := requested_address(cni_args):
        wants = _wants(asked.config, cni_args)
        refuse_what_is_not_served(asked.config, requested_by_args(address))
    if netns is None:
        cause = frame.variables.get("NETNS_ERROR", "The plugin passed no descriptor of it")
        raise errors.NamespaceUnopened(
            path=frame.variables["CNI_NETNS"][:200], cause=cause[:_NETNS_ERROR_LENGTH_MAX]
        )
    if netns == NO_NAMESPACE:
        raise errors.NotANamespace(cause=f"{frame.variables['CNI_NETNS'][:200]} is something else")
    return AddRequest(
        cni_version=asked.cni_version,
        attachment=_attachment(frame),
        wants=wants,
        pod=pod_of(cni_args),
        master=asked.master,
        shares_mac=asked.shares_mac,
        routes=asked.routes,
        dns=asked.dns,
        namespace=Namespace(frame.variables["CNI_NETNS"], netns),
    )


def _check(frame: Frame, netns: int | None) -> CheckRequest:
    fields = decode_object(frame.stdin)
    version = version_of(fields)
    config = validate(fields)
    return CheckRequest(version, _attachment(frame), config.name, _previous(config.prev_result))


def _previous(result: Any) -> tuple[str, ...] | None:
    if result is None:
        return None
    ips = result.get("ips") if isinstance(result, dict) else None
    if not isinstance(ips, list):
        raise ConfigInvalid(field="prevResult.ips", reason="must be a list")
    return tuple(_canonical(str(ip["address"])) for ip in ips if isinstance(ip, dict) and "address" in ip)


def _canonical(cidr: str) -> str:
    """The spelling in which equal addresses are equal texts; of what is no address, the text itself."""
    try:
        return str(ip_interface(cidr))
    except ValueError:
        return cidr


def _del(frame: Frame, netns: int | None) -> DelRequest:
    fields = decode_object(frame.stdin)
    try:
        version = version_of(fields)
        validate(fields)
    except Problem as problem:
        return DelRequest(_attachment(frame), complaint=problem.msg)
    return DelRequest(_attachment(frame), version)


def _status(frame: Frame, netns: int | None) -> StatusRequest:
    if not frame.stdin.strip():  # a probe of the kubelet cannot pass a configuration
        return StatusRequest()
    return StatusRequest(version_of(decode_object(frame.stdin)))


def _gc(frame: Frame, netns: int | None) -> GcRequest:
    fields = decode_object(frame.stdin)
    version = version_of(fields)
    lists = [_listed(key, fields[key]) for key in _LISTS_OF_VALID if fields.get(key) is not None]
    valid = frozenset[AttachmentId]().union(*lists) if lists else None
    return GcRequest(network_name_of(fields), valid, version)


def _listed(key: str, attachments: Any) -> frozenset[AttachmentId]:
    pairs = [_pair(each) for each in attachments] if isinstance(attachments, list) else [None]
    if None in pairs:
        raise ConfigInvalid(field=key, reason="must be a list of objects with containerID and ifname")
    return frozenset(pair for pair in pairs if pair)


def _pair(attachment: Any) -> AttachmentId | None:
    if not isinstance(attachment, dict):
        return None
    container_id, ifname = attachment.get("containerID"), attachment.get("ifname")
    return (
        AttachmentId(container_id, ifname) if isinstance(container_id, str) and isinstance(ifname, str) else None
    )


def _version(frame: Frame, netns: int | None) -> VersionRequest:
    return VersionRequest()


_BUILDERS: Final[Mapping[str, Callable[[Frame, int | None], Request]]] = {
    "ADD": _add,
    "DEL": _del,
    "CHECK": _check,
    "STATUS": _status,
    "GC": _gc,
    "VERSION": _version,
}
