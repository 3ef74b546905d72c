"""What is known of a network namespace: which one it is, where it lies, what a look at that place shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Inode:
    """A file, told from all others that exist at the same time."""

    device: int
    number: int


@dataclass(frozen=True)
class Namespace:
    """The network namespace of an ADD: the path that the runtime gave, the namespace that lay there."""

    path: str
    inode: Inode


@dataclass(frozen=True)
class Sight:
    """A look at the path of `namespace`: the directory in which it is, what lies there under its name.

    `directory` is None where nothing can be said: it cannot be opened, the entry cannot be read, or it is a link.
    `entry` is None where the directory has no such entry.
    """

    namespace: Namespace
    directory: Inode | None = None
    entry: Inode | None = None
