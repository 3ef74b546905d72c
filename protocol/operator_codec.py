"""Operator messages from bytes, apart from `codec`, so that agents do without the models of a dozen messages."""

from __future__ import annotations

from typing import Final

from protocol.codec import decode
from protocol.operator import OperatorAnswer, OperatorRequest, operator_answer, operator_request

OPERATOR_BYTES_MAX: Final = 1024 * 1024
"""Of a message between command and coordinator."""


def decode_operator_request(data: bytes) -> OperatorRequest:
    """What a person's command sent. Raises `Unreadable`, or `UnspokenVersion`, saying what is wrong."""
    return decode(data, operator_request, OPERATOR_BYTES_MAX)


def decode_operator_answer(data: bytes) -> OperatorAnswer:
    """What the coordinator answered. Raises `Unreadable`, or `UnspokenVersion`, saying what is wrong."""
    return decode(data, operator_answer, OPERATOR_BYTES_MAX)
