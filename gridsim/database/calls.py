"""The values that travel between a driver of the grid model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus

Pairs = tuple[tuple[str, Any], ...]

_WRITES = ("POST", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Call:
    """One WAPI call.

    `target` is what follows the version in the path: nothing, an object type, or a reference; `body` is the
    decoded JSON.
    """

    method: str
    target: str
    arguments: Pairs = ()
    body: Any = None
    version: str = "2.5"

    @property
    def is_request(self) -> bool:
        """Tell whether the call sends the `request` object, that is, operations in its body."""
        return self.target == "request"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the grid answers: a status with a JSON body, or `body` None for an HTML refusal of that status."""

    status: int
    body: Any


def operations_of(call: Call) -> tuple[tuple[str, str], ...]:
    """Return (method, object type) of every operation that the call carries, for accounting."""
    if not call.is_request:
        return ((call.method, _kind_of(call.target)),)
    listed = call.body if isinstance(call.body, list) else [call.body]
    return tuple(
        (str(operation.get("method")), _kind_of(str(operation.get("object", ""))))
        for operation in listed
        if isinstance(operation, dict)
    )


def is_write(call: Call) -> bool:
    """Tell whether the call may change the database, so that it waits for the write lock."""
    if call.target == "logout":
        return False
    if not call.is_request:
        return call.method in _WRITES and not any(name == "_function" for name, _ in call.arguments)
    listed = call.body if isinstance(call.body, list) else [call.body]
    return any(_operation_writes(operation) for operation in listed)


def _operation_writes(operation: Any) -> bool:
    if not isinstance(operation, dict) or operation.get("method") not in _WRITES:
        return False
    arguments = operation.get("args")
    return not (isinstance(arguments, dict) and "_function" in arguments)


def _kind_of(target: str) -> str:
    return target.partition("/")[0]


def parse_query(query: str) -> Pairs:
    """Return the arguments of a URL query.

    A plus sign stays itself in `_return_fields+`; elsewhere it is a blank, as web forms write it.
    """
    return tuple(_pairs(part for part in query.split("&") if part))


def _pairs(parts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        decode = unquote if name.startswith("_") else unquote_plus
        yield decode(name), unquote_plus(value)
