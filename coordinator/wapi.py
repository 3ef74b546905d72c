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

from coordinator.errors import (
    CertificateNotTrusted,
    GridAnswersHtml,
    GridForbids,
    GridLoginRefused,
    GridUnavailable,
)
from coordinator.lane import Answered, Call, Form, Lost, NotSent, Refused
from coordinator.operations import (
    Conditional,
    Deleted,
    HttpCall,
    Operation,
    Reply,
    Unreadable,
    Written,
    as_call,
    as_request,
    matches,
    read_reply,
    read_request_reply,
    search_of,
    write_of,
)
from coordinator.refusals import Kind, Refusal, classify
from protocol.errors import Problem
from protocol.settings import BadSettings

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
    def url(self) -> str:
        """The versioned WAPI address."""
        return f"https://{self.host}:{self.port}/wapi/v{self.version}"


class _Outcome(Exception):
    """Ends a call before its last operation."""


class _NotSent(_Outcome):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class _Lost(_NotSent):
    pass


class _Refused(_Outcome):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Wapi:
    """One user's session with a grid. `password` is asked for at each login, since it may change;
    it raises `BadSettings` when there is none."""

    def __init__(self, grid: Grid, password: Callable[[], str], clock: Callable[[], float]) -> None:
        self._grid = grid
        self._password = password
        self._clock = clock
        self._session = self._new_session()

    def perform(self, call: Call) -> Answered | Refused | Lost | NotSent:
        """Make the call. Every way in which it can end is a value; nothing is raised."""
        try:
            if call.form is Form.REQUEST:
                body = self._http(as_request(call.operations), call.read_timeout_s)
                replies = read_request_reply(call.operations, body)
            else:
                replies = list(self._separately(call))
        except Unreadable as unreadable:
            problem = GridUnavailable(grid=self._grid.host, cause=f"unreadable reply: {unreadable}")
            return Lost(call.id, problem, self._clock())
        except _Refused as refused:
            return Refused(call.id, refused.refusal, self._clock())
        except _Lost as lost:
            return Lost(call.id, lost.problem, self._clock())
        except _NotSent as not_sent:
            return NotSent(call.id, not_sent.problem, self._clock())
        return Answered(call.id, replies, self._clock())

    def close(self) -> None:
        """Log out, as well as that goes."""
        with suppress(requests.RequestException):
            self._session.post(f"{self._grid.url}/logout", timeout=CONNECT_TIMEOUT_S)
        self._session.close()

    def _separately(self, call: Call) -> Iterator[Reply]:
        for operation in call.operations:
            yield self._one(operation, call.read_timeout_s)

    def _one(self, operation: Operation, read_timeout_s: float) -> Reply:
        if not isinstance(operation, Conditional):
            return read_reply(operation, self._http(as_call(operation), read_timeout_s))
        hits = self._http(search_of(operation), read_timeout_s)
        if not isinstance(hits, list) or not all(matches(operation.criteria, hit) for hit in hits):
            raise Unreadable("hits that were not searched for")
        if len(hits) != 1:
            raise _Refused(Refusal(Kind.OTHER, f"{len(hits)} objects match"))
        result = self._http(write_of(operation, str(hits[0]["_ref"])), read_timeout_s)
        return Deleted(hits[0]) if isinstance(result, str) else Written(_as_object(result))

    def _http(self, call: HttpCall, read_timeout_s: float) -> Any:
        had_cookie = COOKIE in self._session.cookies
        response = self._send(call, read_timeout_s)
        if response.status_code in (401, 403) and had_cookie:
            self._session.close()
            self._session = self._new_session()
            response = self._send(call, read_timeout_s)
        return self._body(response)

    def _send(self, call: HttpCall, read_timeout_s: float) -> requests.Response:
        url = f"{self._grid.url}/{call.path}" + (f"?{call.query}" if call.query else "")
        has_cookie = COOKIE in self._session.cookies
        login = None if has_cookie else self._login()
        try:
            return self._session.request(
                call.method,
                url,
                json=call.body,
                auth=login,
                timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise self._tls_outcome(error) from None
        except requests.exceptions.ConnectTimeout:
            raise _NotSent(self._unavailable(f"no connection within {CONNECT_TIMEOUT_S:g} s")) from None
        except requests.exceptions.ReadTimeout:
            raise _Lost(self._unavailable(f"no reply within {read_timeout_s:.0f} s")) from None
        except requests.exceptions.RequestException as error:
            problem = self._unavailable(_root_cause(error))
            raise (_NotSent if _never_connected(error) else _Lost)(problem) from None

    def _login(self) -> HTTPBasicAuth:
        try:
            return HTTPBasicAuth(self._grid.user, self._password())
        except BadSettings as bad:
            raise _NotSent(GridLoginRefused(user=self._grid.user, cause=str(bad))) from None

    def _body(self, response: requests.Response) -> Any:
        status = response.status_code
        user, host = self._grid.user, self._grid.host
        if status == 401:
            raise _NotSent(GridLoginRefused(user=user, grid=host))
        if status == 403:
            raise _NotSent(GridForbids(user=user, grid=host))
        if status == 429:
            raise _NotSent(self._unavailable("it asks to come later (HTTP status 429)"))
        if status >= 500:
            raise _Lost(self._unavailable(f"HTTP status {status}"))
        try:
            body = response.json()
        except requests.exceptions.JSONDecodeError:
            if status >= 400:
                raise _Refused(classify(status, None)) from None
            raise _Lost(GridAnswersHtml(grid=host, cause=f"HTTP status {status} without JSON")) from None
        if status >= 400:
            raise _Refused(classify(status, body))
        return body

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Else REQUESTS_CA_BUNDLE of the environment would replace our file, and a .netrc our login.
        session.trust_env = False
        session.verify = self._grid.verify
        session.headers["Accept"] = "application/json"
        return session

    def _unavailable(self, cause: str) -> GridUnavailable:
        return GridUnavailable(grid=f"{self._grid.host}:{self._grid.port}", cause=cause)

    def _tls_outcome(self, error: Exception) -> _NotSent:
        cause = _root_cause(error)
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
            return _NotSent(CertificateNotTrusted(grid=self._grid.host, cause=cause))
        # Any other failure of TLS may have come after the request had left.
        return _Lost(self._unavailable(cause))


def _as_object(result: Any) -> dict[str, Any]:
    if not isinstance(result, dict):
        raise Unreadable("an update that is not answered by an object")
    return result


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
