"""Asks agents for a sign of life that is younger than a person's command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.core.outbox import Outbox
from coordinator.nodes.sessions import Session
from protocol.wire import messages

PROBES_OPEN_MAX: Final = 4_096

Then = Callable[[float], None]


class Probes:
    """What was asked, and whom to tell of the answer."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: dict[str, tuple[Session, Then]] = {}

    def ask(self, session: Session, then: Then) -> None:
        """Ask; `then` is called with the time of the answer, if one comes in this session."""
        nonce = self._outbox.draw()
        self._open[nonce] = session, then
        while len(self._open) > PROBES_OPEN_MAX:
            del self._open[next(iter(self._open))]
        self._outbox.send(session.connection, messages.Probe(id=self._outbox.draw(), nonce=nonce))

    def answered(self, session: Session, answer: messages.ProbeAnswer, now_s: float) -> None:
        """An agent has answered a probe, of whoever asked."""
        asked, then = self._open.get(answer.nonce, (None, None))
        if asked is session and then:
            del self._open[answer.nonce]
            then(now_s)
