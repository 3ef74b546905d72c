"""Asks for each new connection whether its CURVE key may come in: the ZAP handler (ZeroMQ RFC 27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils import z85

from protocol.host_port import as_one_family

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
ZAP_DOMAIN: Final = b"cni-infoblox"
_FRAMES: Final = 7

UNDECIDED_MAX: Final = 1_024
"""So many new connections wait while it is looked up whether their keys are known; one more is refused."""

Admits = Callable[[bytes, float], bool | None]
"""Decides by key (Z85) and the time of the question; None where it is decided soon."""


@dataclass(frozen=True)
class _Question:
    envelope: tuple[bytes, ...]
    frames: tuple[bytes, ...]
    asked_at_s: float


class Zap:
    """Answers libzmq's question, for each new connection, whether its key may come in."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], clock: Callable[[], float]) -> None:
        # Not REP: a question that cannot be decided yet must not keep the others waiting.
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(ZAP_ENDPOINT)
        self._clock = clock
        self._undecided: list[_Question] = []

    @property
    def is_undecided(self) -> bool:
        """Whether some connection waits for its answer."""
        return bool(self._undecided)

    def answer_all(self, admits: Admits, refused: Callable[[bytes, str], None]) -> None:
        """Answer what waits; `refused` is told the key and the address."""
        waiting, self._undecided = self._undecided, []
        for question in waiting:
            self._answer(question, admits, refused)
        while True:
            try:
                parts = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            end = parts.index(b"") + 1 if b"" in parts else len(parts)
            question = _Question(tuple(parts[:end]), tuple(parts[end:]), self._clock())
            self._answer(question, admits, refused)

    def _answer(self, question: _Question, admits: Admits, refused: Callable[[bytes, str], None]) -> None:
        frames = question.frames
        if len(frames) != _FRAMES or frames[0] != b"1.0" or frames[5] != b"CURVE" or len(frames[6]) != 32:
            self._reply(question, b"400", b"only CURVE is served")
            return
        key = z85.encode(frames[6])
        verdict = admits(key, question.asked_at_s)
        if verdict:
            self._reply(question, b"200", b"OK", key)
        elif verdict is None and len(self._undecided) < UNDECIDED_MAX:
            self._undecided.append(question)
        else:
            refused(key, as_one_family(frames[3].decode("ascii", "replace")))
            self._reply(question, b"400", b"this key is not authorized")

    def _reply(self, question: _Question, status: bytes, text: bytes, user: bytes = b"") -> None:
        request_id = question.frames[1] if len(question.frames) > 1 else b""
        self.socket.send_multipart([*question.envelope, b"1.0", request_id, status, text, user, b""])

    def close(self) -> None:
        """Stop answering; from now on libzmq lets nobody in."""
        self.socket.close()
