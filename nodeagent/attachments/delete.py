"""DEL: what the attachment has is let go, durably, whatever else is going on.

A DEL waits for the journal alone. It withdraws an ADD in flight, and those that wait behind it.
"""

from __future__ import annotations

from nodeagent import errors
from nodeagent.attachments.add import Adds
from nodeagent.attachments.node import Node
from nodeagent.attachments.order import Order
from nodeagent.domain.allocation import IN_USE
from nodeagent.domain.effects import OnceCommitted, Reply
from nodeagent.domain.events import AddAsked, DelAsked
from nodeagent.domain.outcomes import Done, Failure, NotDurable


class Deletes:
    """The DELs of all attachments."""

    def __init__(self, node: Node, adds: Adds, order: Order) -> None:
        self._node = node
        self._adds = adds
        self._order = order

    def asked(self, event: DelAsked, now_s: float) -> None:
        """Answer when it is in the journal that nobody has these addresses any more."""
        attachment, problem = event.attachment, errors.WithdrawnByDelete()
        self._adds.withdraw(attachment, problem)
        behind = self._order.take_if(
            lambda each: each.event.attachment == attachment and isinstance(each.event, AddAsked)
        )
        for each in behind:
            self._node.do(Reply(each.event.caller, Failure.of(problem)))
        rows = self._node.rows.naming(attachment, *IN_USE)
        for row in rows:
            self._node.rows.let_go(row.id, now_s, event.request_id)
        self._node.rows.remember_delete(attachment)
        self._node.do(OnceCommitted(event.caller, Done(tuple(row.log_fields() for row in rows)), NotDurable()))
