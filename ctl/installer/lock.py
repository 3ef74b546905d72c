"""Lets one installer at a time look after a plugin."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctl.failures import Failed


def lock_of(plugin: Path) -> Path:
    """The hidden file beside a plugin that is locked while somebody looks after it."""
    return plugin.parent / f".{plugin.name}.lock"


@contextmanager
def only_one(plugin: Path) -> Iterator[None]:
    """Keep every other installer of this plugin away. Raises `Failed` where one is at work."""
    path = lock_of(plugin)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        remedy = "end it first (in Kubernetes: delete the DaemonSet cni-infoblox-plugin)"
        raise Failed(f"{path}: an installer looks after {plugin} already; {remedy}") from None
    try:
        yield
    finally:
        os.close(descriptor)
