"""How a subcommand ends when it could not do what was asked."""

from __future__ import annotations


class Failed(Exception):
    """Something outside of the command line is wrong; exit code 1. The text has the remedy."""


class BadArgument(Exception):
    """The command line is wrong; exit code 2. The text names the flag."""
