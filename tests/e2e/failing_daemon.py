"""Runs one of our daemons so that a function of it fails while a file exists.

Arguments: agent or coordinator, the function as MODULE:NAME or MODULE:CLASS.NAME, the file, then the daemon's own
arguments. Where the file holds a text, only a call fails whose arguments contain it, as `repr` shows them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import coordinator.__main__ as coordinator_main
import nodeagent.__main__ as agent_main


class Unexpected(Exception):
    """What no code expects."""


def spoil(place: str, trigger: Path) -> None:
    """Have the function fail while the file exists."""
    module_name, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module_name)
    for each in owners:
        owner = getattr(owner, each)
    function = getattr(owner, name)

    def fails(*arguments: Any, **options: Any) -> Any:
        try:
            wanted = trigger.read_text()
        except FileNotFoundError:
            return function(*arguments, **options)
        if wanted in repr((arguments, options)):
            raise Unexpected
        return function(*arguments, **options)

    setattr(owner, name, fails)


def main() -> int:
    """Run until it is told to end."""
    daemon, place, trigger, *argv = sys.argv[1:]
    spoil(place, Path(trigger))
    return (agent_main if daemon == "agent" else coordinator_main).main(argv)


if __name__ == "__main__":
    sys.exit(main())
