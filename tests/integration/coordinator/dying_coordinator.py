"""Runs the coordinator so that it kills itself with SIGKILL at a named step: the step, then its own arguments."""

from __future__ import annotations

import os
import signal
import sys

from coordinator.__main__ import run
from coordinator.settings import read_settings


def main() -> int:
    """Run until the step is reached."""
    fatal_step, *argv = sys.argv[1:]

    def on_step(step: str) -> None:
        if step == fatal_step:
            os.kill(os.getpid(), signal.SIGKILL)

    return run(read_settings(argv), on_step)


if __name__ == "__main__":
    sys.exit(main())
