"""What happened in a run: the story of each attachment, and which rare events occurred."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tests.sim.timeline import Timeline

LINES_MAX: Final = 400


class Story:
    """Everything that was noted, in order; `marks` counts the rare events."""

    def __init__(self, timeline: Timeline) -> None:
        self.marks: Counter[str] = Counter()
        self._timeline = timeline
        self._lines: list[tuple[float, str, str, str]] = []

    def tell(self, subject: str, who: str, text: str) -> None:
        """Note what `who` did about `subject`: an attachment, or the empty text for what concerns all."""
        self._lines.append((self._timeline.now_s, subject, who, text))

    def lines(self) -> list[tuple[float, str, str, str]]:
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
        """A number that two equal runs share."""
        return hash_of(self._lines)


def hash_of(lines: list[tuple[float, str, str, str]]) -> int:
    """A checksum that does not depend on the process."""
    import zlib

    value = 0
    for line in lines:
        value = zlib.crc32(repr(line).encode(), value)
    return value
