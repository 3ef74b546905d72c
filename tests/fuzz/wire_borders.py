"""What agents, the coordinator and people's commands send to each other."""

from __future__ import annotations

import socket
from collections.abc import Callable

from protocol import operator_codec
from protocol.codec import Unreadable, encode
from protocol.messages import Message
from protocol.operator_frames import HungUp, receive_payload
from protocol.wire import codec as wire_codec
from protocol.wire import messages as wire
from protocol.wire.messages import Enrol, ShowTicket
from tests.fuzz.grid_world import GridWorld

REASON_LENGTH_MAX = 500


def read_to_coordinator(data: bytes) -> None:
    """A node's message, which the coordinator hears; whatever it was, the next ADD is served."""
    message = _told(data, wire_codec.decode_to_coordinator)
    if message is None or isinstance(message, Enrol | ShowTicket):
        return
    world = GridWorld()
    world.greet("n1")
    world.hear("n1", message)  # type: ignore[arg-type]
    world.advance(50.0)
    assert world.serves("n9"), world.told


def read_to_agent(data: bytes) -> None:
    """The coordinator's message."""
    _told(data, wire_codec.decode_to_agent)


def read_operator_request(data: bytes) -> None:
    """What a person's command asks."""
    _decoded(data, operator_codec.decode_operator_request)


def read_operator_answer(data: bytes) -> None:
    """What a person's command is answered."""
    _decoded(data, operator_codec.decode_operator_answer)


def read_operator_frame(data: bytes) -> None:
    """The bytes of one connection to the operator's socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            payload = receive_payload(ours)
        except HungUp:
            return
        except Unreadable as unreadable:
            assert str(unreadable)
            return
    read_operator_request(payload)


def _told(data: bytes, decode: Callable[[bytes], wire.Message]) -> wire.Message | None:
    try:
        message = decode(data)
    except wire_codec.Unreadable as unreadable:
        assert 0 < len(str(unreadable)) <= REASON_LENGTH_MAX
        assert unreadable.reply_to is None or 0 < len(unreadable.reply_to) <= 64
        return None
    assert decode(wire_codec.encode(message)) == message
    return message


def _decoded(data: bytes, decode: Callable[[bytes], Message]) -> Message | None:
    try:
        message = decode(data)
    except Unreadable as unreadable:
        assert 0 < len(str(unreadable)) <= REASON_LENGTH_MAX
        assert unreadable.reply_to is None or 0 < len(unreadable.reply_to) <= 64
        return None
    assert decode(encode(message)) == message
    return message
