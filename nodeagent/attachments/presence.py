"""Judges by what was seen which network namespaces are gone.

An empty directory proves nothing: one that was not mounted into the agent's container looks the same. A directory
is believed once a namespace of the journal was seen in it, by this process and in that very directory. What is
missing there is gone. Where something else lies, the namespace is gone only if it was seen there before, since a
mount that does not reach the container leaves an ordinary file in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import Directory, Sight


class Verdict(StrEnum):
    """What became of a namespace."""

    PRESENT = "present"
    GONE = "gone"
    UNKNOWN = "unknown"


BELIEVED_MAX: Final = 64
"""More directories than that are believed no more, the one first in which nothing was seen for longest."""


class Presence:
    """What was seen since the agent started."""

    def __init__(self) -> None:
        self._believed: dict[Directory, None] = {}
        self._seen_in: dict[Namespace, Directory] = {}
        self._verdicts: dict[Namespace, Verdict] = {}

    @property
    def is_any_believed(self) -> bool:
        """Whether any directory is believed."""
        return bool(self._believed)

    def judge(self, sights: Sequence[Sight]) -> dict[Namespace, Verdict]:
        """The verdict on each namespace; what one sight shows counts for the others of the same look."""
        for sight in sights:
            if sight.directory and sight.inode == sight.namespace.inode:
                self._believe(sight.directory)
                self._seen_in[sight.namespace] = sight.directory
        verdicts = {sight.namespace: self._verdict(sight) for sight in sights}
        self._verdicts.update(verdicts)
        return verdicts

    def keep(self, namespaces: Iterable[Namespace]) -> None:
        """Forget all namespaces but these."""
        kept = set(namespaces)
        self._seen_in = {each: directory for each, directory in self._seen_in.items() if each in kept}
        self._verdicts = {each: verdict for each, verdict in self._verdicts.items() if each in kept}

    def count(self) -> dict[str, int]:
        """How many namespaces got each verdict when they were looked at last."""
        verdicts = Counter(self._verdicts.values())
        return {verdict.value: verdicts[verdict] for verdict in Verdict}

    def _believe(self, directory: Directory) -> None:
        self._believed.pop(directory, None)
        self._believed[directory] = None
        if len(self._believed) > BELIEVED_MAX:
            del self._believed[next(iter(self._believed))]

    def _verdict(self, sight: Sight) -> Verdict:
        if sight.directory is None:
            return Verdict.UNKNOWN
        if sight.inode == sight.namespace.inode:
            return Verdict.PRESENT
        was_here = self._seen_in.get(sight.namespace) == sight.directory
        if was_here or (sight.inode is None and sight.directory in self._believed):
            return Verdict.GONE
        return Verdict.UNKNOWN
