"""What the grid means when it refuses a call.

The grid answers nearly every refusal with status 400, and its code `Client.Ibap.Data.Conflict` covers missing
parents, permissions and duplicates alike. So a fragment of the text decides, in the order of the table below;
a text that nobody has seen yet is kept word for word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final


class Kind(Enum):
    """Refusals that we treat differently."""

    LOGIN = auto()
    FORBIDDEN = auto()
    TOO_BIG = auto()
    BUSY = auto()
    EXHAUSTED = auto()
    MAC_TWICE = auto()
    EXISTS = auto()
    AMBIGUOUS = auto()
    NO_PERMISSION = auto()
    NO_PARENT = auto()
    UNKNOWN_EA = auto()
    EA_NOT_WRITABLE = auto()
    SUPERUSERS_ONLY = auto()
    LICENCE = auto()
    NO_REQUEST = auto()
    UNSEARCHABLE = auto()
    INTERNAL = auto()
    """No refusal of the grid: we failed at making the call, or at reading its reply."""
    OTHER = auto()


@dataclass(frozen=True)
class Refusal:
    """A definite no: the operations of the call were not carried out, or some of them were not.

    `name` is the extensible attribute that the text names, where it names one.
    """

    kind: Kind
    text: str
    status: int = 400
    name: str = ""


CONCERNS_EVERY_WRITE: Final = frozenset(
    {Kind.LOGIN, Kind.FORBIDDEN, Kind.UNKNOWN_EA, Kind.EA_NOT_WRITABLE, Kind.LICENCE}
)
"""Refusals that any other allocation would meet as well: looking for a culprit would only add calls."""

_BY_STATUS: Final = {401: Kind.LOGIN, 403: Kind.FORBIDDEN, 413: Kind.TOO_BIG, 429: Kind.BUSY}

_BY_TEXT: Final = (
    (Kind.EXHAUSTED, re.compile(r"cannot find \d+ available ip", re.I)),
    (Kind.MAC_TWICE, re.compile(r"mac address .* is used in two fixed addresses", re.I)),
    (Kind.UNKNOWN_EA, re.compile(r"unknown extensible attribute:? *'?(?P<name>[^'.]+)", re.I)),
    (Kind.EA_NOT_WRITABLE, re.compile(r"extensible attribute '(?P<name>[^']+)' is not allowed", re.I)),
    (Kind.SUPERUSERS_ONLY, re.compile(r"only superusers can manage", re.I)),
    (Kind.NO_PARENT, re.compile(r"parent was not found|cannot find the parent|network view .* not found", re.I)),
    (Kind.LICENCE, re.compile(r"does not have a valid .*licen[cs]e", re.I)),
    (Kind.AMBIGUOUS, re.compile(r"result set too large", re.I)),
    (Kind.NO_PERMISSION, re.compile(r"(no|not have) permission", re.I)),
    (Kind.EXISTS, re.compile(r"already exists|duplicate object|is already in use|already used", re.I)),
    (Kind.NO_REQUEST, re.compile(r"unknown object type \(?request|not allowed for '?request", re.I)),
    (Kind.UNSEARCHABLE, re.compile(r"not searchable|unknown argument", re.I)),
)
_TEXT_LENGTH_MAX: Final = 500


def classify(status: int, body: Any) -> Refusal:
    """What a refusal means.

    `status` is the HTTP status (a 4xx), `body` the decoded JSON of the reply or None where it was not JSON.
    """
    text = str(body.get("text") or body.get("Error") or "") if isinstance(body, dict) else ""
    if status in _BY_STATUS:
        return Refusal(_BY_STATUS[status], text[:_TEXT_LENGTH_MAX] or f"HTTP status {status}", status)
    for kind, pattern in _BY_TEXT:
        if match := pattern.search(text):
            name = match.groupdict().get("name") or ""
            return Refusal(kind, text[:_TEXT_LENGTH_MAX], status, name.strip())
    return Refusal(Kind.OTHER, text[:_TEXT_LENGTH_MAX] or f"HTTP status {status} without a text", status)
