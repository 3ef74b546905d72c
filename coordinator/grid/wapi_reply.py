"""What an HTTP reply of the grid says, whatever its bytes are."""

from __future__ import annotations

from typing import Any, Final

from coordinator.core.errors import GridAnswersHtml, GridForbids, GridLoginRefused, GridUnavailable, NoWapiThere
from coordinator.grid.exchange import LostError, NotSentError, RefusedError
from coordinator.grid.refusals import classify
from protocol.texts import parse_json

_NOT_FOR_US: Final = frozenset({301, 302, 303, 307, 308, 404, 405})


def read_body(status: int, content: bytes, user: str, grid: str) -> Any:
    """The decoded JSON. Raises `RefusedError`, `LostError` or `NotSentError`, as what is known of the outcome."""
    if status == 401:
        raise NotSentError(GridLoginRefused(user=user, grid=grid))
    if status == 403:
        raise NotSentError(GridForbids(user=user, grid=grid))
    if status == 429:
        raise NotSentError(GridUnavailable(grid=grid, cause="it asks to come later (HTTP status 429)"))
    if status >= 500:
        raise LostError(GridUnavailable(grid=grid, cause=f"HTTP status {status}"))
    try:
        body = parse_json(content)
    except (ValueError, RecursionError):  # a number of too many digits is a plain ValueError
        if status in _NOT_FOR_US:
            # The web server's own words: no WAPI has seen the call. A WAPI's 404 is JSON.
            raise NotSentError(NoWapiThere(grid=grid, cause=f"HTTP status {status}, and no JSON")) from None
        if status >= 400:
            raise RefusedError(classify(status, None)) from None
        raise LostError(GridAnswersHtml(grid=grid, cause=f"HTTP status {status} without JSON")) from None
    if status >= 400:
        raise RefusedError(classify(status, body))
    return body
