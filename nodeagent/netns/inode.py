"""Tells which network namespace an open descriptor is of, if it is of one."""

from __future__ import annotations

import fcntl
import os
from typing import Final

from nodeagent.domain.presence import NO_NAMESPACE

_NS_GET_NSTYPE: Final = 0xB703
_CLONE_NEWNET: Final = 0x40000000


def inode_of(descriptor: int) -> int:
    """The inode of its network namespace, `NO_NAMESPACE` where it is something else."""
    try:
        kind = fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    except OSError:
        return NO_NAMESPACE
    return os.fstat(descriptor).st_ino if kind == _CLONE_NEWNET else NO_NAMESPACE
