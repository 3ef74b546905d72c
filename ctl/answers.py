"""What the daemons' `/status` pages tell, as far as people want to see it.

Every field may be absent: a daemon of another release says more or less than this one knows.
"""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, Field


class Attachments(BaseModel):
    """How many attachments of a node are in which state."""

    asked: int = 0
    held: int = 0
    releasing: int = 0


class Agent(BaseModel):
    """One node's agent."""

    node: str = "?"
    release: str = "?"
    connected: bool = False
    why_not_connected: str | None = None
    heard_s_ago: float | None = Field(
        default=None, validation_alias=AliasChoices("heard_s_ago", "seconds_since_heard")
    )
    attachments: Attachments = Field(default_factory=Attachments)
    pending_files: int = 0


class Node(BaseModel):
    """A node as the coordinator sees it; `connected_s` is absent while it is not connected."""

    node: str = "?"
    connected_s: float | None = None
    attachments: int = 0


class Grid(BaseModel):
    """What the coordinator knows about the grid."""

    state: str = "?"
    reason: str | None = None
    calls: int = 0
    mode: str | None = None


class Network(BaseModel):
    """A network with allocations of this cluster."""

    view: str = "?"
    subnet: str = "?"
    allocations: int = 0


class Coordinator(BaseModel):
    """The cluster's coordinator."""

    cluster: str = "?"
    release: str = "?"
    nodes: list[Node] = Field(default_factory=list)
    allocations: int = 0
    releases_waiting: int = 0
    grid: Grid = Field(default_factory=Grid)
    networks: list[Network] = Field(default_factory=list)
