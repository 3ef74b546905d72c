"""Looks at the paths of network namespaces, without entering them."""

from __future__ import annotations

import os
import stat

from nodeagent.namespaces import Inode, Namespace, Sight


def inode_of(status: os.stat_result) -> Inode:
    """The file of this status."""
    return Inode(status.st_dev, status.st_ino)


def sight_of(namespace: Namespace) -> Sight:
    """What lies at the path of `namespace` now."""
    directory_path, name = os.path.split(namespace.path)
    if not os.path.isabs(directory_path) or name in ("", ".", ".."):
        return Sight(namespace)
    try:
        directory = os.open(directory_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return Sight(namespace)
    try:
        return _entry_of(namespace, directory, name)
    finally:
        os.close(directory)


def _entry_of(namespace: Namespace, directory: int, name: str) -> Sight:
    where = inode_of(os.fstat(directory))
    try:
        entry = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return Sight(namespace, where)
    except (OSError, ValueError):
        return Sight(namespace)
    if stat.S_ISLNK(entry.st_mode):
        # Like /proc/PID/ns/net: it goes with a process, not with the namespace.
        return Sight(namespace)
    return Sight(namespace, where, inode_of(entry))
