"""Makes SIGTERM an ordinary exit, so that everything that was started is taken down."""

from __future__ import annotations

import os
import signal
import sys


def exit_on_sigterm() -> None:
    """Exit with 1, but not in a process that was forked for a namespace and is ended by its parent."""
    own_pid = os.getpid()

    def end(*_: object) -> None:
        if os.getpid() != own_pid:
            os._exit(1)
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
