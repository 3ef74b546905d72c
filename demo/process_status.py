"""What the kernel tells of a process, by the names of /proc/PID/status."""

from __future__ import annotations

from pathlib import Path


def status_of(pid: int) -> dict[str, str]:
    """All fields; memory is in kB, with that unit behind the number."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def resident_kb(pid: int) -> int:
    """The resident memory."""
    return int(status_of(pid)["VmRSS"].split()[0])


def peak_kb(pid: int) -> int:
    """The most resident memory that the process has had."""
    return int(status_of(pid)["VmHWM"].split()[0])
