"""How a daemon reads its settings: flags, before environment variables, before lines of a file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from daemon.logs import LogFormat, Logger
from daemon.setting_names import ENV_PREFIX, hint, unknown_lines, unknown_variables
from protocol.host_port import HostPort
from protocol.release import ShowRelease

_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """Settings that cannot be used; the text names the flag."""


def _split(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return value
    return [part.strip() for text in texts for part in str(text).split(",") if part.strip()]


def _endpoint(value: str) -> str:
    try:
        at = HostPort.of_endpoint(value)
    except ValueError:
        at = None
    if at is None or not at.host:
        raise ValueError("must be of the form tcp://HOST:PORT, an IPv6 address in brackets")
    return at.endpoint


def _listen(value: str) -> str:
    try:
        return str(HostPort.parse(value))
    except ValueError:
        raise ValueError("must be of the form ADDRESS:PORT, an IPv6 address in brackets") from None


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
    def status_address(self) -> HostPort:
        """Where the status page is."""
        return HostPort.parse(self.status_listen)


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
    parser.add_argument("--version", action=ShowRelease)
    parser.add_argument(
        "--status-listen", metavar="ADDRESS:PORT", help="status and metrics over HTTP (127.0.0.1, 9510 or 9511)"
    )
    parser.add_argument("--log-format", metavar="FORMAT", help="console or json (console)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    parser.add_argument("--config", metavar="FILE", help=f"lines {ENV_PREFIX}NAME=VALUE")
    return parser


S = TypeVar("S", bound=DaemonSettings)


def read(settings: type[S], parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> S:
    """The settings of this start. Raises `BadSettings`; ends the process after --help and --version."""
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
    config = given.pop("config", None)
    if config is not None:
        _check_file(Path(config), _known(settings))
    try:
        return settings(_env_file=config, **given)
    except ValidationError as error:
        raise BadSettings(_complaints(error)) from None


def warn_of_unknown_variables(
    settings: type[DaemonSettings], environment: Mapping[str, str], logger: Logger
) -> None:
    """Name the variables that look like settings but are none: they may be meant for somebody else."""
    known = _known(settings)
    for name in unknown_variables(environment, known):
        logger.warning("unknown_variable", name=name, remedy=f"it has no effect{hint(name, known)}")


def _known(settings: type[DaemonSettings]) -> frozenset[str]:
    return frozenset(ENV_PREFIX + name.upper() for name in settings.model_fields)


def _check_file(path: Path, known: frozenset[str]) -> None:
    """Raises `BadSettings` for a file that cannot be read, or has a line that would be passed over."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"--config: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"--config: {path}: is not UTF-8") from None
    bindings = list(parse_stream(StringIO(text)))
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            blank = len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            raise BadSettings(f"--config: {path}: line {binding.original.line + blank} is not NAME=VALUE")
    if unknown := unknown_lines((binding.key for binding in bindings if binding.key is not None), known):
        raise BadSettings(f"--config: {path}: {'; '.join(unknown)}")


def _complaints(error: ValidationError) -> str:
    """All that is wrong, in one line; what is missing comes first, together."""
    errors = error.errors(include_url=False, include_input=False)
    missing = [each for each in errors if _is_missing(each)]
    wrong = [f"{_flag(each)}: {_reason(each)}" for each in errors if not _is_missing(each)]
    return "; ".join([*([_missing_text(missing)] if missing else []), *wrong])


def _missing_text(errors: Sequence[Mapping[str, Any]]) -> str:
    flags = ", ".join(_flag(each) for each in errors)
    variables = ", ".join(_context(each).get("variable") or ENV_PREFIX + _name(each).upper() for each in errors)
    return f"{flags}: {'is' if len(errors) == 1 else 'are'} required (or {variables} in the environment)"


def _is_missing(error: Mapping[str, Any]) -> bool:
    """Whether nothing was given, or a text that is none, which is what unedited manifests have."""
    is_empty = error["type"] == "string_too_short" and _context(error)["min_length"] == 1
    return is_empty or error["type"] in ("missing", "too_short")


def _reason(error: Mapping[str, Any]) -> str:
    return str(_context(error).get("error") or error["msg"])


def _flag(error: Mapping[str, Any]) -> str:
    return "--" + _name(error).replace("_", "-")


def _name(error: Mapping[str, Any]) -> str:
    return str(error["loc"][0]) if error["loc"] else ""


def _context(error: Mapping[str, Any]) -> Mapping[str, Any]:
    context: Mapping[str, Any] = error.get("ctx", {})
    return context
