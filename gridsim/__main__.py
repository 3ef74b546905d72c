"""The command `cni-infoblox-gridsim`."""

from __future__ import annotations

import gc
import json
import signal
import sys
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Final

from gridsim.database.faults import Faults
from gridsim.http.server import GridServer
from gridsim.model import Grid
from gridsim.settings import BadSettings, Settings, read_settings

COLLECT_AFTER_OBJECTS: Final = 10_000
"""Else walks over all objects of a large grid, in which no garbage is found, show as the grid's latency."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until SIGTERM or SIGINT; returns 0, or 2 for bad configuration."""
    try:
        return serve(read_settings(argv))
    except BadSettings as error:
        sys.stderr.write(f"cni-infoblox-gridsim: {error}\n")
        return 2


def serve(settings: Settings) -> int:
    """Serve a grid as set; returns 0 after a signal.

    Raises BadSettings when it cannot listen, or not write its certificate.
    """
    # Not an Event, whose lock may be held by the very thread that the handler interrupts.
    asked_to_end: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked_to_end.put(received))
    faults = Faults(
        latency_ms=settings.latency_ms,
        op_latency_ms=settings.op_latency_ms,
        user_kind=settings.user_kind,
    )
    grid = Grid(
        definitions=settings.definitions,
        has_cna=settings.cna,
        username=settings.username,
        faults=faults,
        versions=settings.versions,
    )
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    with _server(settings, grid) as server:
        line = {
            "url": server.url,
            "certificate": str(server.certificate.absolute()),
            "page": f"{server.url}/",
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        asked_to_end.get()
    return 0


def _server(settings: Settings, grid: Grid) -> GridServer:
    try:
        return GridServer(
            grid,
            listen=settings.listen,
            username=settings.username,
            password=settings.password,
            state_dir=settings.state_dir,
            names=settings.certificate_names,
        )
    except OSError as error:
        flag = "--state-dir" if error.filename else "--listen"
        raise BadSettings(f"argument {flag}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
