"""What a machine asks of its parts that act by the time."""

from __future__ import annotations

from typing import Protocol


class Timed(Protocol):
    """What has something to do at its time."""

    def expire(self, now_s: float) -> None:
        """Do what is due."""
        ...

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        ...
