"""A logger whose every text has to be fit for a terminal and for each encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from daemon.logs import Logger
from protocol.texts import is_fit


class FitLog:
    """Raises AssertionError for a text that no border has scrubbed."""

    @property
    def logger(self) -> Logger:
        """What daemons log with."""
        return cast(Logger, self)

    def __getattr__(self, level: str) -> Any:
        return self._line

    def _line(self, event: str, **fields: object) -> None:
        for text in texts_of({"event": event, **fields}):
            assert is_fit(text), f"{event}: {text!r}"


def texts_of(value: object) -> Iterator[str]:
    """All texts in a value of lists, tuples, dictionaries and texts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts_of(key)
            yield from texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)
