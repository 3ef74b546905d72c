"""What people have to know of the agents of a node: that there are two, or that one is of another cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coordinator.core.alarms import Alarms
from coordinator.core.outbox import Outbox
from coordinator.nodes.sessions import Session, Sessions
from protocol.wire import messages

ALARM_S: Final = 600.0
"""An alarm about what an agent does is over when it was not seen for so long."""


class Notices:
    """Opens alarms, and tells agents of them."""

    def __init__(self, outbox: Outbox, alarms: Alarms, sessions: Sessions) -> None:
        self._outbox = outbox
        self._alarms = alarms
        self._sessions = sessions

    def two_agents(self, session: Session, now_s: float) -> None:
        """A journal that another one of its boot and driver had replaced speaks again."""
        text = f"two agents of driver {session.driver} serve node {session.node}: stop one of them"
        self._alarms.open_for(ALARM_S, "two_agents", session.node, text, now_s)
        self._tell([session], messages.NoticeKind.TWO_AGENTS, text)

    def two_machines(self, node: str, now_s: float) -> None:
        """Two boots of a node speak in turn."""
        text = (
            f"two machines use the key of node {node}; give each its own, then: cni-infoblox node replace {node}"
        )
        self._alarms.open("two_machines", node, text, now_s)
        self._tell(self._sessions.of_node(node), messages.NoticeKind.TWO_MACHINES, text)

    def wrong_cluster(self, node: str, theirs: str, ours: str, now_s: float) -> None:
        """An agent declines its welcome, since pods live on its node with addresses of another cluster."""
        text = (
            f"node {node} has addresses of cluster {theirs}: correct its --coordinator, or use --former-cluster-id"
        )
        self._alarms.open_for(ALARM_S, "wrong_cluster", node, text, now_s, theirs=theirs, ours=ours)

    def _tell(self, sessions: Iterable[Session], kind: messages.NoticeKind, text: str) -> None:
        for session in sessions:
            self._outbox.send(session.connection, messages.Notice(id=self._outbox.draw(), kind=kind, text=text))
