"""What every part of the bench is given: a directory, how much to do, and how to say how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class Wrong(Exception):
    """The system under measurement did something that it must not do, so that its figures mean nothing."""


@dataclass(frozen=True)
class Run:
    """One part's run. `is_thorough`: what takes long is done as often as the rest."""

    directory: Path
    is_quick: bool
    is_thorough: bool
    say: Callable[[str], None]

    def count(self, full: int, quick: int) -> int:
        """How often to do something."""
        return quick if self.is_quick else full
