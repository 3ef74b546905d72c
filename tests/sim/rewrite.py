"""Plays the scenario files; as a command it writes their transcripts anew, to be read before a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.sim.stage import Stage

SCENARIOS: Final = Path(__file__).parent / "scenarios"
MARGIN: Final = "        | "


def played(script: str) -> str:
    """The script with what happens after each command; comments and empty lines stay, old transcripts go."""
    stage, lines = Stage(), []
    for line in script.splitlines():
        if line.startswith(MARGIN):
            continue
        lines.append(line)
        words = line.partition("#")[0].split()
        if words:
            stage.perform(words)
            lines += [MARGIN + told for told in stage.transcript()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every file anew."""
    for path in sorted(SCENARIOS.glob("*.txt")):
        path.write_text(played(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
