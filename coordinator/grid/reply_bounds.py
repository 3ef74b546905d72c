"""Bounds what a reply over HTTPS can cost us: the time until it is there, and its size.

Both count at the socket, so they hold for status line, headers, chunk lengths and body alike. The time-out of a
socket bounds each silence only: a peer that sends a byte now and then would hold us for ever.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

REPLY_TIMES: Final = 2
"""A reply is there as a whole within so many times the longest silence that is allowed."""

REPLY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Twice a page of a thousand objects with thirty long attributes each. The worst JSON of that size takes fifteen
times as much when it is read."""

TOO_SLOW: Final = "its reply came too slowly"
TOO_LONG: Final = "its reply is longer than {} bytes"
ENCODED: Final = "its reply is compressed, though nobody asked for that"

_PIECE_BYTES: Final = 64 * 1024


class BadReply(OSError):
    """A reply that is given up."""


class ReplyBounds:
    """What the next reply may cost on the connections of one session, one call at a time.

    `clock` counts seconds. `has_sent` tells whether anything of the current request may have left.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at_s = inf
        self._bytes_max = self._bytes_left = REPLY_BYTES_MAX
        self.has_sent = False
        self.certificate_end_s: float | None = None
        """When the server's certificate ends, in seconds since 1970; None where none was verified yet."""

    def begin(self, silence_s: float, bytes_max: int = REPLY_BYTES_MAX) -> None:
        """A request follows: no silence of its reply may be longer, the whole at most `REPLY_TIMES` as long."""
        self.has_sent = False
        self._renew(silence_s, bytes_max)

    def session(self, *, verify: bool | str) -> requests.Session:
        """A session whose replies are bounded. `verify`: the file of the authority, or whether to verify."""
        session = requests.Session()
        # Else REQUESTS_CA_BUNDLE of the environment would replace our file, and a .netrc our login.
        session.trust_env = False
        session.verify = verify
        # A compressed reply may be a thousand times as long as what the socket has counted.
        session.headers["Accept-Encoding"] = "identity"
        # Else requests could not turn the verification off: the context would still check host names.
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)
        context.sslsocket_class = _socket_class(self)
        session.mount("https://", _Adapter(context))
        return session

    def content(self, reply: requests.Response) -> bytes:
        """The whole body. Raises OSError, as a socket does."""
        return b"".join(_pieces(reply))

    def lines(self, reply: requests.Response, silence_s: float, line_bytes_max: int) -> Iterator[bytes]:
        """The body of a reply that goes on for long, line by line: each has its own time and size.

        Raises OSError, as a socket does.
        """
        self._renew(silence_s, line_bytes_max)
        rest = bytearray()
        for piece in _pieces(reply):
            searched = len(rest)
            rest += piece
            while (end := rest.find(b"\n", searched)) >= 0:
                line, searched = bytes(rest[:end]), 0
                del rest[: end + 1]
                yield line
                self._renew(silence_s, line_bytes_max)
        if rest:
            yield bytes(rest)

    def left_s(self) -> float:
        """The rest of the time. Raises TimeoutError when it is over."""
        left_s = self._at_s - self._clock()
        if left_s <= 0:
            raise TimeoutError(TOO_SLOW)
        return left_s

    def count(self, received: int) -> None:
        """So many bytes have come. Raises `BadReply` when they are too many."""
        self._bytes_left -= received
        if self._bytes_left < 0:
            raise BadReply(TOO_LONG.format(self._bytes_max))

    def _renew(self, silence_s: float, bytes_max: int) -> None:
        self._at_s = self._clock() + REPLY_TIMES * silence_s
        self._bytes_max = self._bytes_left = bytes_max


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        # A write that is sent again on its own may hit who has the reference by then.
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


def _socket_class(bounds: ReplyBounds) -> type[ssl.SSLSocket]:
    class Socket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, the standard library's signature
            super().do_handshake(block)
            # Empty where it was not verified.
            if certificate := self.getpeercert():
                bounds.certificate_end_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))

        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            received = self._in_time(super().recv_into, *args, **kwargs)
            bounds.count(received)
            return received

        def send(self, *args: Any, **kwargs: Any) -> int:
            bounds.has_sent = True
            return self._in_time(super().send, *args, **kwargs)

        def _in_time(self, transfer: Callable[..., int], *args: Any, **kwargs: Any) -> int:
            silence_s = self.gettimeout()
            self.settimeout(min(bounds.left_s(), inf if silence_s is None else silence_s))
            try:
                return transfer(*args, **kwargs)
            finally:
                self.settimeout(silence_s)

    return Socket


def _pieces(reply: requests.Response) -> Iterator[bytes]:
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise BadReply(ENCODED)
    yield from reply.iter_content(_PIECE_BYTES)
