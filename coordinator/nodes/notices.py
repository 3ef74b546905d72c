"""What people have to know of the agents of a node: one is silent, of another cluster, or there are two of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coordinator.core.alarms import Alarms
from coordinator.core.outbox import Outbox
from coordinator.nodes.sessions import SILENT_S, Session, Sessions
from protocol.wire import messages

Agent = tuple[str, str]
"""A node and a driver."""

ALARM_S: Final = 600.0
"""An alarm about what an agent does is over when it was not seen for so long."""

SILENCE_LOOK_S: Final = 5.0
NAMED_AT_ONCE_MAX: Final = 10
"""Of many agents that fall silent together so many are named."""


class Notices:
    """Opens alarms, and tells agents of them. Looks now and then who is silent."""

    def __init__(self, outbox: Outbox, alarms: Alarms, sessions: Sessions) -> None:
        self._outbox = outbox
        self._alarms = alarms
        self._sessions = sessions
        self._silent: dict[Agent, float] = {}
        """When each was heard last."""
        self._look_s = 0.0

    def expire(self, now_s: float) -> None:
        """Tell who has fallen silent, and who is heard again. An earlier boot of an agent that speaks is none."""
        if now_s < self._look_s:
            return
        self._look_s = now_s + SILENCE_LOOK_S
        heard_s: dict[Agent, float] = {}
        for session in self._sessions:
            agent = session.node, session.driver
            heard_s[agent] = max(session.heard_at_s, heard_s.get(agent, 0.0))
        silent = {agent: at_s for agent, at_s in heard_s.items() if now_s - at_s >= SILENT_S}
        for node, driver in sorted(self._silent.keys() & heard_s.keys() - silent.keys()):
            silent_s = round(heard_s[node, driver] - self._silent[node, driver], 1)
            self._outbox.note("node_heard_again", node=node, driver=driver, silent_s=silent_s)
        news = sorted(silent.keys() - self._silent.keys())
        for node, driver in news[:NAMED_AT_ONCE_MAX]:
            silent_s = round(now_s - silent[node, driver], 1)
            self._outbox.alarm("node_silent", node=node, driver=driver, silent_s=silent_s)
        if len(news) > NAMED_AT_ONCE_MAX:
            self._outbox.alarm("more_nodes_silent", nodes=len(news) - NAMED_AT_ONCE_MAX)
        self._silent = silent

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._look_s if len(self._sessions) else None

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
