"""Runs one search: spin writes the verifier, the compiler builds it, and its report is read."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEMORY_LIMIT_MB: Final = 2000
DEPTH_LIMIT: Final = 20_000
REST: Final = "comes_to_rest"
_REST_CLAIM: Final = Path(__file__).with_name("rest.never")
_COMPILE: Final = ("gcc", "-w", "-O1", f"-DMEMLIM={MEMORY_LIMIT_MB}", "-o", "pan", "pan.c")
_SEARCH: Final = ("./pan", f"-m{DEPTH_LIMIT}")

_STORED = re.compile(r"^\s*(\d+) states, stored", re.MULTILINE)
_DEPTH = re.compile(r"depth reached (\d+), errors: (\d+)")
_MEMORY = re.compile(r"^\s*([\d.]+)\s+total actual memory usage", re.MULTILINE)
_SECONDS = re.compile(r"^pan: elapsed time ([\d.e+-]+) seconds", re.MULTILINE)
_VIOLATED = re.compile(r"assertion violated (.+?) \(at depth \d+\)")
_PROCESS = re.compile(r"^unreached in (?:proctype )?(\w+)")
_UNREACHED = re.compile(r"^\s+[^\s:]+:(\d+), state \d+, \"(.*)\"$")
_INCOMPLETE = (
    "max search depth too small",
    "out of memory",
    "reached -DMEMLIM bound",
    "Search not completed",
    "hash table is full",
)


class SpinError(Exception):
    """spin, the compiler or the verifier could not do its work."""


@dataclass(frozen=True)
class Report:
    """What a search found. Memory is in MB; `unreached` are lines of the model that no state has executed."""

    states: int
    depth: int
    seconds: float
    memory_mb: float
    violated: str | None
    complete: bool
    unreached: frozenset[int]


def search(model: Path, flags: tuple[str, ...]) -> Report:
    """Search all states of the model with these definitions (`-DNAME=VALUE`); raises SpinError."""
    with tempfile.TemporaryDirectory(prefix="spec-") as directory:
        _call(("spin", "-a", *flags, str(model.resolve())), directory)
        _call((*_COMPILE, "-DSAFETY"), directory)
        return parse(_call(_SEARCH, directory))


def search_endless(model: Path, flags: tuple[str, ...]) -> Report:
    """Search for a run that goes on for ever once it is quiet: it breaks `comes_to_rest`; raises SpinError."""
    with tempfile.TemporaryDirectory(prefix="spec-") as directory:
        _call(("spin", "-a", "-N", str(_REST_CLAIM.resolve()), *flags, str(model.resolve())), directory)
        _call((*_COMPILE, "-DNOSTUTTER"), directory)
        return parse(_call((*_SEARCH, "-a"), directory))


def parse(text: str) -> Report:
    """Read the verifier's output; raises SpinError where it is no report."""
    stored, depth, memory, seconds = (pattern.search(text) for pattern in (_STORED, _DEPTH, _MEMORY, _SECONDS))
    if not stored or not depth or not memory:
        raise SpinError(f"the verifier wrote no report:\n{text[-2000:]}")
    return Report(
        states=int(stored[1]),
        depth=int(depth[1]),
        seconds=float(seconds[1]) if seconds else 0.0,
        memory_mb=float(memory[1]),
        violated=_violated(text, errors=int(depth[2])),
        complete=not any(sign in text for sign in _INCOMPLETE),
        unreached=_unreached(text),
    )


def _violated(text: str, *, errors: int) -> str | None:
    if found := _VIOLATED.search(text):
        return found[1]
    if "acceptance cycle (at" in text:
        return REST
    return "invalid end state" if errors else None


def _unreached(text: str) -> frozenset[int]:
    """Lines that were not executed; those of the process `Properties` are meant never to be."""
    lines: set[int] = set()
    process = ""
    for line in text.splitlines():
        if found := _PROCESS.match(line):
            process = found[1]
        elif process != "Properties" and (found := _UNREACHED.match(line)) and found[2] != "-end-":
            lines.add(int(found[1]))
    return frozenset(lines)


def _call(command: tuple[str, ...], directory: str) -> str:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SpinError(f"{command[0]} is missing: install it, or run 'make model'") from error
    if done.returncode and command[0] != _SEARCH[0]:
        raise SpinError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout + done.stderr
