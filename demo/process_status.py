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
