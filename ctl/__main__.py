"""Reads the command line of `cni-infoblox`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final, NoReturn

from ctl.failures import BadArgument, Failed
from ctl.terminal import command_tree
from ctl.terminal.command_tree import suggestion
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
    "list": ("ctl.admin.list_allocations", "list addresses by network, node, namespace, pod or state"),
    "adopt": ("ctl.admin.adopt", "take over the addresses that the original plugin gave"),
    "verify": ("ctl.admin.verify", "compare the grid with the journals, say what could not be compared"),
    "explain": ("ctl.admin.explain", "tell what is known of an address, a pod or a container"),
    "history": ("ctl.admin.history", "tell who had an address when, and which addresses a pod had"),
    "journal": ("ctl.admin.journal", "show what this node's agent holds"),
    "node": ("ctl.admin.node", "say that a machine is gone for good, so that its addresses are freed"),
    "grid": ("ctl.grid.command", "look whether the grid is fit, and define the attributes that it lacks"),
    "support": ("ctl.support.command", "make one archive of what is needed to understand a fault elsewhere"),
    "completion": ("ctl.completion", "print what bash, zsh or fish need to complete this command"),
    "status": ("ctl.status", "show how coordinator and agents are"),
}
"""By name: the module, and what it does."""

KNOWS_ALL: Final = "completion"
"""The subcommand that has to know all others."""

EXIT_CODES: Final = {
    0: "done",
    1: "it failed, standard error says why",
    2: "the command line is wrong, nothing was done",
}
"""Of a subcommand whose module has none of its own."""


class _Parser(argparse.ArgumentParser):
    """Leaves the wording of a bad command line to `main`: one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise BadArgument(message)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            told = f"{value!r} is none of {', '.join(known)}{suggestion(str(value), known)}"
            raise argparse.ArgumentError(action, told)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parse(words)
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


def whole_parser() -> argparse.ArgumentParser:
    """The parser with all subcommands."""
    return _parser(tuple(SUBCOMMANDS))


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Raises `BadArgument`."""
    parser = whole_parser() if words[:1] == [KNOWS_ALL] else _parser(words[:1])
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        known = command_tree.option_names(command_tree.chosen(parser, words))
        raise BadArgument(f"{unknown[0]}: is not known{suggestion(unknown[0].partition('=')[0], known)}")
    return arguments


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """Only the chosen subcommand is imported: what the others need would be most of the time of a short one."""
    parser = _Parser(prog=PROGRAM, description="Look after cni-infoblox: keys, plugin, daemons, addresses.")
    parser.set_defaults(parser=parser)
    parser.add_argument("--version", action=ShowRelease)
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (path, summary) in SUBCOMMANDS.items():
        subcommand = subcommands.add_parser(name, help=summary)
        if name in chosen:
            _declare(subcommand, import_module(path))
    return parser


def _declare(subcommand: argparse.ArgumentParser, module: ModuleType) -> None:
    """Flags, description and exit codes as the module has them."""
    codes: Mapping[int, str] = getattr(module, "EXIT_CODES", EXIT_CODES)
    subcommand.set_defaults(run=module.run)
    module.add_arguments(subcommand)
    for parser in (subcommand, *command_tree.leaves(subcommand)):
        its_codes = parser.get_default("exit_codes") or codes
        parser.description = parser.description or module.__doc__
        parser.epilog = f"Exit codes: {'; '.join(f'{code} {text}' for code, text in its_codes.items())}."
        parser.set_defaults(exit_codes=its_codes)


def _complain(problem: object, code: int) -> int:
    print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
