"""What of a node still needs plugin or agent: attachments in the journal, deletes that the plugin wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests
from pydantic import BaseModel

from ctl import pages


class Counts(BaseModel):
    """Attachments by state, in which each one still has work to come."""

    asked: int
    held: int
    releasing: int


class Counted(BaseModel):
    """What the agent must say for its counts to be believed; nothing has a default here."""

    socket_open: Literal[True]
    attachments: Counts


@dataclass(frozen=True)
class Left:
    """What is left at one moment. `attachments` are None where the agent does not tell."""

    attachments: Mapping[str, int] | None
    pending_files: int
    why_unknown: str | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all has gone."""
        return self.attachments is not None and not any((self.pending_files, *self.attachments.values()))

    def __str__(self) -> str:
        pending = f"{self.pending_files} pending deletes"
        if self.attachments is None:
            return f"attachments unknown (the node's agent at {self.why_unknown}), {pending}"
        return ", ".join([*(f"{count} {state}" for state, count in self.attachments.items()), pending])


def look(session: requests.Session, agent_url: str, pending_dir: Path) -> Left:
    """What is left now."""
    try:
        pending_files = sum(not path.name.startswith(".") for path in pending_dir.iterdir())
    except FileNotFoundError:
        pending_files = 0
    try:
        counted = pages.ask(session, agent_url, Counted)
    except pages.NoStatus as problem:
        return Left(None, pending_files, f"{agent_url}: {problem}")
    return Left(counted.attachments.model_dump(), pending_files)
