"""How many files and connections the process may have open, and what it does where there are no more."""

from __future__ import annotations

import errno
import resource
import sys
from typing import Final

DESCRIPTORS_KEPT: Final = 128
"""Kept free of peers' connections, for files, the grid and the ports of people."""

ACCEPT_PAUSE_S: Final = 1.0
"""How long nobody is accepted after it failed for want of a descriptor: else it fails again at once, for ever."""

BOUND: Final = "descriptors"
"""The name under which such failures are counted."""

_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def raise_limit() -> int:
    """Raise the limit on open descriptors to what the system allows; returns the limit that holds now."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def for_connections(limit: int) -> int:
    """How many descriptors peers may occupy when so many may be open in all."""
    return limit - min(DESCRIPTORS_KEPT, limit // 2)


def is_shortage(error: OSError) -> bool:
    """Whether `accept` failed because process or system has no descriptor or memory left."""
    return error.errno in _SHORTAGES
