"""Words what the namespaces of this node hold as messages, for `cni-infoblox adopt`."""

from __future__ import annotations

from nodeagent.domain.effects import Effect, Transmit
from nodeagent.domain.events import InterfacesSeen
from protocol.wire.messages import Interfaces
from protocol.wire.pages import pages_of


def told(seen: InterfacesSeen) -> list[Effect]:
    """All of it, in as many pages as it takes; the first says how much could not be read."""
    pages = pages_of(seen.interfaces)
    return [
        Transmit(
            Interfaces(
                id=seen.request_id,
                page=number,
                last=number == len(pages) - 1,
                interfaces=page,
                unreadable=seen.unreadable if number == 0 else 0,
            )
        )
        for number, page in enumerate(pages)
    ]
