"""What agents and the coordinator send to each other."""

from __future__ import annotations

from collections.abc import Callable

from protocol.wire import codec
from protocol.wire.codec import REASON_LENGTH_MAX, Unreadable, encode
from protocol.wire.messages import Enrol, Message, ShowTicket
from tests.fuzz.grid_world import GridWorld


def read_to_coordinator(data: bytes) -> None:
    """A node's message, which the coordinator hears; whatever it was, the next ADD is served."""
    message = _told(data, codec.decode_to_coordinator)
    if message is None or isinstance(message, Enrol | ShowTicket):
        return
    world = GridWorld()
    world.greet("n1")
    world.hear("n1", message)  # type: ignore[arg-type]
    world.advance(50.0)
    assert world.serves("n9"), world.told


def read_to_agent(data: bytes) -> None:
    """The coordinator's message."""
    _told(data, codec.decode_to_agent)


def _told(data: bytes, decode: Callable[[bytes], Message]) -> Message | None:
    try:
        message = decode(data)
    except Unreadable as unreadable:
        assert 0 < len(str(unreadable)) <= REASON_LENGTH_MAX
        assert unreadable.reply_to is None or 0 < len(unreadable.reply_to) <= 64
        return None
    assert decode(encode(message)) == message
    return message
