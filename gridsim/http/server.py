"""The HTTPS server of the simulator."""

from __future__ import annotations

import shutil
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

from gridsim.calls_log import CallsLog
from gridsim.database.faults import Faults
from gridsim.http.certificate import ensure_certificate
from gridsim.http.control import PREFIX, control_reply
from gridsim.http.exchange import HttpReply, HttpRequest, html_reply
from gridsim.http.https import TlsServer
from gridsim.http.place import Place
from gridsim.http.wapi import Wapi
from gridsim.model import Grid
from gridsim.page.front_page import render

_CALLS_SHOWN = 30
_POLL_S = 0.05
LOOPBACK = Place("127.0.0.1", 0)


class GridServer:
    """A grid that listens for HTTPS; use it as a context manager, or call `start` then `stop`.

    At port 0 of `listen` it takes a free one. Certificate with key go to `state_dir`, by
    default a fresh directory that disappears with the server; `names` are further host names for a new
    certificate. Raises OSError when it cannot listen there, or not write its certificate.
    """

    def __init__(
        self,
        grid: Grid | None = None,
        *,
        listen: Place = LOOPBACK,
        username: str = "admin",
        password: str = "infoblox",
        state_dir: Path | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.wapi = Wapi(grid or Grid(username=username), username, password)
        self._is_own_dir = state_dir is None
        self._state_dir = state_dir or Path(tempfile.mkdtemp(prefix="gridsim-"))
        try:
            self.certificate, key = ensure_certificate(self._state_dir, (listen.host, *names))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, key)
            self._https = TlsServer((listen.host, listen.port), context, self._answer)
        except OSError:
            self._remove_own_dir()
            raise
        self.url = listen.url(self._https.server_address[1])
        self._thread = threading.Thread(
            target=self._https.serve_forever, args=(_POLL_S,), name="gridsim", daemon=True
        )

    def start(self) -> GridServer:
        """Begin to answer; returns the server itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End everything: hanging calls, open connections, the listener."""
        self.wapi.stop()
        if self._thread.is_alive():
            self._https.shutdown()
            self._thread.join()
        self._https.server_close()
        self._https.cut_all()
        self._remove_own_dir()

    def _remove_own_dir(self) -> None:
        if self._is_own_dir:
            shutil.rmtree(self._state_dir, ignore_errors=True)

    def _answer(self, request: HttpRequest) -> HttpReply:
        if request.path.startswith("/wapi/v"):
            return self.wapi.answer(request)
        if request.path.startswith(PREFIX):
            return control_reply(self.wapi, request)
        if request.path == "/" and request.method == "GET":
            with self.wapi.model() as grid:
                page = render(grid, self.log.latest(_CALLS_SHOWN), self.log.received)
            return HttpReply(200, page.encode(), "text/html; charset=utf-8")
        return html_reply(HTTPStatus.NOT_FOUND)

    def __enter__(self) -> GridServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def model(self) -> Iterator[Grid]:
        """Lend the grid model while no call touches it."""
        with self.wapi.model() as grid:
            yield grid

    @property
    def log(self) -> CallsLog:
        """The record of WAPI calls."""
        return self.wapi.log

    @property
    def faults(self) -> Faults:
        """The switches as they are."""
        with self.wapi.model() as grid:
            return grid.faults

    def set_faults(self, **changes: Any) -> Faults:
        """Flip switches; returns them all. Raises BadFault for an unknown name or an impossible value."""
        return self.wapi.change_faults(changes)
