"""Where the grid is and who asks it: by flags, else by the coordinator's environment, else by its settings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from ctl.failures import BadArgument, Failed
from ctl.grid.wapi import Wapi
from protocol.host_port import PORT_MAX, HostPort, host_alone

PASSWORD_VARIABLE: Final = "WAPI_PASSWORD"
PREFIX: Final = "CNI_INFOBLOX_"
DEFAULTS: Final = {"wapi_port": "443", "wapi_version": "2.5", "ssl_verify": "true"}


@dataclass(frozen=True)
class Place:
    """A grid, and the user that asks it."""

    at: HostPort
    username: str
    version: str
    ssl_verify: str

    @property
    def base(self) -> str:
        """The URL under which objects are."""
        return f"https://{self.at}/wapi/v{self.version}"

    @property
    def verify(self) -> bool | str:
        """How the certificate is verified, as `requests` takes it."""
        return {"true": True, "false": False}.get(self.ssl_verify.lower(), self.ssl_verify)

    def open(self, password: str) -> Wapi:
        """A session with it."""
        return Wapi(self.base, self.username, password, self.verify)


def add_arguments(parser: argparse.ArgumentParser, user: str) -> None:
    """Declare the flags that say where the grid is; `user` says what the user must be."""
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="the coordinator's file of settings: what is not given is read there",
    )
    add("--grid-host", metavar="HOST", help="the grid master")
    add("--wapi-port", metavar="PORT", help="its HTTPS port (443)")
    add("--wapi-username", metavar="NAME", help=user)
    add("--wapi-password-file", type=Path, metavar="FILE", help=f"the password; else {PASSWORD_VARIABLE}")
    add("--wapi-version", metavar="X.Y", help="the WAPI version (2.5)")
    add("--ssl-verify", metavar="true|false|FILE", help="verify the grid's certificate (true)")
    add(
        "--ea",
        action="append",
        default=None,
        metavar="NAME=OTHER",
        help="the attribute OTHER in place of NAME, as for the coordinator; repeat",
    )


class Surroundings:
    """What is said about a flag: by itself, the environment, or the file of `--config`. Raises `BadArgument`."""

    def __init__(self, arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> None:
        self._arguments = vars(arguments)
        self._environment = environment
        self._file = _read(arguments.config) if arguments.config else {}

    def get(self, name: str) -> str:
        """The value of a flag by its name in Python; empty where nobody says one."""
        given = self._arguments.get(name)
        if given is not None:
            return str(given)
        variable = PREFIX + name.upper()
        return self._environment.get(variable) or self._file.get(variable) or DEFAULTS.get(name, "")

    def get_list(self, name: str) -> list[str]:
        """The values of a flag that may be repeated."""
        given = self._arguments.get(name)
        if given:
            return list(given)
        return [part.strip() for part in self.get(name).split(",") if part.strip()]

    def place(self) -> Place:
        """Raises `BadArgument` where a flag is missing."""
        for name in ("grid_host", "wapi_username"):
            if not self.get(name):
                raise BadArgument(
                    f"--{name.replace('_', '-')}: is required (or {PREFIX}{name.upper()}, or --config)"
                )
        return Place(self.grid(), self.get("wapi_username"), self.get("wapi_version"), self.get("ssl_verify"))

    def grid(self, otherwise: str = "") -> HostPort:
        """Where the grid is; `otherwise` stands for the host that nobody names. Raises `BadArgument`."""
        port = self.get("wapi_port")
        if not port.isdecimal() or int(port) not in range(1, PORT_MAX + 1):
            raise BadArgument(f"--wapi-port {port[:20]!r}: must be a port")
        host = self.get("grid_host") or otherwise
        try:
            return HostPort(host_alone(host), int(port))
        except ValueError:
            raise BadArgument(
                f"--grid-host {host[:100]!r}: must be a host name or address alone (see also --wapi-port)"
            ) from None

    def password(self) -> str:
        """Raises `BadArgument` where there is none, `Failed` where its file cannot be read."""
        if not (file := self.get("wapi_password_file")):
            if password := self._environment.get(PASSWORD_VARIABLE, ""):
                return password
            raise BadArgument(f"--wapi-password-file: is required, or {PASSWORD_VARIABLE}")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"--wapi-password-file: {error}") from None


def _read(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8") as stream:
            return {name.upper(): value or "" for name, value in dotenv_values(stream=stream).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument(f"--config: {error}") from None
