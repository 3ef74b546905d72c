"""What a process costs: memory and processor time, as the kernel counts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demo.process_status import status_of


@dataclass(frozen=True)
class Usage:
    """One look at a process. Memory is what is resident, now and at most; processor time is of all threads."""

    rss_mb: float
    peak_mb: float
    cpu_s: float


def usage(pid: int) -> Usage:
    """What the process occupies and has used by now."""
    fields = status_of(pid)
    threads = Path(f"/proc/{pid}/task").iterdir()
    cpu_ns = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
    return Usage(_mb(fields["VmRSS"]), _mb(fields["VmHWM"]), cpu_ns / 1e9)


@dataclass(frozen=True)
class Memory:
    """What is resident, and what of it no other process has mapped."""

    rss_mb: float
    unique_mb: float


def memory(pid: int) -> Memory:
    """What the process occupies, by its pages."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = dict(line.split(":", 1) for line in lines)
    return Memory(_mb(fields["Rss"]), _mb(fields["Private_Clean"]) + _mb(fields["Private_Dirty"]))


def _mb(text: str) -> float:
    return int(text.split()[0]) * 1024 / 1e6
