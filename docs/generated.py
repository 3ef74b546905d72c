"""Writes a page that is made from the code, or says with --check whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path


def keep(page: Path, text: str, source: str) -> int:
    """The exit code. `source` is what the text was made from, for the complaint."""
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"docs/{page.name} is not what {source}: run 'make docs'\n")
    return 1
