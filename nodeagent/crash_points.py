"""The named points at which a test can stop this process for good.

Drivers call `on_crash_point(name)` right before and right after whatever a crash could tear apart. In production
the function does nothing. A test passes one that kills its own process, so that every place is tried without
timing.
"""

from __future__ import annotations

from collections.abc import Callable

OnCrashPoint = Callable[[str], None]

CRASH_POINTS = (
    "journal:ready:before",
    "journal:ready:after",
    "journal:held:before",
    "journal:held:after",
    "journal:let_go:before",
    "journal:let_go:after",
    "wire:hello:before",
    "wire:hello:after",
    "wire:claims:before",
    "wire:claims:after",
    "wire:allocate:before",
    "wire:allocate:after",
    "wire:allocated:received",
    "wire:label:before",
    "wire:label:after",
    "wire:let_go:before",
    "wire:let_go:after",
    "wire:gone:received",
    "plugin:answer:before",
    "plugin:answer:after",
    "pending:removed:before",
    "pending:removed:after",
)


def no_crash(name: str) -> None:
    """What production passes."""
