"""Sees to it that a reply over TLS is there in time as a whole, however slowly its bytes come.

The time-out of a socket bounds each silence, so a peer that sends a byte now and then would hold us for ever.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from math import inf
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

TOO_SLOW: Final = "its reply came too slowly"


class ReplyDeadline:
    """Until when bytes may come on the connections of its adapters, one call at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at_s = inf

    def begin(self, limit_s: float) -> None:
        """The next reply must be there within this time."""
        self._at_s = self._clock() + limit_s

    def left_s(self) -> float:
        """The rest of the time. Raises TimeoutError when it is over."""
        left_s = self._at_s - self._clock()
        if left_s <= 0:
            raise TimeoutError(TOO_SLOW)
        return left_s

    def adapter(self, *, verify: bool | str) -> HTTPAdapter:
        """For a session with the same `verify`."""
        # Else requests could not turn the verification off: the context would still check host names.
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)
        context.sslsocket_class = _socket_class(self)
        return _Adapter(context)


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


def _socket_class(deadline: ReplyDeadline) -> type[ssl.SSLSocket]:
    class Socket(ssl.SSLSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            silence_s = self.gettimeout()
            self.settimeout(min(deadline.left_s(), inf if silence_s is None else silence_s))
            try:
                return super().recv_into(*args, **kwargs)
            finally:
                self.settimeout(silence_s)

    return Socket
