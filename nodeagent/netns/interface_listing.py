"""Looks into the network namespaces of the node, a few at a time, so that no ADD waits for all of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import SeenInterface
from nodeagent.netns.interfaces import read_interfaces

NAMESPACES_MAX: Final = 4096
"""Of one node; there are no more pods on it."""

INTERFACES_MAX: Final = 256
"""Of one namespace: who owns it can make any number."""

AT_ONCE: Final = 16
ADDRESSES_MAX: Final = 32

Enter = Callable[[int], None]
"""Takes the thread into the namespace of a descriptor. Raises OSError."""


@dataclass
class Tour:
    """One survey under way. `home` and its like, the namespace of the node itself, are left out."""

    request_id: str
    directories: Sequence[Path]
    interfaces: list[SeenInterface] = field(default_factory=list)
    unreadable: int = 0
    _paths: list[Path] | None = None
    _visited: set[tuple[int, int]] = field(default_factory=set)

    def go_on(self, home: int, enter: Enter) -> bool:
        """Visit the next few namespaces; True when all have been. Raises OSError when there is no way home."""
        if self._paths is None:
            self._paths = list(_paths(self.directories))[:NAMESPACES_MAX]
            self._visited.add(_identity(home))
        batch, self._paths = self._paths[:AT_ONCE], self._paths[AT_ONCE:]
        for path in batch:
            self._visit(path, home, enter)
        return not self._paths

    def _visit(self, path: Path, home: int, enter: Enter) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError:
            self.unreadable += 1
            return
        try:
            if _identity(descriptor) not in self._visited:
                self._visited.add(_identity(descriptor))
                self._look(path, descriptor, home, enter)
        finally:
            os.close(descriptor)

    def _look(self, path: Path, descriptor: int, home: int, enter: Enter) -> None:
        namespace = Namespace(str(path), os.fstat(descriptor).st_ino)
        try:
            enter(descriptor)
        except OSError as error:
            # Other files lie there too; they are not namespaces, or not yet.
            self.unreadable += error.errno != errno.EINVAL
            return
        try:
            found = read_interfaces(namespace, ADDRESSES_MAX)
            self.interfaces += found[:INTERFACES_MAX]
            self.unreadable += len(found) > INTERFACES_MAX
        except OSError:
            self.unreadable += 1
        finally:
            enter(home)


def _paths(directories: Sequence[Path]) -> Iterator[Path]:
    for directory in directories:
        try:
            yield from sorted(directory.iterdir())
        except OSError:
            continue


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
