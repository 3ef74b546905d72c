"""Reads the command line of `cni-infoblox`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn

from ctl.failures import BadArgument, Failed
from protocol.cluster_id import BadClusterId
from protocol.keys import BadKey
from protocol.release import ShowRelease

PROGRAM = "cni-infoblox"
FAILED = 1
SUBCOMMANDS: Final = {
    "keys": ("ctl.keys", "make the keys of coordinator and nodes, and the cluster's id"),
    "install": ("ctl.install", "put the plugin into the runtime's directory, keep it and its configuration there"),
    "uninstall": ("ctl.uninstall", "take plugin and configuration away from a node"),
    "validate": ("ctl.validate", "check a network configuration file"),
    "adopt": ("ctl.admin.adopt", "take over the addresses that the original plugin gave"),
    "verify": ("ctl.admin.verify", "compare the grid with the journals, say what could not be compared"),
    "explain": ("ctl.admin.explain", "tell what is known of an address, a pod or a container"),
    "node": ("ctl.admin.node", "say that a machine is gone for good, so that its addresses are freed"),
    "grid": ("ctl.grid", "define the extensible attributes that a grid without cloud licence lacks"),
    "status": ("ctl.status", "show how coordinator and agents are"),
}
"""By name: the module, and what it does."""


class _Parser(argparse.ArgumentParser):
    """Leaves the wording of a bad command line to `main`: one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise BadArgument(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = _parser(words[:1]).parse_args(words)
        code: int = arguments.run(arguments)
    except (BadArgument, Failed) as problem:
        return _complain(problem, problem.code)
    except (BadKey, BadClusterId) as problem:
        return _complain(problem, FAILED)
    except OSError as error:
        return _complain(f"{error.filename or PROGRAM}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:  # noqa: BLE001, people get a line and not a stack trace
        return _complain(f"{type(error).__name__}: {error}; please report this defect", FAILED)
    return code


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """Only the chosen subcommand is imported: what the others need would be most of the time of a short one."""
    parser = _Parser(prog=PROGRAM, description="Look after cni-infoblox: keys, plugin, daemons.")
    parser.add_argument("--version", action=ShowRelease)
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (path, summary) in SUBCOMMANDS.items():
        subcommand = subcommands.add_parser(name, help=summary)
        if name in chosen:
            module = import_module(path)
            subcommand.description = module.__doc__
            subcommand.set_defaults(run=module.run)
            module.add_arguments(subcommand)
    return parser


def _complain(problem: object, code: int) -> int:
    print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
