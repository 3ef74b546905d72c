"""How a daemon reads its settings: flags, before environment variables, before lines of a file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from protocol.logs import LogFormat

ENV_PREFIX: Final = "CNI_INFOBLOX_"
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]*):(\d{1,5})")
_ENDPOINT = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")
_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """Settings that cannot be used; the text names the flag."""


def _split(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return value
    return [part.strip() for text in texts for part in str(text).split(",") if part.strip()]


def _endpoint(value: str) -> str:
    match = _ENDPOINT.fullmatch(value)
    if not match or int(match[2]) > 65535:
        raise ValueError("must be of the form tcp://HOST:PORT")
    return value


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if not match or int(match[2]) > 65535:
        raise ValueError("must be of the form ADDRESS:PORT")
    return value


def _level(value: str) -> str:
    if value.lower() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}")
    return value.lower()


Endpoint = Annotated[str, AfterValidator(_endpoint)]
Listen = Annotated[str, AfterValidator(_listen)]
Level = Annotated[str, AfterValidator(_level)]
ByCommas = BeforeValidator(_split)
NotJson = NoDecode


class DaemonSettings(BaseSettings):
    """What both daemons can be told."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="ignore", frozen=True)

    keys: Path
    status_listen: Listen
    log_format: LogFormat = "console"
    log_level: Level = "info"

    @property
    def status_address(self) -> tuple[str, int]:
        """Host with port of the status page."""
        host, _, port = self.status_listen.rpartition(":")
        return host.strip("[]") or "0.0.0.0", int(port)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadSettings(message)


def make_parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser with the flags that both daemons have."""
    parser = _Parser(
        prog=program,
        description=description,
        epilog=f"Each flag is also an environment variable ({ENV_PREFIX}KEYS and so on; lists with commas), "
        "or such a line in the file of --config.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--status-listen", metavar="ADDRESS:PORT", help="status and metrics over HTTP (127.0.0.1, 9510 or 9511)"
    )
    parser.add_argument("--log-format", metavar="FORMAT", help="console or json (console)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    parser.add_argument("--config", metavar="FILE", help=f"lines {ENV_PREFIX}NAME=VALUE")
    return parser


S = TypeVar("S", bound=DaemonSettings)


def read(settings: type[S], parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> S:
    """The settings of this start. Raises `BadSettings`; ends the process after --help."""
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
    config = given.pop("config", None)
    if config is not None and not Path(config).is_file():
        raise BadSettings(f"--config: {config}: there is no such file")
    try:
        return settings(_env_file=config, **given)
    except ValidationError as error:
        raise BadSettings(_first_complaint(error)) from None


def _first_complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    flag = "--" + name.replace("_", "-")
    if first["type"] in ("missing", "too_short") or _is_empty(first):
        return f"{flag}: is required (or {ENV_PREFIX}{name.upper()} in the environment)"
    cause: Any = first.get("ctx", {}).get("error")
    return f"{flag}: {cause or first['msg']}"


def _is_empty(error: Mapping[str, Any]) -> bool:
    """Whether a text was given that is none, which is what unedited manifests have."""
    return bool(error["type"] == "string_too_short" and error["ctx"]["min_length"] == 1)
