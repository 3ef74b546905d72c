"""Decides what is begun again when a machine has failed at an event, so that nothing rests on half-done work."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from nodeagent import events
from nodeagent.events import Event
from protocol.messages import Released

LULL_S: Final = 60.0
"""Machines that have worked so long begin anew at once when they fail."""
ANEW_PAUSE_MAX_S: Final = 30.0
"""How long those that fail again and again rest at most."""


class Cure(Enum):
    """What is begun again."""

    REQUEST = auto()
    """The plugin's request: it hears of the failure, and its attachment is as the journal has it."""
    LINK = auto()
    """The connection: on the next one the journal's holdings are told, and what has no answer is asked again."""
    NOTHING = auto()
    """The event comes again by itself, or only tidies up."""
    MACHINES = auto()
    """All of them, from the journal, as after a restart of the process."""


_OF_REQUESTS: Final = (
    events.Added,
    events.Deleted,
    events.Checked,
    events.StatusAsked,
    events.GcAsked,
    events.MacRead,
    events.MacUnread,
)
_OF_LINK: Final = (
    events.Handshaken,
    events.ConnectionLost,
    events.Received,
    events.Surveyed,
    events.TokenMissing,
    events.KeysChanged,
)


def cure(event: Event) -> Cure:
    """What is to be begun again after a machine failed at `event`."""
    if isinstance(event, _OF_REQUESTS):
        return Cure.REQUEST
    if isinstance(event, events.Answered) and isinstance(event.message, Released):
        return Cure.MACHINES  # nobody would send that release again
    if isinstance(event, (*_OF_LINK, events.Answered)):
        return Cure.LINK
    if isinstance(event, events.Ticked | events.HungUp | events.Delivered):
        return Cure.NOTHING
    return Cure.MACHINES


class Breakdowns:
    """How long machines rest before they begin anew: not at all, unless they have just done so."""

    def __init__(self) -> None:
        self._count = 0
        self._last_s: float | None = None

    def pause_s(self, now_s: float) -> float:
        """Another breakdown: how long the rest is."""
        is_soon = self._last_s is not None and now_s < self._last_s + LULL_S
        self._count = self._count + 1 if is_soon else 0
        self._last_s = now_s
        return min(2.0**self._count - 1, ANEW_PAUSE_MAX_S)
