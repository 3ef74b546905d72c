"""The directory of a node's network namespaces, and what the agent sees of it from inside its container."""

from __future__ import annotations

from typing import Final

from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.domain.presence import NO_NAMESPACE, Directory, Sight

CONTAINER_FS: Final = 9


class NetnsDirectory:
    """`sight` is `clear`, or how the mount went wrong: `closed`, `empty`, or `covered` by ordinary files."""

    def __init__(self, sight: str) -> None:
        self.sight = sight
        self._entries: dict[str, int] = {}
        self._free: list[int] = []
        self._last = 0

    def make(self, attachment: AttachmentId) -> Namespace:
        """The namespace of a new sandbox; numbers of those that are gone come again."""
        path = _path(attachment)
        if path not in self._entries:
            self._entries[path] = self._free.pop() if self._free else self._new_number()
        return Namespace(path, self._entries[path])

    def remove(self, attachment: AttachmentId) -> None:
        """The sandbox is gone."""
        gone = self._entries.pop(_path(attachment), None)
        if gone:
            self._free.append(gone)

    def clear(self) -> None:
        """The node has booted."""
        self._entries.clear()

    def look(self, namespace: Namespace) -> Sight:
        """What the agent sees at that path."""
        if self.sight == "closed":
            return Sight(namespace)
        entry = self._entries.get(namespace.path)
        if self.sight == "empty":
            entry = None
        elif self.sight == "covered" and entry:
            entry = NO_NAMESPACE
        return Sight(namespace, Directory(CONTAINER_FS, 1), entry)

    def _new_number(self) -> int:
        self._last += 1
        return self._last


def _path(attachment: AttachmentId) -> str:
    return f"/run/netns/{attachment.container_id}"
