"""Messages to bytes and back: msgpack maps, bounded in size, validated on receipt."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgpack
from pydantic import TypeAdapter, ValidationError

from protocol.texts import scrub
from protocol.wire.messages import Message, ToAgent, ToCoordinator, request_token, to_agent, to_coordinator
from protocol.wire.values import MESSAGE_BYTES_MAX

PROTOCOL_VERSION: Final = 2
"""Spoken by this release."""

REASON_LENGTH_MAX: Final = 300
"""How much is said about what is wrong with a message."""

T = TypeVar("T")


class Unreadable(Exception):
    """Bytes that are no message of this protocol; `reply_to` is the message's id where it is a valid one.

    What is wrong may quote the message, so it is made fit to be logged and answered.
    """

    def __init__(self, reason: str, reply_to: str | None = None) -> None:
        super().__init__(scrub(reason)[:REASON_LENGTH_MAX])
        self.reply_to = reply_to


class UnspokenVersion(Unreadable):
    """A message of a protocol version that this side does not speak."""


def encode(message: Message) -> bytes:
    """The message as a msgpack map; fields that are absent are left out."""
    packed: bytes = msgpack.packb(message.model_dump(exclude_none=True), unicode_errors="replace")
    return packed


def decode_to_coordinator(data: bytes) -> ToCoordinator:
    """What an agent sent. Raises `Unreadable`, or `UnspokenVersion`, saying what is wrong."""
    return decode(data, to_coordinator, MESSAGE_BYTES_MAX)


def decode_to_agent(data: bytes) -> ToAgent:
    """What the coordinator sent. Raises `Unreadable`, or `UnspokenVersion`, saying what is wrong."""
    return decode(data, to_agent, MESSAGE_BYTES_MAX)


def decode(data: bytes, adapter: TypeAdapter[T], bytes_max: int) -> T:
    """A message that `adapter` knows, of at most `bytes_max`. Raises `Unreadable`, or `UnspokenVersion`."""
    if len(data) > bytes_max:
        raise Unreadable(f"{len(data)} bytes, at most {bytes_max} are read")
    fields = _unpack(data)
    reply_to = _valid_id(fields.get("id"))
    if not _is_spoken(version := fields.get("v")):
        # What is no number may be lists inside each other, deeper than Python writes them out.
        named = version if isinstance(version, int | None) else type(version).__name__
        raise UnspokenVersion(f"protocol version {named} is not spoken here, only {PROTOCOL_VERSION}", reply_to)
    try:
        return adapter.validate_python(fields)
    except RecursionError:
        raise Unreadable("values inside each other without end", reply_to) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{where}: {first['msg']}", reply_to) from None


def _is_spoken(version: object) -> bool:
    return type(version) is int and version == PROTOCOL_VERSION


def _valid_id(value: object) -> str | None:
    """What an answer may name: an id that was not checked could not be encoded into one."""
    try:
        return request_token.validate_python(value, strict=True)
    except ValidationError:
        return None


def _unpack(data: bytes) -> dict[str, Any]:
    try:
        fields = msgpack.unpackb(data, strict_map_key=True)
    except (ValueError, msgpack.UnpackException) as error:
        raise Unreadable(f"no msgpack: {type(error).__name__}") from None
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise Unreadable("no map of named fields")
    return fields
