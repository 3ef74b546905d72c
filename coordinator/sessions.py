"""Which connection each node speaks on, with the boot and the journal that it speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from protocol.messages import Hello

LIVE_S: Final = 30.0
"""A connection that was heard within this time is alive: agents ping every 10 s."""

FORGET_AFTER_S: Final = 86_400.0
"""A node that holds nothing and was silent for so long is no node of this cluster any more."""

HERE_S: Final = 15.0
"""A node that was heard within this time has hardly gone over to another coordinator."""


@dataclass
class Session:
    """One node's newest connection."""

    connection: bytes
    boot_id: str
    journal_id: str
    release: str
    since_s: float
    heard_at_s: float
    pages: int = 0
    welcomed: bool = False

    def is_alive(self, now_s: float) -> bool:
        """Whether it was heard a short while ago."""
        return now_s - self.heard_at_s < LIVE_S

    def speaks(self, now_s: float) -> bool:
        """Whether its node is connected, with all pages of its hello told."""
        return self.welcomed and self.is_alive(now_s)


class Greeting(Enum):
    """What a hello leads to."""

    MORE_PAGES = auto()
    OUT_OF_ORDER = auto()
    WELCOME = auto()
    NODE_TWICE = auto()


class Sessions:
    """The newest connection of every node."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._silent_since_s: dict[str, float] = {}

    def greet(self, node: str, connection: bytes, hello: Hello, now_s: float) -> Greeting:
        """Take a page of a hello. A second machine with the node's key is kept out while the first is alive."""
        known = self._sessions.get(node)
        is_other = known is not None and known.connection != connection and known.boot_id != hello.boot_id
        if known and is_other and known.is_alive(now_s):
            return Greeting.NODE_TWICE
        if hello.page == 0:
            known = Session(connection, hello.boot_id, hello.journal_id, hello.release, now_s, now_s)
            self._sessions[node] = known
        if known is None or known.connection != connection or known.pages != hello.page:
            return Greeting.OUT_OF_ORDER
        known.heard_at_s = now_s
        known.pages += 1
        known.welcomed = hello.last
        return Greeting.WELCOME if hello.last else Greeting.MORE_PAGES

    def hear(self, node: str, connection: bytes, now_s: float) -> Session | None:
        """The session that this connection may speak in, or None when it must say hello first."""
        session = self._sessions.get(node)
        if session is None or session.connection != connection or not session.welcomed:
            return None
        session.heard_at_s = now_s
        return session

    def fall_silent(self, now_s: float) -> list[str]:
        """The nodes that were connected, and are found to be silent for the first time since."""
        fallen = [
            node
            for node, session in self._sessions.items()
            if session.welcomed and not session.is_alive(now_s) and node not in self._silent_since_s
        ]
        self._silent_since_s |= {node: self._sessions[node].heard_at_s for node in fallen}
        return fallen

    def speak_again(self, node: str) -> float | None:
        """The node speaks: since when it was silent, where `fall_silent` has told that it is."""
        return self._silent_since_s.pop(node, None)

    def long_silent(self, now_s: float) -> list[str]:
        """The nodes that may be forgotten if they hold nothing."""
        return [
            node
            for node, since_s in self._silent_since_s.items()
            if now_s - since_s >= FORGET_AFTER_S and not self._sessions[node].is_alive(now_s)
        ]

    def forget(self, node: str) -> None:
        """The node does not come back, or says hello as a new one."""
        del self._sessions[node], self._silent_since_s[node]

    def live_boot(self, node: str, now_s: float) -> str | None:
        """The boot ID that speaks for the node at this moment, None when nobody does."""
        session = self._sessions.get(node)
        return session.boot_id if session and session.is_alive(now_s) else None

    def is_here(self, node: str, now_s: float) -> bool:
        """Whether the node was heard just now."""
        session = self._sessions.get(node)
        return session is not None and now_s - session.heard_at_s < HERE_S

    def __len__(self) -> int:
        return len(self._sessions)

    def of(self, node: str) -> Session | None:
        """The node's newest connection."""
        return self._sessions.get(node)

    def disown(self, node: str, connection: bytes) -> None:
        """Nothing that was said on this connection counts any more: its node has to say hello again."""
        known = self._sessions.get(node)
        if known and known.connection == connection:
            del self._sessions[node]
            self._silent_since_s.pop(node, None)

    def all(self) -> dict[str, Session]:
        """Every node that has connected since the start."""
        return dict(self._sessions)
