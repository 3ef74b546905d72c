"""What happened in a run: the story of each attachment, and which rare events occurred."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Final

from tests.sim.timeline import Timeline

LINES_MAX: Final = 400

Line = tuple[float, str, str, str]


class Story:
    """Everything that was noted, in order; `marks` counts the rare events.

    `is_told`: whether lines are kept at all. Most worlds hold, and nobody reads their story.
    """

    def __init__(self, timeline: Timeline, *, is_told: bool) -> None:
        self.marks: Counter[str] = Counter()
        self.is_told = is_told
        self._timeline = timeline
        self._lines: list[Line] = []

    def tell(self, subject: str, who: str, text: str) -> None:
        """Note what `who` did about `subject`: an attachment, or the empty text for what concerns all."""
        if self.is_told:
            self._lines.append((self._timeline.now_s, subject, who, text))

    def lines(self) -> list[Line]:
        """All that was told: when, about what, by whom, what."""
        return self._lines

    def mark(self, name: str) -> None:
        """A rare event occurred."""
        self.marks[name] += 1

    def of(self, *subjects: str) -> str:
        """The story of attachments or addresses, with what concerned all."""
        told = [
            f"{time_s:9.3f}  {who:<16} {text}"
            for time_s, subject, who, text in self._lines
            if not subject or any(each and each in (subject, *text.split()) for each in subjects)
        ]
        cut = [f"           ... {len(told) - LINES_MAX} lines before"] if len(told) > LINES_MAX else []
        return "\n".join([*cut, *told[-LINES_MAX:]])

    def digest(self) -> int:
        """A number that two equal runs share, in whatever process."""
        value = 0
        for line in self._lines:
            value = zlib.crc32(repr(line).encode(), value)
        return value
