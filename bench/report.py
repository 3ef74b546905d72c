"""Prints the lines of a report."""

from __future__ import annotations


def say(text: str) -> None:
    """One line of the report."""
    print(text, flush=True)
