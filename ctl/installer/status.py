"""The HTTP port on which an installer tells probes and people how it is."""

from __future__ import annotations

from collections.abc import Callable

from ctl.failures import Failed
from ctl.installer.report import Told
from daemon.bounds import Bounds
from daemon.logs import Logger
from daemon.status_server import Pages, StatusServer
from protocol.host_port import HostPort


def status_server(told: Callable[[], Told], at: HostPort, log: Logger) -> StatusServer:
    """A server of what is told at the moment, to be started. Raises `Failed` where the address is taken."""
    pages = Pages(lambda: told().unready(), lambda: told().json(), lambda: told().metrics())
    try:
        return StatusServer(at, pages, Bounds(lambda _: None, log))
    except OSError as error:
        raise Failed(f"--status-listen {at}: {error.strerror or error}") from None
