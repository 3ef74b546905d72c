"""`cni-infoblox grid`: looks whether a grid is fit for the coordinator, and makes it fit.

`check` looks, before the first pod, and says what is right, what is wrong and how to mend it. `prepare` defines
the extensible attributes that a grid without cloud licence lacks, or prints how somebody else can.
"""

from __future__ import annotations

import argparse

from ctl.grid import check, prepare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of this one."""
    subcommands = parser.add_subparsers(required=True, metavar="check|prepare")
    for name, module, summary in (
        ("check", check, "look whether the grid is fit for the coordinator, and say what is not"),
        ("prepare", prepare, "print the definitions of our attributes, or make them"),
    ):
        subcommand = subcommands.add_parser(name, help=summary, description=module.__doc__)
        subcommand.set_defaults(run=module.run, exit_codes=module.EXIT_CODES)
        module.add_arguments(subcommand)


def run(arguments: argparse.Namespace) -> int:
    """Never reached: a subcommand is required, and runs itself."""
    raise NotImplementedError
