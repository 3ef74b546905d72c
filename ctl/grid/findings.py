"""What `grid check` finds: one row for each thing that it looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How something is."""

    RIGHT = "right"
    NOTE = "note"
    """It works; somebody should know it all the same."""
    WRONG = "wrong"
    """Pods get no addresses, or wrong ones, until it is mended."""
    UNKNOWN = "not checked"


@dataclass(frozen=True)
class Finding:
    """`subject` is what was looked at, `found` how it is, `remedy` how to mend it."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def right(subject: str, found: str) -> Finding:
    """It is as it must be."""
    return Finding(subject, Verdict.RIGHT, found)


def note(subject: str, found: str, remedy: str = "") -> Finding:
    """It works, with a drawback."""
    return Finding(subject, Verdict.NOTE, found, remedy)


def wrong(subject: str, found: str, remedy: str) -> Finding:
    """It has to be mended."""
    return Finding(subject, Verdict.WRONG, found, remedy)


def unknown(subject: str, found: str, remedy: str = "") -> Finding:
    """It was not looked at, or the grid does not tell."""
    return Finding(subject, Verdict.UNKNOWN, found, remedy)


def table(findings: Sequence[Finding]) -> list[str]:
    """The findings as lines for people; remedies are below what they are for."""
    width = max(len(each.subject) for each in findings)
    lines = []
    for each in findings:
        lines.append(f"{each.verdict.value:<11}  {each.subject:<{width}}  {each.found}".rstrip())
        lines += [f"{'':<11}  {'':<{width}}  -> {each.remedy}"] if each.remedy else []
    wrong_ones = sum(each.verdict is Verdict.WRONG for each in findings)
    return [*lines, f"{len(findings)} looked at, {wrong_ones} wrong"]


def document(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """The findings for programs."""
    return [{name: str(value) for name, value in asdict(each).items()} for each in findings]
