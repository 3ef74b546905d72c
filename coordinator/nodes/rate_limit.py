"""Bounds what is read of keys that the coordinator does not know, where such keys may enrol."""

from __future__ import annotations

from typing import Final

MESSAGES_MAX: Final = 8
"""Most messages of one connection within `WINDOW_S`; an agent needs two."""

MESSAGE_BYTES_MAX: Final = 16 * 1024
"""An enrol carries a token of about 1 kB; nothing longer is read."""

CONNECTIONS_MAX: Final = 20_000
"""Most connections that are counted, more than there can be handshakes within `WINDOW_S`."""

WINDOW_S: Final = 10.0


class RateLimit:
    """Counts what is said on each connection; forgets everything at the end of each window."""

    def __init__(self) -> None:
        self._heard: dict[bytes, int] = {}
        self._until_s = 0.0

    def may_speak(self, connection: bytes, size: int, now_s: float) -> bool:
        """Whether a message of this many bytes is read at all."""
        if now_s >= self._until_s:
            self._heard.clear()
            self._until_s = now_s + WINDOW_S
        count = self._heard.get(connection, 0)
        if size > MESSAGE_BYTES_MAX or count >= MESSAGES_MAX:
            return False
        self._heard[connection] = count + 1
        if len(self._heard) > CONNECTIONS_MAX:
            # Whoever comes new may have a ticket to show: nobody is kept out because of others.
            del self._heard[next(iter(self._heard))]
        return True
