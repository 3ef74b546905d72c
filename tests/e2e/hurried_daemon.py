"""Runs one of our daemons with named constants changed, so that a test need not wait out their minutes.

Arguments: agent or coordinator, MODULE:NAME=SECONDS for each constant, `--`, then the daemon's own arguments.
"""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> int:
    """Change the constants, then run the daemon."""
    daemon, *changes = sys.argv[1 : sys.argv.index("--")]
    argv = sys.argv[sys.argv.index("--") + 1 :]
    run = import_module("nodeagent.__main__" if daemon == "agent" else "coordinator.__main__").main
    for change in changes:
        name, _, seconds = change.partition("=")
        module, _, constant = name.partition(":")
        getattr(import_module(module), constant)  # a constant that is called otherwise by now is an error
        setattr(import_module(module), constant, float(seconds))
    return int(run(argv))


if __name__ == "__main__":
    sys.exit(main())
