"""What people's commands and the coordinator read of each other."""

from __future__ import annotations

import socket

from pydantic import TypeAdapter

from protocol.admin.frames import MESSAGE_BYTES_MAX, HungUp, receive_request
from protocol.admin.messages import admin_answer, admin_request
from protocol.wire.codec import REASON_LENGTH_MAX, Unreadable, decode, encode
from protocol.wire.messages import Message


def read_request(data: bytes) -> None:
    """What a person's command asks."""
    _read(data, admin_request)


def read_answer(data: bytes) -> None:
    """What a person's command is answered."""
    _read(data, admin_answer)


def read_frame(data: bytes) -> None:
    """The bytes of one connection to the coordinator's socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            request = receive_request(ours)
        except HungUp:
            return
        except Unreadable as unreadable:
            _check(unreadable)
            return
    assert decode(encode(request), admin_request, MESSAGE_BYTES_MAX) == request


def _read(data: bytes, adapter: TypeAdapter[Message]) -> None:
    try:
        message = decode(data, adapter, MESSAGE_BYTES_MAX)
    except Unreadable as unreadable:
        _check(unreadable)
        return
    assert decode(encode(message), adapter, MESSAGE_BYTES_MAX) == message


def _check(unreadable: Unreadable) -> None:
    assert 0 < len(str(unreadable)) <= REASON_LENGTH_MAX
    assert unreadable.reply_to is None or 0 < len(unreadable.reply_to) <= 64
