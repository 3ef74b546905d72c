"""Looks at the paths of network namespaces, without entering them."""

from __future__ import annotations

import os
import stat

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import NO_NAMESPACE, Directory, Sight


def directory_of(status: os.stat_result) -> Directory:
    """The directory of this status."""
    return Directory(status.st_dev, status.st_ino)


def sight_of(namespace: Namespace, nsfs: int) -> Sight:
    """What lies at the path of `namespace` now; namespaces are files of the device `nsfs`."""
    directory_path, name = os.path.split(namespace.path)
    if not os.path.isabs(directory_path) or name in ("", ".", ".."):
        return Sight(namespace)
    try:
        directory = os.open(directory_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return Sight(namespace)
    try:
        return _entry_of(namespace, nsfs, directory, name)
    finally:
        os.close(directory)


def _entry_of(namespace: Namespace, nsfs: int, directory: int, name: str) -> Sight:
    where = directory_of(os.fstat(directory))
    try:
        entry = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return Sight(namespace, where)
    except (OSError, ValueError):
        return Sight(namespace)
    if stat.S_ISLNK(entry.st_mode):
        # Like /proc/PID/ns/net: it goes with a process, not with the namespace.
        return Sight(namespace)
    return Sight(namespace, where, entry.st_ino if entry.st_dev == nsfs else NO_NAMESPACE)
