"""Sends and receives one operator message on a Unix socket, bounded in size; time is the socket's own limit."""

from __future__ import annotations

import socket
import struct
from typing import Final

from protocol.codec import Unreadable, encode
from protocol.messages import Message
from protocol.operator_codec import OPERATOR_BYTES_MAX

_LENGTH: Final = struct.Struct(">I")


class HungUp(Exception):
    """The other side closed the connection before a whole message was there."""


def send_message(sock: socket.socket, message: Message) -> None:
    """Raises OSError, TimeoutError included, when the other side does not take it."""
    payload = encode(message)
    sock.sendall(_LENGTH.pack(len(payload)) + payload)


def receive_payload(sock: socket.socket) -> bytes:
    """The bytes of one message. Raises `HungUp`, `Unreadable` when it is too long, or OSError."""
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    if length > OPERATOR_BYTES_MAX:
        raise Unreadable(f"{length} bytes, at most {OPERATOR_BYTES_MAX} are read")
    return _exactly(sock, length)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise HungUp
        data += piece
    return bytes(data)
