"""GC: a look at what the runtime does not list; what of it has no namespace any more is let go.

Absence from the list alone lets nothing go: runtimes list what they know, and do not know what a meta-plugin
attached.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.attachments.node import Node
from nodeagent.attachments.presence import Verdict
from nodeagent.attachments.vanished import Vanished
from nodeagent.domain.allocation import Allocation, Label
from nodeagent.domain.attachment import Namespace
from nodeagent.domain.effects import OnceCommitted, Reply
from nodeagent.domain.events import GcAsked
from nodeagent.domain.outcomes import Done


class Collections:
    """All GCs under way."""

    def __init__(self, node: Node, vanished: Vanished) -> None:
        self._node = node
        self._vanished = vanished
        self._looking: set[int] = set()

    def __len__(self) -> int:
        return len(self._looking)

    def asked(self, event: GcAsked) -> None:
        """Look at what is of this network and not listed. Without a list nothing may go."""
        valid = event.valid

        def is_unlisted(row: Allocation, label: Label) -> bool:
            return valid is not None and row.network.name == event.network_name and label.attachment not in valid

        unlisted = self._vanished.in_use(is_unlisted)
        if not unlisted:
            self._node.do(Reply(event.caller, Done()))
            return
        self._looking.add(event.caller)

        def let_go(verdicts: Mapping[Namespace, Verdict], now_s: float) -> None:
            self._vanished.let_go_gone(unlisted, verdicts, "gc", now_s)
            if event.caller in self._looking:
                self._looking.discard(event.caller)
                self._node.do(OnceCommitted(event.caller, Done()))

        self._vanished.look(unlisted.values(), let_go)

    def hung_up(self, caller: int) -> None:
        """Nobody waits for this GC any more; what it lets go goes its way."""
        self._looking.discard(caller)
