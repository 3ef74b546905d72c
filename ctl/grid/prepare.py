"""`cni-infoblox grid prepare`: the attributes that a superuser defines once on a grid without cloud licence.

It prints how they are defined, for whoever may: as curl commands, as an Ansible playbook, as Terraform resources.
With --apply it looks which are missing, and makes those. The coordinator's own user needs no such right.
"""

from __future__ import annotations

import argparse
from typing import Final

from ctl.grid import place
from ctl.grid.check import renamed
from ctl.grid.place import DEFAULTS, Surroundings
from ctl.grid.recipes import FORMS, Recipe
from ctl.grid.wapi import DEFINITION, Wapi
from protocol import attributes

EXIT_CODES: Final = {
    0: "printed, or all attributes are as they must be",
    1: "an attribute is there with another type, or the grid did not do it",
    2: "the command line is wrong",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--apply", action="store_true", help="make those that are missing")
    choice.add_argument("-o", "--output", choices=tuple(FORMS), default="curl", help="what to print (%(default)s)")
    place.add_arguments(parser, "a superuser")


def run(arguments: argparse.Namespace) -> int:
    """Print the definitions, or make what is missing; 1 where one is there with another type."""
    surroundings = Surroundings(arguments)
    called = renamed(surroundings.get_list("ea"))
    if not arguments.apply:
        recipe = Recipe(
            at=surroundings.grid("GRID_MASTER"),
            user=arguments.wapi_username or "SUPERUSER",
            version=surroundings.get("wapi_version") or DEFAULTS["wapi_version"],
            called=called,
        )
        print(FORMS[arguments.output](recipe))
        return 0
    at = surroundings.place()
    with at.open(surroundings.password()) as wapi:
        are_right = [_prepare(wapi, standard, name) for standard, name in called.items()]
    return 0 if all(are_right) else 1


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
