"""Tells people how the agent is, as one status."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nodeagent.cni.pending import PendingDeletes
from nodeagent.cni.server import UnixServer
from nodeagent.domain.allocation import State
from nodeagent.journal.contents import Identity
from nodeagent.journal.rows import Rows
from nodeagent.machine import Machine
from protocol.wire.allocation_id import hash_boot
from protocol.wire.status import AgentStatus, AllocationCounts, ReserveStatus


def starting(identity: Identity, release: str) -> AgentStatus:
    """The status before there is anything to tell."""
    return AgentStatus(
        node=identity.node,
        driver=identity.driver,
        release=release,
        machine=identity.machine,
        boot=hash_boot(identity.boot_id),
        journal="",
        cluster_id=None,
        unready="the journal is being opened",
        socket_open=False,
        connected=False,
        why_not_connected="no connection was tried yet",
        heard_s_ago=None,
        allocations=AllocationCounts(asked=0, ready=0, held=0, adopted=0, let_go=0, lost=0),
        reserve=(),
        pending_files=0,
        plugin_connections=0,
    )


@dataclass(frozen=True)
class Reporter:
    """Reads the machine and the drivers, changes nothing."""

    release: str
    server: UnixServer
    pending: PendingDeletes
    damaged_journal: Path

    def status(self, machine: Machine, rows: Rows, now_s: float, unready: str | None) -> AgentStatus:
        """All of it, at this moment; `unready`: why the node cannot serve, by what the loop knows."""
        session, identity = machine.session, rows.identity
        silent_s = session.seconds_silent(now_s)
        return AgentStatus(
            node=identity.node,
            driver=identity.driver,
            release=self.release,
            machine=identity.machine,
            boot=hash_boot(identity.boot_id),
            journal=identity.journal,
            cluster_id=identity.cluster,
            unready=unready,
            socket_open=self.server.is_open,
            connected=session.is_up,
            why_not_connected=session.trouble,
            heard_s_ago=None if silent_s is None else round(silent_s, 1),
            allocations=AllocationCounts.model_validate(machine.attachments.count_by_state()),
            reserve=tuple(
                ReserveStatus(network=network.name, subnet=network.subnet or "", wanted=wanted, ready=ready)
                for network, (wanted, ready) in machine.attachments.count_reserve().items()
            ),
            pending_files=self.pending.count(),
            oldest_pending_s=round(self.pending.oldest_s(), 1),
            oldest_let_go_s=round(_oldest_let_go_s(rows, now_s), 1),
            unlabelled=len(rows.unlabelled()),
            plugin_connections=self.server.count(),
            coordinator=session.coordinator,
            journal_trouble=machine.journal_trouble,
            damaged_journal=str(self.damaged_journal) if self.damaged_journal.exists() else None,
            notices=session.notices,
            namespaces=machine.attachments.count_by_namespace(),
        )


def _oldest_let_go_s(rows: Rows, now_s: float) -> float:
    """How long what was let go first has waited to be gone from the grid; 0 where nothing waits."""
    return max((now_s - row.let_go_s for row in rows.in_state(State.LET_GO)), default=0.0)
