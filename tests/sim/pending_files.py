"""The directory in which plugins keep DELs for an agent that is down."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.domain.attachment import AttachmentId


@dataclass(frozen=True)
class Pending:
    """One file, told from a later one of the same name by `version`."""

    attachment: AttachmentId
    version: int


class PendingFiles:
    """The files of one node; they do not outlive its boot."""

    def __init__(self) -> None:
        self._files: dict[AttachmentId, int] = {}
        self._version = 0

    def write(self, attachment: AttachmentId) -> None:
        """A plugin keeps a DEL."""
        self._version += 1
        self._files[attachment] = self._version

    def look(self) -> list[Pending]:
        """All files."""
        return [Pending(attachment, version) for attachment, version in self._files.items()]

    def find(self, attachment: AttachmentId) -> Pending | None:
        """The file of this attachment."""
        version = self._files.get(attachment)
        return None if version is None else Pending(attachment, version)

    def remove(self, pending: Pending) -> None:
        """Its release is durable."""
        if self._files.get(pending.attachment) == pending.version:
            del self._files[pending.attachment]

    def clear(self) -> None:
        """The node has booted."""
        self._files.clear()

    def __len__(self) -> int:
        return len(self._files)
