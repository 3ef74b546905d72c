"""The logins of the simulated web server: basic auth, session cookies, lock-out.

Time plus the signatures of cookies are passed in, so that this module decides the same way every time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from http import HTTPStatus

COOKIE = "ibapauth"
_IN_COOKIE = re.compile(rf'(?:^|;)\s*{COOKIE}="?([^";]*)"?')


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may go on: `refused` is the status of the refusal, if any.

    `cookie` is the new session to hand out after a login with basic auth, `session` the one in use.
    """

    user: str = ""
    refused: HTTPStatus | None = None
    cookie: str | None = None
    session: str | None = None

    @property
    def is_login(self) -> bool:
        """Tell whether the call opened a session."""
        return self.cookie is not None


class Sessions:
    """Who is logged in, which client addresses gave wrong passwords."""

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._last_seen: dict[str, float] = {}
        self._bad_logins: dict[str, int] = {}

    def check(
        self,
        *,
        client: str,
        authorization: str | None,
        cookies: str | None,
        now_s: float,
        timeout_s: float,
        lockout_after: int,
        signature: str,
    ) -> Verdict:
        """Judge a call by its headers.

        A valid cookie decides before basic auth; an expired one alone is a 401. After `lockout_after` wrong
        passwords (0: never) everything from that client address is a 403, good credentials included.
        """
        if lockout_after and self._bad_logins.get(client, 0) >= lockout_after:
            return Verdict(refused=HTTPStatus.FORBIDDEN)
        session = _session_in(cookies)
        if session is not None and self._is_alive(session, now_s, timeout_s):
            self._last_seen[session] = now_s
            return Verdict(self._username, session=session)
        if authorization is None:
            return Verdict(refused=HTTPStatus.UNAUTHORIZED)
        if not self._is_right(authorization):
            self._bad_logins[client] = self._bad_logins.get(client, 0) + 1
            return Verdict(refused=HTTPStatus.UNAUTHORIZED)
        self._bad_logins.pop(client, None)
        return self._opened(client, now_s, timeout_s, signature)

    def log_out(self, session: str | None) -> None:
        """Invalidate a session."""
        self._last_seen.pop(session or "", None)

    def expire_all(self) -> None:
        """Invalidate every session."""
        self._last_seen.clear()

    def forgive_all(self) -> None:
        """Forget all wrong passwords, which ends lock-outs."""
        self._bad_logins.clear()

    def _opened(self, client: str, now_s: float, timeout_s: float, signature: str) -> Verdict:
        stamp = int(now_s)
        session = (
            f"group=admin-group,ctime={stamp},ip={client},su=1,client=API,auth=LOCAL,"
            f"timeout={int(timeout_s)},mtime={stamp},user={self._username},{signature}"
        )
        self._last_seen[session] = now_s
        return Verdict(self._username, cookie=session, session=session)

    def _is_alive(self, session: str, now_s: float, timeout_s: float) -> bool:
        seen = self._last_seen.get(session)
        if seen is not None and now_s - seen > timeout_s:
            del self._last_seen[session]
            return False
        return seen is not None

    def _is_right(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        wanted = f"{self._username}:{self._password}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(given, wanted)


def _session_in(cookies: str | None) -> str | None:
    found = _IN_COOKIE.search(cookies or "")
    return found[1] if found else None
