"""Reads the command line of `cni-infoblox`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ctl import adopt, explain, install, keys, status, uninstall, validate, verify
from ctl.failures import BadArgument, Failed
from protocol.keys import BadKey

PROGRAM = "cni-infoblox"
FAILED = 1
BAD_ARGUMENT = 2


class _Parser(argparse.ArgumentParser):
    """Leaves the wording of a bad command line to `main`: one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise BadArgument(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.run(arguments)
    except BadArgument as problem:
        return _complain(problem, BAD_ARGUMENT)
    except (Failed, BadKey) as problem:
        return _complain(problem, FAILED)
    except OSError as error:
        return _complain(f"{error.filename or PROGRAM}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:  # noqa: BLE001, people get a line and not a stack trace
        return _complain(f"{type(error).__name__}: {error}; please report this defect", FAILED)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Look after cni-infoblox: keys, plugin, daemons.")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module, name, summary in (
        (keys, "keys", "make the keys of coordinator and nodes"),
        (install, "install", "put the plugin into the runtime's directory, keep it and its configuration there"),
        (uninstall, "uninstall", "take plugin and configuration away from a node"),
        (validate, "validate", "check a network configuration file"),
        (adopt, "adopt", "take over the addresses that the original plugin gave"),
        (verify, "verify", "compare the grid with the cluster, repair what differs"),
        (explain, "explain", "tell what is known of an address, a pod or a container"),
        (status, "status", "show how coordinator and agents are"),
    ):
        subcommand = subcommands.add_parser(name, help=summary, description=module.__doc__)
        subcommand.set_defaults(run=module.run)
        module.add_arguments(subcommand)
    return parser


def _complain(problem: object, code: int) -> int:
    print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
