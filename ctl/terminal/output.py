"""How a subcommand writes what it has found or done: lines for people, or JSON for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

TEXT: Final = "text"
JSON: Final = "json"


def add_argument(parser: argparse.ArgumentParser, formats: tuple[str, ...] = (TEXT, JSON)) -> None:
    """Declare the flag that chooses the format; the first one is the default."""
    parser.add_argument(
        "-o",
        "--output",
        choices=formats,
        default=formats[0],
        help=f"how to write it: {', '.join(formats)} (%(default)s)",
    )


def json_text(document: object) -> str:
    """A document as people can read it, too."""
    return json.dumps(document, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Output:
    """Standard output in one format. What a command asks is one document, what it does is an object a line."""

    format: str

    def show(self, document: Mapping[str, Any], lines: Iterable[str]) -> None:
        """What was found: `document` for programs, `lines` for people."""
        if self.format == JSON:
            print(json_text(document))
            return
        for line in lines:
            print(line)

    def did(self, text: str, action: str, **facts: Any) -> None:
        """Something was done, or was there already: told at once, since the next thing may take its time."""
        print(json.dumps({"action": action, **facts}) if self.format == JSON else text, flush=True)
