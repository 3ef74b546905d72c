"""Answers `replace_node`: a person says that all boots of a node are over but one, and what they have left goes.

The one that stays is the connected agent's, which has to answer a probe that is younger than the command: its
connection may be a dead boot's. Where that leaves a doubt, the person has to name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coordinator.admin.events import turned_down
from coordinator.admin.probes import Probes
from coordinator.allocation.parts import Parts
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Session
from coordinator.sweep.verdict import boot_of
from protocol.admin.messages import PAGE_ITEMS_MAX, AdminAnswer, EndedBoot, NodeReplaced, ReplaceNode
from protocol.wire.allocation_id import hash_node

PROBE_S: Final = 10.0
"""How long the connected agent may take to answer."""


@dataclass(frozen=True)
class _Asked:
    request: ReplaceNode
    kept: Boot
    known: list[Boot]
    deadline_s: float


class Replacements:
    """All commands that replace a node. `over` ends boots of a node: what they have left is deleted."""

    def __init__(
        self,
        parts: Parts,
        boots: Boots,
        probes: Probes,
        over: Callable[[str, list[Boot], float], None],
        tell: Callable[[int, AdminAnswer], None],
    ) -> None:
        self._parts = parts
        self._boots = boots
        self._probes = probes
        self._over = over
        self._tell = tell
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: ReplaceNode, now_s: float) -> None:
        """Find the boot that stays, and ask it for a sign of life."""
        if not self._parts.index.is_complete:
            self._turn_down(ticket, request, "the grid is not listed yet", "Ask again in a moment.")
            return
        node = request.node
        for seen in self._parts.index.of_node(hash_node(node)):
            self._boots.saw(node, boot_of(seen), now_s)
        known = self._boots.of(node)
        sessions = [each for each in self._parts.sessions.of_node(node) if not each.is_silent(now_s)]
        if not known:
            self._turn_down(ticket, request, f"nothing is known of a node {node}", "See 'cni-infoblox status'.")
        elif request.boot:
            self._begin_named(ticket, request, known, now_s)
        elif why := self._why_in_doubt(node, sessions):
            details = f"Name the boot that stays: --boot {' or '.join(sorted({each.boot for each in known}))}. "
            told = "It is the first 8 digits that 'cni-infoblox status' shows, or the node's /proc boot ID."
            self._turn_down(ticket, request, f"which boot of {node} stays is not clear: {why}", details + told)
        else:
            self._probe(ticket, request, sessions, known, now_s)

    def leave(self, ticket: int) -> None:
        """Nobody waits any more: what was not answered yet is not done."""
        self._asked.pop(ticket, None)

    def expire(self, now_s: float) -> None:
        """Turn down what no agent has answered in time."""
        for ticket, asked in list(self._asked.items()):
            if now_s >= asked.deadline_s:
                msg = f"the agent of {asked.request.node} does not answer"
                self._turn_down(
                    ticket, asked.request, msg, "Nothing was changed; name the boot that stays by --boot."
                )

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((each.deadline_s for each in self._asked.values()), default=None)

    def _why_in_doubt(self, node: str, sessions: list[Session]) -> str:
        connected = {Boot.of(each.owner) for each in sessions}
        if not connected:
            return "no agent of it is connected"
        if len(connected) > 1:
            return "two of them are connected"
        if self._boots.has_two_machines(node):
            return "two machines use its key"
        if self._boots.has_heard_another(node, next(iter(connected))):
            return "another one was heard since this coordinator began"
        return "this coordinator does not hear all nodes (--several)" if self._parts.policy.several else ""

    def _begin_named(self, ticket: int, request: ReplaceNode, known: list[Boot], now_s: float) -> None:
        named = [each for each in known if each.boot == request.boot]
        if len(named) != 1:
            boots = ", ".join(sorted({each.boot for each in known}))
            self._turn_down(
                ticket, request, f"no boot {request.boot} of {request.node} is known", f"Known: {boots}."
            )
            return
        self._replace(ticket, request, named[0], known, now_s)

    def _probe(
        self, ticket: int, request: ReplaceNode, sessions: list[Session], known: list[Boot], now_s: float
    ) -> None:
        kept = Boot.of(sessions[0].owner)
        asked = self._asked[ticket] = _Asked(request, kept, known, now_s + PROBE_S)
        for session in sessions:
            self._probes.ask(session, lambda at_s: self._answered(ticket, asked, at_s))

    def _answered(self, ticket: int, asked: _Asked, now_s: float) -> None:
        if self._asked.get(ticket) is not asked:
            return
        self.leave(ticket)
        if self._boots.has_heard_another(asked.request.node, asked.kept):
            msg = f"another boot of {asked.request.node} was heard meanwhile"
            self._turn_down(ticket, asked.request, msg, "Name the boot that stays by --boot.")
            return
        self._replace(ticket, asked.request, asked.kept, asked.known, now_s)

    def _replace(self, ticket: int, request: ReplaceNode, kept: Boot, known: list[Boot], now_s: float) -> None:
        objects = Counter(boot_of(seen) for seen in self._parts.index.of_node(hash_node(request.node)))
        over = self._boots.replaced(request.node, kept, known)
        self._parts.alarms.close("two_machines", request.node)
        self._parts.outbox.alarm(
            "node_replaced", node=request.node, kept=kept.boot, over=", ".join(each.boot for each in over)
        )
        self._over(request.node, over, now_s)
        rows = [EndedBoot(machine=each.machine, boot=each.boot, allocations=objects[each]) for each in over]
        answer = NodeReplaced(id=request.id, node=request.node, kept=kept.boot, over=rows[:PAGE_ITEMS_MAX])
        self._tell(ticket, answer)

    def _turn_down(self, ticket: int, request: ReplaceNode, msg: str, details: str) -> None:
        self.leave(ticket)
        self._tell(ticket, turned_down(request.id, msg, details))
