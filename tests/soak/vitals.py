"""Descriptors, threads and memory of a process."""

from __future__ import annotations

import os
from dataclasses import dataclass

from demo.process_status import resident_kb, status_of


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
    return Vitals(len(os.listdir(f"/proc/{pid}/fd")), int(status_of(pid)["Threads"]), resident_kb(pid))
