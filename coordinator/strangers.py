"""Bounds what may come from keys that the coordinator does not know, where such keys may enrol."""

from __future__ import annotations

from typing import Final

CONNECTIONS_MAX: Final = 6000
"""Most connections beyond those of known nodes: after a restart the nodes of a large cluster come all at once."""

KEYS_MAX: Final = 6000
"""Most unknown keys that are heard within `WINDOW_S`."""

MESSAGES_MAX: Final = 8
"""Most messages of one unknown key within `WINDOW_S`; an agent needs two."""

MESSAGE_BYTES_MAX: Final = 16 * 1024
"""An enrol carries a token of about 1 kB; nothing longer is read."""

WINDOW_S: Final = 10.0


class Strangers:
    """Counts what unknown keys say; forgets everything at the end of each window."""

    def __init__(self) -> None:
        self._heard: dict[bytes, int] = {}
        self._until_s = 0.0

    def may_connect(self, connections: int, nodes: int) -> bool:
        """Whether an unknown key may come in, when there are so many connections, so many known nodes."""
        return connections - nodes <= CONNECTIONS_MAX

    def may_speak(self, key: bytes, size: int, now_s: float) -> bool:
        """Whether a message of this many bytes is read at all."""
        if now_s >= self._until_s:
            self._heard.clear()
            self._until_s = now_s + WINDOW_S
        count = self._heard.get(key, 0)
        if size > MESSAGE_BYTES_MAX or count >= MESSAGES_MAX or (not count and len(self._heard) >= KEYS_MAX):
            return False
        self._heard[key] = count + 1
        return True

    def welcome(self, key: bytes) -> None:
        """This key is no stranger any more."""
        self._heard.pop(key, None)
