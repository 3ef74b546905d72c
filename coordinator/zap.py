"""Admits nodes by their CURVE public keys: the ZAP handler (ZeroMQ RFC 27) with its `authorized` directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from protocol.keys import load_authorized

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
ZAP_DOMAIN: Final = b"cni-infoblox"
_FRAMES: Final = 7
_RECHECK_S: Final = 1.0


class Authorized:
    """The nodes' public keys, from one file per node; read again when the directory has changed."""

    def __init__(self, directory: Path, complain: Callable[[str], None]) -> None:
        self._directory = directory
        self._complain = complain
        self._nodes: dict[bytes, str] = {}
        self._stamp: object = None
        self._checked_at_s = -_RECHECK_S

    def refresh(self, now_s: float) -> None:
        """Look whether the directory has changed, at most once a second."""
        if now_s < self._checked_at_s + _RECHECK_S:
            return
        self._checked_at_s = now_s
        self.reread()

    def reread(self) -> None:
        """Read the keys again if any file has come, gone or changed."""
        try:
            paths = [path for path in self._directory.iterdir() if path.name.endswith(".key")]
            stamp = sorted((path.name, stat.st_mtime_ns, stat.st_ino) for path in paths for stat in [path.stat()])
        except OSError as error:
            self._complain(f"{self._directory}: {error.strerror}")
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._nodes, complaints = load_authorized(paths)
        for complaint in complaints:
            self._complain(complaint)

    def node_of(self, public_key: bytes) -> str | None:
        """The node that this key (Z85) belongs to."""
        return self._nodes.get(public_key)

    def __len__(self) -> int:
        return len(self._nodes)


class Zap:
    """Answers libzmq's question, for each new connection, whether its key may come in."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], authorized: Authorized) -> None:
        self._authorized = authorized
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(ZAP_ENDPOINT)

    def answer_all(self, refused: Callable[[bytes, str], None]) -> None:
        """Answer what waits; `refused` is told the key and the address of who stays outside."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._answer(frames, refused))

    def _answer(self, frames: list[bytes], refused: Callable[[bytes, str], None]) -> list[bytes]:
        if len(frames) != _FRAMES or frames[0] != b"1.0" or frames[5] != b"CURVE" or len(frames[6]) != 32:
            return [b"1.0", frames[1] if len(frames) > 1 else b"", b"400", b"only CURVE is served", b"", b""]
        _, request_id, _, address, _, _, raw_key = frames
        key = z85.encode(raw_key)
        self._authorized.reread()
        if self._authorized.node_of(key) is None:
            refused(key, address.decode("ascii", "replace"))
            return [b"1.0", request_id, b"400", b"this key is not authorized", b"", b""]
        return [b"1.0", request_id, b"200", b"OK", key, b""]

    def close(self) -> None:
        """Stop answering; from now on libzmq lets nobody in."""
        self.socket.close()
