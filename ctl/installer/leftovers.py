"""What of a node still needs plugin or agent: addresses in the journal, deletes that the plugin wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests
from pydantic import BaseModel

from ctl import pages


class Counts(BaseModel):
    """Allocations by state, in which each one still has work to come."""

    asked: int
    ready: int
    held: int
    adopted: int
    lost: int
    let_go: int


class Counted(BaseModel):
    """What the agent must say for its counts to be believed; nothing has a default here."""

    socket_open: Literal[True]
    allocations: Counts


@dataclass(frozen=True)
class Left:
    """What is left at one moment. `allocations` are None where the agent does not tell."""

    allocations: Mapping[str, int] | None
    pending_files: int
    why_unknown: str | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all has gone."""
        return self.allocations is not None and not any((self.pending_files, *self.allocations.values()))

    def __str__(self) -> str:
        pending = f"{self.pending_files} pending deletes"
        if self.allocations is None:
            return f"addresses unknown (the node's agent at {self.why_unknown}), {pending}"
        told = (f"{count} {state.replace('_', ' ')}" for state, count in self.allocations.items() if count)
        return ", ".join([*told, pending])


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
    return Left(counted.allocations.model_dump(), pending_files)
