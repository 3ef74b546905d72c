"""What `install --watch` can be told besides what every `install` can."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ctl.failures import BadArgument
from ctl.networks.versions import VERSION_MAX
from daemon.logs import LogFormat
from daemon.settings import Level, Listen
from protocol.host_port import HostPort
from protocol.network_config import SUPPORTED_VERSIONS

SOCKET_DIR: Final = Path("/run/cni")
STATUS_LISTEN: Final = "127.0.0.1:9512"
_WATCH_ONLY: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("--cni-conf-dir", {"type": Path, "metavar": "DIR", "help": "such as /etc/cni/net.d"}),
    ("--config-dir", {"type": Path, "metavar": "DIR", "help": "the mounted ConfigMap infoblox-cni-cfg"}),
    ("--socket-dir", {"type": Path, "metavar": "DIR", "help": "directory of the agent's socket (/run/cni)"}),
    (
        "--cni-version-max",
        {"metavar": "VERSION", "help": f"the highest cniVersion to choose by itself ({VERSION_MAX})"},
    ),
    (
        "--set-promiscuous",
        {"action": "store_const", "const": True, "help": "set masters of macvlan to promiscuous mode"},
    ),
    ("--status-listen", {"metavar": "ADDRESS:PORT", "help": f"status and metrics over HTTP ({STATUS_LISTEN})"}),
    ("--log-format", {"choices": ("console", "json"), "help": "(console)"}),
    ("--log-level", {"metavar": "LEVEL", "help": "debug, info, warning or error (info)"}),
)


@dataclass(frozen=True)
class Configured:
    """Where the wanted configuration comes from, where it goes."""

    source_dir: Path
    target_dir: Path
    version_max: str
    sets_promiscuous: bool


@dataclass(frozen=True)
class Settings:
    """All of it. `configured` is None where only the plugin is looked after."""

    socket_dir: Path
    configured: Configured | None
    status_at: HostPort
    log_format: LogFormat
    log_level: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    watching = parser.add_argument_group("with --watch")
    watching.add_argument("--watch", action="store_true", help="stay, keep plugin and configuration installed")
    for flag, how in _WATCH_ONLY:
        watching.add_argument(flag, **how)


def refuse_without_watch(arguments: argparse.Namespace) -> None:
    """Raise `BadArgument` for a flag that only --watch heeds."""
    for flag, _ in _WATCH_ONLY:
        if getattr(arguments, flag[2:].replace("-", "_")) is not None:
            raise BadArgument(f"{flag}: only together with --watch")


def read(arguments: argparse.Namespace) -> Settings:
    """The settings of a watch. Raises `BadArgument`."""
    return Settings(
        socket_dir=arguments.socket_dir or SOCKET_DIR,
        configured=_configured(arguments) if arguments.config_dir else None,
        status_at=status_address(arguments.status_listen or STATUS_LISTEN),
        log_format=arguments.log_format or "console",
        log_level=_checked("--log-level", Level, arguments.log_level or "info"),
    )


def status_address(listen: str) -> HostPort:
    """What --status-listen says. Raises `BadArgument`."""
    return HostPort.parse(_checked("--status-listen", Listen, listen))


def _configured(arguments: argparse.Namespace) -> Configured:
    version_max = arguments.cni_version_max or VERSION_MAX
    if version_max not in SUPPORTED_VERSIONS:
        raise BadArgument(f"--cni-version-max {version_max}: must be one of {', '.join(SUPPORTED_VERSIONS)}")
    if arguments.cni_conf_dir is None:
        raise BadArgument("--cni-conf-dir: is required with --config-dir")
    for flag, directory in (("--cni-conf-dir", arguments.cni_conf_dir), ("--config-dir", arguments.config_dir)):
        if not directory.is_dir():
            raise BadArgument(f"{flag} {directory}: no such directory")
    return Configured(arguments.config_dir, arguments.cni_conf_dir, version_max, arguments.set_promiscuous is True)


def _checked(flag: str, kind: Any, value: str) -> str:
    try:
        return str(TypeAdapter(kind).validate_python(value))
    except ValidationError as error:
        cause = error.errors()[0].get("ctx", {}).get("error")
        raise BadArgument(f"{flag} {value}: {cause}") from None
