"""The bytes between plugin and agent (docs/protocol.md, part 1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FRAME_VERSION: Final = 1
BODY_BYTES_MAX: Final = 1024 * 1024
STDOUT_BYTES_MAX: Final = 1024 * 1024
EXIT_NOT_DURABLE: Final = 255
"""Answers a DEL that the agent could not make durable; the plugin then writes the pending file."""

_HEAD = struct.Struct(">BI")
_LENGTH = struct.Struct(">I")


class BadFrame(Exception):
    """Bytes that are no request; the text says what is wrong with them."""


class UnknownFrameVersion(BadFrame):
    """A request in a version of the frame that this agent does not speak."""


class FrameTooBig(BadFrame):
    """A request of more bytes than the agent reads."""


@dataclass(frozen=True)
class Frame:
    """A request as the plugin sent it: the runtime's variables, and its standard input.

    Bytes of a variable that are no UTF-8 are lone surrogates, so that two values never become one.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""


def parse(received: bytes | bytearray) -> Frame | None:
    """The request that `received` holds, or None while bytes are missing. Raises `BadFrame`."""
    if not received:
        return None
    if received[0] != FRAME_VERSION:
        raise UnknownFrameVersion(f"frame version {received[0]} is not spoken here, only {FRAME_VERSION}")
    if len(received) < _HEAD.size:
        return None
    _, body_bytes = _HEAD.unpack_from(received)
    if body_bytes > BODY_BYTES_MAX:
        raise FrameTooBig(f"a request of {body_bytes} bytes, at most {BODY_BYTES_MAX} are read")
    if len(received) < _HEAD.size + body_bytes:
        return None
    return _parse_body(bytes(received[_HEAD.size : _HEAD.size + body_bytes]))


def encode_answer(exit_code: int, stdout: bytes) -> bytes:
    """The answer to one request."""
    return _HEAD.pack(exit_code, len(stdout)) + stdout


def _parse_body(body: bytes) -> Frame:
    if not body:
        raise BadFrame("the number of variables is missing")
    variables: dict[str, str] = {}
    offset = 1
    for _ in range(body[0]):
        text, offset = _take(body, offset)
        name, separator, value = text.decode("utf-8", errors="surrogateescape").partition("=")
        if not separator:
            raise BadFrame("a variable without '='")
        variables[name] = value
    return Frame(variables, body[offset:])


def _take(body: bytes, offset: int) -> tuple[bytes, int]:
    start = offset + _LENGTH.size
    if start > len(body):
        raise BadFrame("the length of a variable is cut off")
    (length,) = _LENGTH.unpack_from(body, offset)
    if start + length > len(body):
        raise BadFrame("a variable is cut off")
    return body[start : start + length], start + length
