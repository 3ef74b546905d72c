"""Reads the corpus of a border, and looks for inputs that it should have held."""

from __future__ import annotations

import hashlib

from hypothesis import HealthCheck, given, settings

from tests.fuzz.border import CORPUS, Border
from tests.fuzz.damage import inputs


class Finding(Exception):
    """An input that raised something it must not; `data` is the smallest that was found."""

    def __init__(self, border: Border, data: bytes, error: BaseException) -> None:
        super().__init__(f"{border.name}: {type(error).__name__}: {error}; input {data[:200]!r}")
        self.border = border
        self.data = data

    def keep(self) -> str:
        """Put the input into the corpus; returns the file."""
        path = CORPUS / self.border.name / f"found-{hashlib.sha256(self.data).hexdigest()[:8]}"
        path.write_bytes(self.data)
        return str(path)


def replay(border: Border) -> None:
    """Read what is kept. Raises `Finding`."""
    for path in border.corpus():
        _read(border, border.input_of(path.read_bytes()))


def explore(border: Border, options: settings) -> None:
    """Read what hypothesis makes of it. Raises `Finding`."""

    @settings(options, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck))
    @given(inputs(border))
    def reads(data: bytes) -> None:
        _read(border, data)

    reads()


def _read(border: Border, data: bytes) -> None:
    try:
        border.read(data)
    except Exception as error:
        raise Finding(border, data, error) from error
