"""Tells people how the agent is, as one status."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nodeagent.cni.pending import PendingDeletes
from nodeagent.cni.server import UnixServer
from nodeagent.switchboard import Machines
from protocol.status import AgentStatus, AttachmentCounts


@dataclass(frozen=True)
class Identity:
    """What does not change while the process lives."""

    node: str
    release: str
    boot_id: str
    journal_id: str


def starting(identity: Identity) -> AgentStatus:
    """The status before there is anything to tell."""
    return AgentStatus(
        node=identity.node,
        release=identity.release,
        boot_id=identity.boot_id,
        journal_id=identity.journal_id,
        unready="the journal is being opened",
        socket_open=False,
        reached_since_start=False,
        connected=False,
        why_not_connected="no connection was tried yet",
        heard_s_ago=None,
        attachments=AttachmentCounts(asked=0, held=0, releasing=0, released=0),
        namespaces={},
        releases_waiting=0,
        pending_files=0,
        plugin_connections=0,
        damaged_journal=None,
    )


@dataclass(frozen=True)
class Reporter:
    """Reads machines and drivers, changes nothing."""

    identity: Identity
    machines: Machines
    server: UnixServer
    pending: PendingDeletes
    damaged_journal: Path

    def status(self, now_s: float, *, has_reached: bool) -> AgentStatus:
        """All of it, at this moment; `has_reached`: the coordinator, since this process began."""
        link, attachments = self.machines.link, self.machines.attachments
        silent_s = link.seconds_silent(now_s)
        return AgentStatus(
            node=self.identity.node,
            release=self.identity.release,
            boot_id=self.identity.boot_id,
            journal_id=self.identity.journal_id,
            unready=self._unready(has_reached=has_reached),
            socket_open=self.server.is_open,
            reached_since_start=has_reached,
            connected=link.is_up,
            why_not_connected=link.trouble,
            heard_s_ago=None if silent_s is None else round(silent_s, 1),
            attachments=AttachmentCounts.model_validate(attachments.count_by_state()),
            namespaces=attachments.count_by_namespace(),
            releases_waiting=self.machines.releases.count(),
            pending_files=self.pending.count(),
            plugin_connections=self.server.count(),
            damaged_journal=str(self.damaged_journal) if self.damaged_journal.exists() else None,
        )

    def _unready(self, *, has_reached: bool) -> str | None:
        if not self.server.is_open:
            return "the plugin's socket is not open"
        if not has_reached:
            return f"the coordinator was not reached since start: {self.machines.link.trouble}"
        return None
