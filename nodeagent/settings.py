"""The agent's settings: where the coordinator, the plugin's socket and the journal are."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from daemon.settings import ByCommas, DaemonSettings, Endpoint, Listen, NotJson, make_parser
from daemon.settings import read as read_settings
from nodeagent.link.service_address import missing_variable
from protocol.host_port import HostPort

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def _remote(value: Any, check: ValidatorFunctionWrapHandler) -> str:
    """An endpoint to connect to. One that refers to a variable stays: its Service may exist at the next start."""
    if isinstance(value, str) and missing_variable(value):
        return value
    endpoint: str = check(value)
    if not HostPort.of_endpoint(endpoint).is_peer:
        raise ValueError("must be of the form tcp://HOST:PORT")
    return endpoint


def _file_name(name: str) -> str:
    if not _FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} must be at most 64 letters, digits, '_', '.' and '-', not first")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]
Remote = Annotated[Endpoint, WrapValidator(_remote)]


class Settings(DaemonSettings):
    """Where everything is."""

    coordinator: Annotated[list[Remote], NotJson, ByCommas, Field(min_length=1)]
    coordinator_key: Path | None = None
    enrol_token: Path | None = None
    node_name: Annotated[str, Field(min_length=1, max_length=253)] = Field(default_factory=socket.gethostname)
    socket_dir: Path = Path("/run/cni")
    driver_name: FileName = "infoblox"
    run_dir: Path = Path("/run/cni-infoblox")
    machine: Annotated[str, Field(max_length=253)] = ""
    netns_dir: Annotated[tuple[Path, ...], NotJson, ByCommas] = (Path("/var/run/netns"),)
    status_listen: Listen = "127.0.0.1:9511"

    @property
    def own_key_path(self) -> Path:
        """This node's key pair."""
        return self.keys / "agent.key_secret"

    @property
    def coordinator_key_path(self) -> Path:
        """The public key that the coordinator must have."""
        return self.coordinator_key or self.keys / "coordinator.key"


def read(argv: Sequence[str] | None) -> Settings:
    """The settings of this start. Raises `BadSettings`; ends the process after --help."""
    parser = make_parser(
        "cni-infoblox-agent", "Answers the CNI plugin on this node; keeps the node's journal of attachments."
    )
    add = parser.add_argument
    add("--coordinator", action="append", metavar="tcp://HOST:5510", help="the coordinator's address; repeatable")
    add("--coordinator-key", metavar="FILE", help="the coordinator's public key (KEYS/coordinator.key)")
    add("--keys", metavar="DIR", help="directory of agent.key_secret, this node's key pair")
    add("--enrol-token", metavar="FILE", help="enrol with this ServiceAccount token; KEYS is then written to")
    add("--node-name", metavar="NAME", help="this node's name, as in Kubernetes (the host name)")
    add("--socket-dir", metavar="DIR", help="directory of the plugin's socket (/run/cni)")
    add("--driver-name", metavar="NAME", help="the plugin's file name (infoblox)")
    add("--run-dir", metavar="DIR", help="directory of this boot's journal, on a tmpfs (/run/cni-infoblox)")
    add("--machine", metavar="TEXT", help="this machine's serial number (DMI product UUID, or of the device tree)")
    add(
        "--netns-dir",
        action="append",
        metavar="DIR",
        help="where the runtime keeps network namespaces; repeatable (/var/run/netns)",
    )
    return read_settings(Settings, parser, argv)
