"""Descriptors, threads and memory of a process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vitals:
    """One look at a process; memory is what is resident."""

    descriptors: int
    threads: int
    memory_kb: int

    def __str__(self) -> str:
        return f"{self.descriptors} descriptors, {self.threads} threads, {self.memory_kb / 1024:.1f} MB"


def vitals(pid: int) -> Vitals:
    """What a process has open, runs and occupies by now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    memory_kb = int(fields["VmRSS"].split()[0])
    return Vitals(len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"]), memory_kb)
