"""The command line of the simulator."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from gridsim.database.faults import USER_KINDS
from gridsim.database.schema import VERSIONS
from gridsim.http.place import Place

ENVIRONMENT = "CNI_INFOBLOX_GRIDSIM_"
NO_VARIABLE = ("help", "version")
"""Flags that only print something."""


class BadSettings(Exception):
    """A flag that is unknown, or has an impossible value; the message is one line that names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the simulator was told at start."""

    listen: Place
    username: str
    password: str
    latency_ms: float
    op_latency_ms: float
    user_kind: str
    definitions: str
    cna: bool
    state_dir: Path | None
    versions: tuple[str, ...]
    certificate_names: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise BadSettings(message)


def read_settings(argv: Sequence[str] | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a command line; a flag beats its environment variable.

    Raises BadSettings.
    """
    parser = _parser()
    for action in parser._actions:
        value = environment.get(ENVIRONMENT + action.dest.upper())
        if value is not None and action.dest not in NO_VARIABLE:
            action.default = _true(action.dest, value) if action.nargs == 0 else value
    read = parser.parse_args(argv)
    if read.user_kind not in USER_KINDS:
        raise BadSettings(f"argument --user-kind: invalid choice: {read.user_kind!r}")
    if read.definitions not in ("cloud", "none"):
        raise BadSettings(f"argument --definitions: invalid choice: {read.definitions!r}")
    return Settings(**vars(read))


def _parser() -> _Parser:
    parser = _Parser(
        prog="cni-infoblox-gridsim",
        description="A simulated Infoblox grid that speaks the WAPI over HTTPS.",
        epilog=f"Each flag can also be set as an environment variable, such as {ENVIRONMENT}LISTEN.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    release = f"%(prog)s {version('cni-infoblox')}"
    add("--version", action="version", version=release, help="print the release and exit")
    add("--listen", type=_listen, default="127.0.0.1:8443", help="HOST:PORT; port 0 takes a free one")
    add("--username", default="admin", help="the one user (default: admin)")
    add("--password", default="infoblox", help="the user's password (default: infoblox)")
    add("--latency-ms", type=_milliseconds, default=0.0, help="time of every call")
    add("--op-latency-ms", type=_milliseconds, default=0.0, help="additional time per operation of a write")
    add("--user-kind", default="superuser", metavar="KIND", help=", ".join(USER_KINDS))
    add("--definitions", default="cloud", metavar="SET", help="predefined attributes: cloud or none")
    add("--cna", action="store_true", help="a grid with cloud licence: cloud attributes for cloud users only")
    add("--state-dir", type=Path, default=None, help="where certificate with key go (default: a fresh one)")
    add("--versions", type=_versions, default=VERSIONS, help="served WAPI versions, separated by commas")
    add("--certificate-names", type=_names, default=(), help="more host names for a new certificate, by commas")
    return parser


def _listen(text: str) -> Place:
    try:
        return Place.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected HOST:PORT, an IPv6 address in brackets, not {text!r}"
        ) from None


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of milliseconds, not {text!r}")
    return value


def _versions(text: str) -> tuple[str, ...]:
    versions = tuple(part.strip() for part in text.split(","))
    if not all(part.replace(".", "").isdigit() for part in versions):
        raise argparse.ArgumentTypeError(f"expected versions separated by commas, not {text!r}")
    return versions


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("[]") for part in text.split(",") if part.strip())


def _true(name: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes"):
        return True
    if text.lower() in ("0", "false", "no", ""):
        return False
    raise BadSettings(f"argument --{name.replace('_', '-')}: expected true or false, not {text!r}")
