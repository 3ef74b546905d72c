"""Plays the stories of `scenarios/`, one line after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.sim.lives import Violation
from tests.sim.stage import Stage

SCENARIOS: Final = Path(__file__).parent / "scenarios"


def stories() -> list[Path]:
    """All of them, by name."""
    return sorted(SCENARIOS.glob("*.txt"))


def play(path: Path) -> None:
    """Perform a story. Raises `Violation` with the line that does not hold, and with what happened before."""
    stage = Stage()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            stage.perform(words)
        except Violation as violation:
            told = "\n".join(
                f"{time_s:9.3f}  {who:<16} {text}" for time_s, _, who, text in stage.world.story.lines()
            )
            raise Violation(f"{path.stem}, line {number}, {line}: {violation}\n{told}") from None
