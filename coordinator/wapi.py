"""Makes WAPI calls over one HTTPS session, saying of each what can be known about its outcome.

Cookie or basic authentication, never both: the login's cookie serves until the grid refuses it, then the name and
password are sent once more. A refusal of those ends it: repeated wrong passwords lock the account.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import NewConnectionError

from coordinator.errors import CertificateNotTrusted, GridLoginRefused, GridUnavailable
from coordinator.exchange import LostError, NotSentError
from coordinator.operations import HttpCall
from coordinator.reply_deadline import ReplyDeadline
from coordinator.wapi_reply import read_body
from protocol.settings import BadSettings

CONNECT_TIMEOUT_S: Final = 3.0
COOKIE: Final = "ibapauth"
REPLY_BYTES_MAX: Final = 64 * 1024 * 1024
"""Far above a page of the largest listing; whatever sends more is no grid."""

REPLY_TIMES: Final = 2
"""A reply is there as a whole within so many times the longest silence that is allowed."""

_PIECE_BYTES: Final = 256 * 1024
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
    def url(self) -> str:
        """The versioned WAPI address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}/wapi/v{self.version}"


class Wapi:
    """One user's session with a grid. `password` is asked for at each login, since it may change;
    it raises `BadSettings` when there is none. `clock` counts seconds."""

    def __init__(self, grid: Grid, password: Callable[[], str], clock: Callable[[], float]) -> None:
        self._grid = grid
        self._password = password
        self._deadline = ReplyDeadline(clock)
        self._session = self._new_session()

    def close(self) -> None:
        """Log out, as well as that goes."""
        if COOKIE in self._session.cookies:
            self._deadline.begin(CONNECT_TIMEOUT_S)
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
        return read_body(status, content, self._grid.user, f"{self._grid.host}:{self._grid.port}")

    def _send(self, call: HttpCall, read_timeout_s: float) -> tuple[int, bytes]:
        url = f"{self._grid.url}/{call.path}" + (f"?{call.query}" if call.query else "")
        has_cookie = COOKIE in self._session.cookies
        login = None if has_cookie else self._login()
        self._deadline.begin(REPLY_TIMES * read_timeout_s)
        try:
            response = self._session.request(
                call.method,
                url,
                json=call.body,
                auth=login,
                timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
            return response.status_code, self._content(response)
        except requests.exceptions.SSLError as error:
            raise self._tls_outcome(error) from None
        except requests.exceptions.ConnectTimeout:
            raise NotSentError(self._unavailable(f"no connection within {CONNECT_TIMEOUT_S:g} s")) from None
        except requests.exceptions.ReadTimeout:
            raise LostError(self._unavailable(f"no reply within {read_timeout_s:.0f} s")) from None
        except requests.exceptions.RequestException as error:
            problem = self._unavailable(_root_cause(error))
            raise (NotSentError if _never_connected(error) else LostError)(problem) from None
        except OSError as error:
            # The file of the certificate authority has gone since the start.
            raise NotSentError(CertificateNotTrusted(grid=self._grid.host, cause=str(error))) from None

    def _login(self) -> HTTPBasicAuth:
        try:
            # As bytes, since text would have to be Latin-1.
            return HTTPBasicAuth(self._grid.user.encode(), self._password().encode())
        except BadSettings as bad:
            raise NotSentError(GridLoginRefused(user=self._grid.user, cause=str(bad))) from None

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for piece in response.iter_content(_PIECE_BYTES):
            content += piece
            if len(content) > REPLY_BYTES_MAX:
                response.close()
                raise LostError(self._unavailable(f"a reply of more than {REPLY_BYTES_MAX} bytes"))
        return bytes(content)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Else REQUESTS_CA_BUNDLE of the environment would replace our file, and a .netrc our login.
        session.trust_env = False
        session.verify = self._grid.verify
        session.mount("https://", self._deadline.adapter(verify=self._grid.verify))
        session.headers["Accept"] = "application/json"
        return session

    def _unavailable(self, cause: str) -> GridUnavailable:
        return GridUnavailable(grid=f"{self._grid.host}:{self._grid.port}", cause=cause)

    def _tls_outcome(self, error: Exception) -> NotSentError | LostError:
        cause = _root_cause(error)
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
            return NotSentError(CertificateNotTrusted(grid=self._grid.host, cause=cause))
        # Any other failure of TLS may have come after the request had left.
        return LostError(self._unavailable(cause))


def _never_connected(error: BaseException) -> bool:
    return any(isinstance(cause, NewConnectionError) for cause in _causes(error))


def _root_cause(error: BaseException) -> str:
    *_, last = _causes(error)
    return f"{last}"[:_CAUSE_LENGTH_MAX] or type(last).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        nested = current.args[0] if current.args and isinstance(current.args[0], BaseException) else None
        reason = getattr(current, "reason", None)
        current = reason if isinstance(reason, BaseException) else nested or current.__cause__
