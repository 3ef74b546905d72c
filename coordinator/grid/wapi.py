"""Makes WAPI calls over one HTTPS session, saying of each what can be known about its outcome.

Cookie or basic authentication, never both: the login's cookie serves until the grid refuses it, then the name and
password are sent once more. A refusal of those ends it: repeated wrong passwords lock the account.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import requests
from requests.auth import HTTPBasicAuth
from requests.exceptions import ConnectTimeout, InvalidURL, ReadTimeout
from urllib3.exceptions import HTTPError, LocationValueError, NameResolutionError

from coordinator.core.errors import (
    AuthoritiesUnusable,
    CertificateNotTrusted,
    CertificateOfAnother,
    CertificateOutOfDate,
    GridAddressUnusable,
    GridUnavailable,
    PasswordMissing,
)
from coordinator.grid.certificates import Fault, causes, fault_of, fault_of_authorities
from coordinator.grid.exchange import LostError, NotSentError
from coordinator.grid.operations import HttpCall
from coordinator.grid.reply_bounds import ReplyBounds
from coordinator.grid.wapi_reply import read_body
from daemon.settings import BadSettings
from protocol.errors import Problem
from protocol.host_port import HostPort

CONNECT_TIMEOUT_S: Final = 3.0
COOKIE: Final = "ibapauth"
_CAUSE_LENGTH_MAX: Final = 300


@dataclass(frozen=True)
class Grid:
    """Where the grid is, whose user we are. `verify`: the file of the certificate authority, or whether to."""

    host: str
    port: int
    version: str
    user: str
    verify: bool | str

    @property
    def place(self) -> str:
        """Host and port as in a URL."""
        return str(HostPort(self.host, self.port))

    @property
    def url(self) -> str:
        """The versioned WAPI address."""
        return f"https://{self.place}/wapi/v{self.version}"


class Wapi:
    """One user's session with a grid. `password` is asked for at each login, since it may change;
    it raises `BadSettings` when there is none. `clock` counts seconds, `user_agent` says who calls."""

    def __init__(
        self, grid: Grid, password: Callable[[], str], clock: Callable[[], float], user_agent: str
    ) -> None:
        self._grid = grid
        self._password = password
        self._user_agent = user_agent
        self._bounds = ReplyBounds(clock)
        self._session = self._new_session()

    @property
    def certificate_ends(self) -> str:
        """When the grid's certificate ends, as an ISO time; empty where none was verified. For any thread."""
        end_s = self._bounds.certificate_end_s
        return "" if end_s is None else datetime.fromtimestamp(end_s, UTC).isoformat()

    def close(self) -> None:
        """Log out, as well as that goes."""
        if COOKIE in self._session.cookies:
            self._bounds.begin(CONNECT_TIMEOUT_S)
            with suppress(OSError):
                self._session.post(f"{self._grid.url}/logout", timeout=CONNECT_TIMEOUT_S)
        self._session.close()

    def send(self, call: HttpCall, read_timeout_s: float) -> Any:
        """Make one HTTP call; returns the decoded JSON. The time-out bounds each silence of the grid.

        Raises `RefusedError`, `LostError` or `NotSentError`, so that the caller knows what can be known.
        """
        had_cookie = COOKIE in self._session.cookies
        status, content = self._send(call, read_timeout_s)
        if status in (401, 403) and had_cookie:
            self._session.close()
            self._session = self._new_session()
            status, content = self._send(call, read_timeout_s)
        return read_body(status, content, self._grid.user, self._grid.place)

    def _send(self, call: HttpCall, read_timeout_s: float) -> tuple[int, bytes]:
        url = f"{self._grid.url}/{call.path}" + (f"?{call.query}" if call.query else "")
        has_cookie = COOKIE in self._session.cookies
        login = None if has_cookie else self._login()
        self._bounds.begin(read_timeout_s)
        try:
            with self._session.request(
                call.method,
                url,
                json=call.body,
                auth=login,
                timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, self._bounds.content(response)
        except (OSError, HTTPError, UnicodeError) as error:
            # What has not even begun to leave was carried out by nobody, whatever went wrong.
            outcome = LostError if self._bounds.has_sent else NotSentError
            raise outcome(self._problem(error, read_timeout_s)) from None

    def _login(self) -> HTTPBasicAuth:
        try:
            # As bytes, since text would have to be Latin-1.
            return HTTPBasicAuth(self._grid.user.encode(), self._password().encode())
        except BadSettings as bad:
            raise NotSentError(PasswordMissing(user=self._grid.user, cause=str(bad))) from None

    def _new_session(self) -> requests.Session:
        session = self._bounds.session(verify=self._grid.verify)
        session.headers.update({"Accept": "application/json", "User-Agent": self._user_agent})
        return session

    def _problem(self, error: Exception, read_timeout_s: float) -> Problem:
        grid, verify = self._grid.place, self._grid.verify
        if isinstance(verify, str) and not self._bounds.has_sent and (cause := fault_of_authorities(verify)):
            return AuthoritiesUnusable(cause=cause)
        if fault := fault_of(error):
            return _certificate_problem(fault, grid, _root_cause(error))
        if isinstance(error, InvalidURL | LocationValueError | UnicodeError):
            return GridAddressUnusable(host=self._grid.host, cause=_root_cause(error))
        return GridUnavailable(grid=grid, cause=self._cause(error, read_timeout_s))

    def _cause(self, error: Exception, read_timeout_s: float) -> str:
        if isinstance(error, ConnectTimeout):
            return f"no connection within {CONNECT_TIMEOUT_S:g} s"
        if isinstance(error, ReadTimeout):
            return f"no reply within {read_timeout_s:.0f} s"
        if any(isinstance(each, NameResolutionError) for each in causes(error)):
            return f"the name {self._grid.host} does not resolve"
        return _root_cause(error)


def _certificate_problem(fault: Fault, grid: str, cause: str) -> Problem:
    if fault is Fault.NAME:
        return CertificateOfAnother(grid=grid, cause=cause)
    if fault is Fault.TIME:
        return CertificateOutOfDate(grid=grid, cause=cause)
    return CertificateNotTrusted(grid=grid, cause=cause)


def _root_cause(error: BaseException) -> str:
    *_, last = causes(error)
    return f"{last}"[:_CAUSE_LENGTH_MAX] or type(last).__name__
