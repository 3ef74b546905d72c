"""The agent's settings: flags, before environment variables, before lines of a file."""

from __future__ import annotations

import argparse
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from protocol.logs import LogFormat

ENV_PREFIX: Final = "CNI_INFOBLOX_"
_ENDPOINT = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]*):(\d{1,5})")


class BadSettings(Exception):
    """Settings that cannot be used; the text names the flag."""


def _split(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return value
    return [part.strip() for text in texts for part in str(text).split(",") if part.strip()]


def _endpoint(value: str) -> str:
    match = _ENDPOINT.fullmatch(value)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError("must be of the form tcp://HOST:PORT")
    return value


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if not match or int(match[2]) > 65535:
        raise ValueError("must be of the form ADDRESS:PORT")
    return value


def _level(value: str) -> str:
    if value.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("must be debug, info, warning or error")
    return value.lower()


Endpoint = Annotated[str, AfterValidator(_endpoint)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=64)]


class Settings(BaseSettings):
    """Where everything is."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="ignore", frozen=True)

    coordinator: Annotated[list[Endpoint], NoDecode, BeforeValidator(_split), Field(min_length=1)]
    keys: Path
    coordinator_key: Path | None = None
    node_name: Annotated[str, Field(min_length=1, max_length=253)] = Field(default_factory=socket.gethostname)
    socket_dir: Path = Path("/run/cni")
    driver_name: FileName = "infoblox"
    state_dir: Path = Path("/var/lib/cni-infoblox")
    status_listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9511"
    log_format: LogFormat = "console"
    log_level: Annotated[str, AfterValidator(_level)] = "info"

    @property
    def own_key_path(self) -> Path:
        """This node's key pair."""
        return self.keys / "agent.key_secret"

    @property
    def coordinator_key_path(self) -> Path:
        """The public key that the coordinator must have."""
        return self.coordinator_key or self.keys / "coordinator.key"

    @property
    def status_address(self) -> tuple[str, int]:
        """Host with port of the status page."""
        host, _, port = self.status_listen.rpartition(":")
        return host.strip("[]") or "0.0.0.0", int(port)


def read(argv: Sequence[str] | None) -> Settings:
    """The settings of this start. Raises `BadSettings`; ends the process after --help."""
    given = {name: value for name, value in vars(_parser().parse_args(argv)).items() if value is not None}
    config = given.pop("config", None)
    if config is not None and not Path(config).is_file():
        raise BadSettings(f"--config: {config}: no such file")
    try:
        return Settings(_env_file=config, **given)
    except ValidationError as error:
        raise BadSettings(_first_complaint(error)) from None


def _first_complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    flag = "--" + name.replace("_", "-")
    if first["type"] in ("missing", "too_short"):
        return f"{flag}: is required (or {ENV_PREFIX}{name.upper()} in the environment)"
    cause: Any = first.get("ctx", {}).get("error")
    return f"{flag}: {cause or first['msg']}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadSettings(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cni-infoblox-agent",
        description="Answers the CNI plugin on this node; keeps the node's journal of attachments.",
        epilog=f"Each flag is also an environment variable ({ENV_PREFIX}COORDINATOR and so on, lists with commas) "
        "or such a line in the file of --config.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--coordinator", action="append", metavar="tcp://HOST:5510", help="the coordinator's address; repeatable")
    add("--coordinator-key", metavar="FILE", help="the coordinator's public key (KEYS/coordinator.key)")
    add("--keys", metavar="DIR", help="directory of agent.key_secret, this node's key pair")
    add("--node-name", metavar="NAME", help="this node's name in logs (the host name)")
    add("--socket-dir", metavar="DIR", help="directory of the plugin's socket (/run/cni)")
    add("--driver-name", metavar="NAME", help="the plugin's file name (infoblox)")
    add("--state-dir", metavar="DIR", help="directory of the journal (/var/lib/cni-infoblox)")
    add("--status-listen", metavar="ADDRESS:PORT", help="status and metrics over HTTP (127.0.0.1:9511)")
    add("--log-format", metavar="FORMAT", help="console or json (console)")
    add("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    add("--config", metavar="FILE", help=f"lines {ENV_PREFIX}NAME=VALUE")
    return parser
