"""How a subcommand ends when it could not do what was asked."""

from __future__ import annotations

from typing import ClassVar


class Failed(Exception):
    """Something outside of the command line is wrong. The text has the remedy."""

    code: ClassVar[int] = 1


class NotAsked(Failed):
    """The coordinator could not be asked, or turned the request down: nothing is known."""

    code = 2


class BadArgument(Exception):
    """The command line is wrong. The text names the flag."""

    code: ClassVar[int] = 2
