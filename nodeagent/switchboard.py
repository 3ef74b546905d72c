"""Which machine hears of an event, with what one machine tells another.

Events are worked off in order of arrival; a command that is an event for another machine goes to the end of that
order, so no machine is entered while it works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from nodeagent import commands, events
from nodeagent.attachment_machine import Attachments
from nodeagent.commands import Command
from nodeagent.events import Event
from nodeagent.link_machine import Link
from nodeagent.releases import Releases
from protocol.messages import Declined, Released

_FOR_LINK: Final = (
    events.Handshaken,
    events.ConnectionLost,
    events.Received,
    events.Surveyed,
    events.TokenMissing,
    events.KeysChanged,
    events.LinkDistrusted,
)
_FOR_RELEASES: Final = (events.ReleaseStarted, events.ReleaseDropped)
_FOR_MACHINES_ALONE: Final = (commands.DropRelease, commands.ConfirmRelease, commands.Deliver)


class Machine(Protocol):
    """Whatever decides."""

    def handle(self, event: Event) -> Sequence[Command]:
        """What is to be done about `event`."""
        ...


@dataclass
class Machines:
    """All that decide. Those that begin anew are replaced."""

    attachments: Attachments
    releases: Releases
    link: Link


class Switchboard:
    """Connects the machines. `clock` gives the time of what they tell each other."""

    def __init__(self, machines: Machines, clock: Callable[[], float]) -> None:
        self._machines = machines
        self._clock = clock
        self._work: deque[tuple[Machine, Event]] = deque()
        self.is_closed = False

    def close(self) -> None:
        """The machines hear nothing any more, not even of what has been told."""
        self.is_closed = True
        self._work.clear()

    def reopen(self) -> None:
        """The machines are others now, and hear again."""
        self.is_closed = False

    def tell(self, event: Event) -> None:
        """Something happened; `work_off` makes the machines hear of it."""
        if not self.is_closed:
            self._work.extend((machine, event) for machine in self._hearers(event))

    def work_off(self) -> Iterator[Command]:
        """What is left for drivers to do. More may be told meanwhile."""
        while self._work:
            machine, event = self._work.popleft()
            try:
                decided = machine.handle(event)
            except Exception as error:  # noqa: BLE001, the front decides what is begun again
                decided = [commands.Mishap(event, error)]
            for command in decided:
                self._pass_on(command)
                if not isinstance(command, _FOR_MACHINES_ALONE):
                    yield command

    def _hearers(self, event: Event) -> tuple[Machine, ...]:
        machines = self._machines
        if isinstance(event, events.Ticked):
            return machines.link, machines.attachments, machines.releases
        if isinstance(event, events.LinkRaised | events.LinkLost):
            return machines.attachments, machines.releases
        if isinstance(event, _FOR_LINK):
            return (machines.link,)
        if isinstance(event, _FOR_RELEASES) or self._answers_release(event):
            return (machines.releases,)
        return (machines.attachments,)

    def _answers_release(self, event: Event) -> bool:
        if not isinstance(event, events.Answered):
            return False
        message = event.message
        return isinstance(message, Released) or (
            isinstance(message, Declined) and self._machines.releases.knows(message.id)
        )

    def _pass_on(self, command: Command) -> None:
        now_s = self._clock()
        if isinstance(command, commands.StartRelease):
            self.tell(events.ReleaseStarted(now_s, command.record))
        elif isinstance(command, commands.DropRelease):
            self.tell(events.ReleaseDropped(now_s, command.attachment))
        elif isinstance(command, commands.ConfirmRelease):
            self.tell(events.ReleaseConfirmed(now_s, command.attachment, command.seq))
        elif isinstance(command, commands.RaiseLink):
            self.tell(events.LinkRaised(now_s))
        elif isinstance(command, commands.LowerLink):
            self.tell(events.LinkLost(now_s, command.why))
        elif isinstance(command, commands.Deliver):
            self.tell(events.Answered(now_s, command.message))
