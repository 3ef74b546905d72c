"""For tests in which nothing unexpected may happen: whatever a border would hold back fails the test."""

from __future__ import annotations

from typing import NoReturn

from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger


class NothingUnexpected(InternalErrors):
    """Raises what it is told."""

    def __init__(self) -> None:
        super().__init__(make_logger("console", "error"), lambda place: None, lambda: 0.0)

    def tell(self, place: str, error: BaseException, **fields: object) -> NoReturn:
        raise AssertionError(f"unexpected at {place}: {fields}") from error
