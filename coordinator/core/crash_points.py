"""The named points at which a test can stop this process for good."""

from __future__ import annotations

from collections.abc import Callable

OnCrashPoint = Callable[[str], None]

CRASH_POINTS = (
    "message:hello:received",
    "message:claims:received",
    "message:allocate:received",
    "message:label:received",
    "message:let_go:received",
    "wapi:search:before",
    "wapi:search:after",
    "wapi:create:before",
    "wapi:create:after",
    "wapi:update:before",
    "wapi:update:after",
    "wapi:delete:before",
    "wapi:delete:after",
    "message:allocated:before",
    "message:allocated:after",
    "message:labelled:before",
    "message:labelled:after",
    "message:gone:before",
    "message:gone:after",
)


def no_crash(name: str) -> None:
    """What production passes."""
