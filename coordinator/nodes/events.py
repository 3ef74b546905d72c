"""What the agents' port tells the machine."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.wire.messages import ToCoordinator


@dataclass(frozen=True)
class Received:
    """A message of a node, on a connection that its key has opened."""

    node: str
    connection: bytes
    message: ToCoordinator
    now_s: float
