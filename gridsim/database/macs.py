"""The spellings of MAC addresses and DUIDs."""

from __future__ import annotations

import re

_SPELLINGS = (
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
    r"(?:[0-9a-f]{2}-){5}[0-9a-f]{2}",
    r"(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}",
    r"[0-9a-f]{6}-[0-9a-f]{6}",
    r"[0-9a-f]{12}",
)
_DUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")
_ANY = re.compile("|".join(_SPELLINGS))


def normalised(text: object) -> str | None:
    """Return a MAC in lower case with colons, whatever spelling it has; None if it is no MAC."""
    if not isinstance(text, str) or not _ANY.fullmatch(text.lower()):
        return None
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def normalised_duid(text: object) -> str | None:
    """Return a DUID in lower case with colons, of two bytes or more; None if it is none."""
    if not isinstance(text, str):
        return None
    digits = text.lower()
    if ":" not in digits:
        digits = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    return digits if _DUID.fullmatch(digits) else None
