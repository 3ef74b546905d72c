"""The HTTP port on which an installer tells probes and people how it is."""

from __future__ import annotations

from collections.abc import Callable

from ctl.failures import Failed
from ctl.installer.report import Told
from daemon.bounds import Bounds
from daemon.logs import Logger
from daemon.status_server import Pages, StatusServer


def status_server(told: Callable[[], Told], host: str, port: int, log: Logger) -> StatusServer:
    """A server of what is told at the moment, to be started. Raises `Failed` where the address is taken."""
    pages = Pages(lambda: told().unready(), lambda: told().json(), lambda: told().metrics())
    try:
        return StatusServer(host, port, pages, Bounds(lambda _: None, log))
    except OSError as error:
        raise Failed(f"--status-listen {host}:{port}: {error.strerror or error}") from None
