"""What a look at the path of a network namespace shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nodeagent.domain.attachment import Namespace

NO_NAMESPACE: Final = 0
"""The inode of an entry that is no network namespace: theirs are never 0."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, told from all others that exist at the same time."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A look at the path of `namespace`: the directory in which it is, what lies there under its name.

    `directory` is None where nothing can be said: it cannot be opened, the entry cannot be read, or it is a link.
    `inode` is that of the namespace that lies there, `NO_NAMESPACE` where something else does, None where nothing
    does.
    """

    namespace: Namespace
    directory: Directory | None = None
    inode: int | None = None


@dataclass(frozen=True, slots=True)
class SeenInterface:
    """An interface inside a network namespace of the node, with its addresses."""

    namespace: Namespace
    ifname: str
    mac: str | None
    addresses: tuple[str, ...]
