"""Makes text from outside fit to be shown, logged and encoded."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_BLANKS: Final = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")
"""Control characters, the separators and directions that rearrange a line, and halves of surrogate pairs."""


def scrub(text: str) -> str:
    """The text as one line that every encoding of Unicode takes and no terminal obeys.

    Line breaks and tabs become a blank, whatever else is unfit becomes U+FFFD. What is fit comes back unchanged.
    """
    if not _UNFIT.search(text):
        return text
    return _UNFIT.sub(REPLACEMENT, _BLANKS.sub(" ", text))


def is_fit(text: str) -> bool:
    """Whether `scrub` would leave the text as it is."""
    return not _UNFIT.search(text)


def parse_json(content: bytes) -> Any:
    """The decoded JSON with every text scrubbed, names of fields too. Raises ValueError or RecursionError."""
    value = json.loads(content)
    # Where nothing is escaped, JSON itself forbids all but a few of the unfit characters.
    is_plain = content.isascii() and b"\\" not in content and b"\x7f" not in content
    return value if is_plain else _scrubbed(value)


def _scrubbed(value: Any) -> Any:
    """A value of lists, dictionaries and texts with every text scrubbed. Raises RecursionError."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(each) for key, each in value.items()}
    return value


Scrubbed = Annotated[str, AfterValidator(scrub)]
"""A text of a pydantic model that is scrubbed as it is read."""
