"""What the agent says about itself to people, frozen so that any thread may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Snapshot:
    """The agent at one moment."""

    node: str
    release: str
    boot_id: str
    journal_id: str
    socket_open: bool = False
    reached_since_start: bool = False
    connected: bool = False
    why_not_connected: str | None = None
    seconds_since_heard: float | None = None
    attachments: Mapping[str, int] = field(default_factory=dict)
    namespaces: Mapping[str, int] = field(default_factory=dict)
    releases_waiting: int = 0
    pending_files: int = 0
    plugin_connections: int = 0

    def unready(self) -> str | None:
        """Why the agent is not ready, None when it is."""
        if not self.socket_open:
            return "the plugin's socket is not open"
        if not self.reached_since_start:
            return f"the coordinator was not reached since start: {self.why_not_connected}"
        return None

    def as_fields(self) -> dict[str, object]:
        """The snapshot as JSON wants it."""
        return asdict(self)
