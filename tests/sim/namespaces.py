"""The directory of a computer's network namespaces, as its agent sees it."""

from __future__ import annotations

from typing import Final

from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.domain.presence import Directory, Sight

DIRECTORY: Final = Directory(9, 1)


class Namespaces:
    """The namespaces of all sandboxes; the numbers of those that are gone come again.

    `sight` is `clear`, or how the mount into the agent's container went wrong: `closed`, `empty`, or `covered` by
    ordinary files.
    """

    def __init__(self, sight: str) -> None:
        self._sight = sight
        self._inodes: dict[str, int] = {}
        self._free: list[int] = []
        self._last = 0

    def make(self, attachment: AttachmentId) -> Namespace:
        """The namespace of a sandbox, a new one unless it is there."""
        path = _path(attachment)
        if path not in self._inodes:
            self._inodes[path] = self._free.pop(0) if len(self._free) > 3 else self._new_number()
        return Namespace(path, self._inodes[path])

    def remove(self, attachment: AttachmentId) -> None:
        """The sandbox is gone."""
        inode = self._inodes.pop(_path(attachment), None)
        if inode is not None:
            self._free.append(inode)

    def clear(self) -> None:
        """The computer has booted."""
        self._inodes.clear()

    def look(self, namespace: Namespace) -> Sight:
        """What the agent sees at that path."""
        inode = self._inodes.get(namespace.path)
        if self._sight == "closed":
            return Sight(namespace, None, None)
        if self._sight == "empty":
            return Sight(namespace, DIRECTORY, None)
        if self._sight == "covered":
            return Sight(namespace, DIRECTORY, None if inode is None else -inode)
        return Sight(namespace, DIRECTORY, inode)

    def _new_number(self) -> int:
        self._last += 1
        return self._last


def _path(attachment: AttachmentId) -> str:
    return f"/run/netns/{attachment.container_id}"
