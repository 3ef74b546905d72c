"""`cni-infoblox completion`: prints what a shell needs to complete this command.

For bash: source <(cni-infoblox completion bash). For zsh: save it as _cni-infoblox in a directory of fpath. For
fish: cni-infoblox completion fish | source.
"""

from __future__ import annotations

import argparse

from ctl.terminal import command_tree
from ctl.terminal.completion import SHELLS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the argument of this subcommand."""
    parser.add_argument("shell", choices=tuple(SHELLS), help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    parser: argparse.ArgumentParser = arguments.parser
    print(SHELLS[arguments.shell](parser.prog, command_tree.read(parser)), end="")
    return 0
