"""Lets go what the runtime forgot: allocations whose network namespace is gone.

Every half minute all namespaces of the journal are looked at; the allocations of one that is gone twice in a row
are let go. An ADD has those of the same pod and interface looked at at once: a sandbox was recreated. A GC has
those looked at that the runtime does not list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from nodeagent.attachments.node import Node
from nodeagent.attachments.presence import Presence, Verdict
from nodeagent.domain.allocation import IN_USE, Allocation, Label
from nodeagent.domain.attachment import Namespace
from nodeagent.domain.effects import LookAtNamespaces
from nodeagent.domain.events import AddAsked, NamespacesSeen

LOOK_EVERY_S: Final = 30.0
LOOKS_WITHOUT: Final = 2
"""So many looks in a row must find a namespace gone."""

OnJudged = Callable[[Mapping[Namespace, Verdict], float], None]


class Vanished:
    """The namespaces of all that is in use, and what their end means."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._presence = Presence()
        self._looks: dict[int, OnJudged] = {}
        self._last_look = 0
        self._is_looking = False
        self._looked_s: float | None = None
        self._absences: dict[Namespace, int] = {}

    def look(self, namespaces: Iterable[Namespace], then: OnJudged) -> None:
        """Have these namespaces looked at, then judged."""
        self._last_look += 1
        self._looks[self._last_look] = then
        self._node.do(LookAtNamespaces(self._last_look, tuple(dict.fromkeys(namespaces))))

    def seen(self, event: NamespacesSeen, now_s: float) -> None:
        """A look is over."""
        then = self._looks.pop(event.look, None)
        if then:
            then(self._presence.judge(event.sights), now_s)

    def ticked(self, now_s: float) -> None:
        """Look at all of them when it is time."""
        if self._is_looking or (self._looked_s is not None and now_s - self._looked_s < LOOK_EVERY_S):
            return
        self._looked_s = now_s
        namespaces = set(self.in_use().values())
        self._presence.keep(namespaces)
        self._absences = {each: count for each, count in self._absences.items() if each in namespaces}
        if namespaces:
            self._is_looking = True
            self.look(sorted(namespaces, key=lambda each: each.path), self._judged)

    def added(self, event: AddAsked) -> None:
        """A sandbox that was recreated does not keep the addresses of the one before.

        The new namespace is there, so it shows whether the directory can be believed.
        """

        def is_before(row: Allocation, label: Label) -> bool:
            return (
                label.pod.uid == event.pod.uid is not None
                and label.attachment.ifname == event.attachment.ifname
                and label.attachment != event.attachment
            )

        before = self.in_use(is_before)
        if not before and self._presence.is_any_believed:
            return

        def let_go(verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
            self.let_go_gone(before, verdicts, "sandbox_recreated", now_s, event.request_id)

        self.look([event.namespace, *before.values()], let_go)

    def in_use(self, is_wanted: Callable[[Allocation, Label], bool] = lambda _, __: True) -> dict[str, Namespace]:
        """The wanted ones of all allocations that are in use, with the namespace that can be judged."""
        return {
            row.id: row.label.namespace
            for row in self._node.rows.in_state(*IN_USE)
            if row.label and row.label.namespace and is_wanted(row, row.label)
        }

    def let_go_gone(
        self,
        allocations: Mapping[str, Namespace],
        verdicts: Mapping[Namespace, Verdict],
        why: str,
        now_s: float,
        request: str = "",
    ) -> None:
        """Let those of the allocations go that are still in use, and whose namespace is gone."""
        for allocation, namespace in allocations.items():
            row = self._node.rows.allocations.get(allocation)
            if row and row.state in IN_USE and verdicts.get(namespace) is Verdict.GONE:
                self._node.let_go(row, why, now_s, request)

    def count_by_verdict(self) -> dict[str, int]:
        """What became of the namespaces, for people."""
        return self._presence.count()

    def _judged(self, verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
        self._is_looking = False
        for namespace, verdict in verdicts.items():
            count = self._absences.get(namespace, 0)
            self._absences[namespace] = count + 1 if verdict is Verdict.GONE else 0
        gone = {each: verdicts[each] for each in verdicts if self._absences[each] >= LOOKS_WITHOUT}
        self.let_go_gone(self.in_use(), gone, "namespace_gone", now_s)
