"""Runs one of our daemons so that it kills itself with SIGKILL when it reaches a named crash point.

Arguments: agent or coordinator, the crash point, then the daemon's own arguments. It is executed as a file.
"""

from __future__ import annotations

import os
import signal
import sys

import coordinator.__main__ as coordinator_main
import nodeagent.__main__ as agent_main
import nodeagent.settings
from coordinator.settings import read_settings


def main() -> int:
    """Run until the crash point is reached."""
    daemon, fatal_point, *argv = sys.argv[1:]

    def on_crash_point(point: str) -> None:
        if point == fatal_point:
            os.kill(os.getpid(), signal.SIGKILL)

    if daemon == "agent":
        return agent_main.run(nodeagent.settings.read(argv), on_crash_point)
    return coordinator_main.run(read_settings(argv), on_crash_point)


if __name__ == "__main__":
    sys.exit(main())
