"""`cni-infoblox grid prepare`: the attributes that a superuser defines once on a grid without cloud licence.

It prints what is to be sent; with --apply it looks which definitions are missing, and makes those. The
coordinator's own user needs no such right.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import Final

from ctl.failures import BadArgument, Failed
from ctl.wapi import Wapi
from protocol import attributes

PASSWORD_VARIABLE: Final = "WAPI_PASSWORD"
WAPI_VERSION: Final = "2.5"
DEFINITION: Final = "extensibleattributedef"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    subcommands = parser.add_subparsers(required=True, metavar="prepare")
    prepare = subcommands.add_parser("prepare", help="print the definitions of our attributes, or make them")
    add = prepare.add_argument
    add("--apply", action="store_true", help="make those that are missing")
    add("--grid-host", metavar="HOST", help="the grid master")
    add("--wapi-port", type=int, default=443, metavar="PORT", help="its HTTPS port (443)")
    add("--wapi-username", metavar="NAME", help="a superuser")
    add("--wapi-password-file", type=Path, metavar="FILE", help=f"the password; else {PASSWORD_VARIABLE}")
    add("--wapi-version", default=WAPI_VERSION, metavar="X.Y", help=f"the WAPI version ({WAPI_VERSION})")
    add("--ssl-verify", default="true", metavar="true|false|FILE", help="verify the grid's certificate (true)")
    add(
        "--ea",
        action="append",
        default=[],
        metavar="NAME=OTHER",
        help="the attribute OTHER in place of NAME, as for the coordinator; repeat",
    )
    prepare.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the definitions, or make what is missing; 1 where one is there with another type."""
    called = _renamed(arguments.ea)
    if not arguments.apply:
        _print(called, arguments)
        return 0
    for flag in ("grid_host", "wapi_username"):
        if not getattr(arguments, flag):
            raise BadArgument(f"--{flag.replace('_', '-')}: is required with --apply")
    base = f"https://{arguments.grid_host}:{arguments.wapi_port}/wapi/v{arguments.wapi_version}"
    verify = {"true": True, "false": False}.get(arguments.ssl_verify, arguments.ssl_verify)
    with Wapi(base, arguments.wapi_username, _password(arguments.wapi_password_file), verify) as wapi:
        are_right = [_prepare(wapi, standard, name) for standard, name in called.items()]
    return 0 if all(are_right) else 1


def _renamed(texts: list[str]) -> dict[str, str]:
    """What each of the nine attributes is called on this grid. Raises `BadArgument`."""
    try:
        return attributes.renamed(texts)
    except ValueError as error:
        raise BadArgument(f"--ea: {error}") from None


def _print(called: dict[str, str], arguments: argparse.Namespace) -> None:
    host, user = arguments.grid_host or "GRID_MASTER", arguments.wapi_username or "SUPERUSER"
    address = f"https://{host}:{arguments.wapi_port}/wapi/v{arguments.wapi_version}/{DEFINITION}"
    print("# Definitions that a grid with a cloud licence has already; 'AlreadyExist' is as good as an answer.")
    for standard, name in called.items():
        body = json.dumps(attributes.definition(name, attributes.TYPES[standard]))
        words = ["curl", "-u", user, "-H", "Content-Type: application/json", "-d", body, address]
        print(" ".join(map(shlex.quote, words)))


def _prepare(wapi: Wapi, standard: str, name: str) -> bool:
    """Whether the attribute of this standard name, which is called `name` here, is as it must be, now at least."""
    kind = attributes.TYPES[standard]
    found = wapi.get(DEFINITION, {"name": name, "_return_fields": "name,type,list_values"})
    if not found:
        wapi.post(DEFINITION, attributes.definition(name, kind))
        print(f"{name}: defined, {kind}")
        return True
    if there := attributes.misfit(found[0], kind):
        print(f"{name}: is there with type {there}, must be {kind}; name another one with --ea '{standard}=OTHER'")
        return False
    print(f"{name}: is there, {found[0].get('type')}")
    return True


def _password(file: Path | None) -> str:
    if file is None:
        password = os.environ.get(PASSWORD_VARIABLE, "")
        if not password:
            raise BadArgument(f"--wapi-password-file: is required with --apply, or {PASSWORD_VARIABLE}")
        return password
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"--wapi-password-file: {error}") from None
