"""Asks for each new connection whether its CURVE key may come in: the ZAP handler (ZeroMQ RFC 27)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import zmq
from zmq.utils import z85

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
ZAP_DOMAIN: Final = b"cni-infoblox"
_FRAMES: Final = 7


class Zap:
    """Answers libzmq's question, for each new connection, whether its key may come in."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(ZAP_ENDPOINT)

    def answer_all(self, admits: Callable[[bytes], bool], refused: Callable[[bytes, str], None]) -> None:
        """Answer what waits. `admits` decides by key (Z85); `refused` is told the key and the address."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._answer(frames, admits, refused))

    def _answer(
        self, frames: list[bytes], admits: Callable[[bytes], bool], refused: Callable[[bytes, str], None]
    ) -> list[bytes]:
        if len(frames) != _FRAMES or frames[0] != b"1.0" or frames[5] != b"CURVE" or len(frames[6]) != 32:
            return [b"1.0", frames[1] if len(frames) > 1 else b"", b"400", b"only CURVE is served", b"", b""]
        _, request_id, _, address, _, _, raw_key = frames
        key = z85.encode(raw_key)
        if not admits(key):
            refused(key, address.decode("ascii", "replace"))
            return [b"1.0", request_id, b"400", b"this key is not authorized", b"", b""]
        return [b"1.0", request_id, b"200", b"OK", key, b""]

    def close(self) -> None:
        """Stop answering; from now on libzmq lets nobody in."""
        self.socket.close()
