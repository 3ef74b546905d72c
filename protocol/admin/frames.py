"""Sends and receives one message between command and coordinator; its size is bounded, its time by the socket."""

from __future__ import annotations

import socket
import struct
from typing import Final

from protocol.admin.messages import AdminAnswer, AdminRequest, admin_answer, admin_request
from protocol.wire.codec import Unreadable, decode, encode
from protocol.wire.messages import Message

MESSAGE_BYTES_MAX: Final = 1024 * 1024
"""Of a message between command and coordinator."""

_LENGTH: Final = struct.Struct(">I")


class HungUp(Exception):
    """The other side closed the connection before a whole message was there."""


def send_message(sock: socket.socket, message: Message) -> None:
    """Raises OSError, TimeoutError included, when the other side does not take it."""
    payload = encode(message)
    sock.sendall(_LENGTH.pack(len(payload)) + payload)


def receive_request(sock: socket.socket) -> AdminRequest:
    """What a person's command asks. Raises `HungUp`, `Unreadable`, `UnspokenVersion` or OSError."""
    return decode(_receive(sock), admin_request, MESSAGE_BYTES_MAX)


def receive_answer(sock: socket.socket) -> AdminAnswer:
    """What the coordinator answers. Raises `HungUp`, `Unreadable`, `UnspokenVersion` or OSError."""
    return decode(_receive(sock), admin_answer, MESSAGE_BYTES_MAX)


def _receive(sock: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    if length > MESSAGE_BYTES_MAX:
        raise Unreadable(f"{length} bytes, at most {MESSAGE_BYTES_MAX} are read")
    return _exactly(sock, length)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise HungUp
        data += piece
    return bytes(data)
