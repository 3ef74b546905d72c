"""Begins again what a machine or a command has failed at: a request, the connection, or all machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from nodeagent import commands, errors, events, wire_messages
from nodeagent.attachment_machine import Attachments
from nodeagent.cni.request_log import FAILED_ANSWER, RequestLog
from nodeagent.commands import Command
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Failure, NotDurable, Outcome
from nodeagent.journal_file import Contents, Reread
from nodeagent.mishaps import Breakdowns, Cure, cure
from nodeagent.releases import Releases
from nodeagent.switchboard import Machines, Switchboard
from protocol.messages import Allocate

LINK_FAILED: Final = "the agent has failed, and begins again with a connection of its own"


@dataclass(frozen=True)
class JournalRead:
    """What the journal holds, all that was submitted before included."""

    contents: Contents


@dataclass(frozen=True)
class JournalBotched:
    """Writes that were submitted will never be durable, since we failed at one of them."""

    error: Exception


class Server(Protocol):
    """Answers plugins."""

    def answer(self, caller: int, data: bytes, now_s: float) -> Sequence[object]:
        """Answer a caller, who may be gone."""
        ...


@dataclass(frozen=True)
class RecoveryDrivers:
    """What acts. `reply` closes the file on a request and answers it."""

    read_journal: Callable[[Reread], None]
    was_alive: Callable[[], bool]
    server: Server
    reply: Callable[[int, Outcome], None]


class Recovery:
    """The rule: nothing rests on half-done work. What is said of an attachment is read from its record."""

    def __init__(
        self,
        switchboard: Switchboard,
        machines: Machines,
        desk: RequestLog,
        drivers: RecoveryDrivers,
        boot_id: str,
        clock: Callable[[], float],
        internal: InternalErrors,
        log: Logger,
    ) -> None:
        self._switchboard = switchboard
        self._machines = machines
        self._desk = desk
        self._drivers = drivers
        self._boot_id = boot_id
        self._clock = clock
        self._internal = internal
        self._log = log
        self._breakdowns = Breakdowns()
        self._read_s = inf
        """When the journal is to be read for machines that begin anew; never while none do."""

    def mishap(self, mishap: commands.Mishap) -> None:
        """A machine has failed at an event."""
        event = mishap.event
        self._internal.tell(type(event).__name__, mishap.error)
        begun_again = cure(event)
        if begun_again is Cure.REQUEST:
            self.fail_request(getattr(event, "caller"))  # noqa: B009, each of these events has one
        elif begun_again is Cure.LINK:
            self._switchboard.tell(events.LinkDistrusted(self._clock(), LINK_FAILED))
        elif begun_again is Cure.MACHINES:
            self.break_down()

    def link_failed(self, error: Exception) -> None:
        """What came from the coordinator could not even be told to a machine."""
        self._internal.tell("coordinator's connection", error)
        self._switchboard.tell(events.LinkDistrusted(self._clock(), LINK_FAILED))

    def make_up_for(self, command: Command) -> None:
        """A command could not be carried out."""
        if isinstance(command, commands.Persist):
            self.break_down()
        elif isinstance(command, commands.ReadMac):
            failure = Failure.of(errors.AgentFailed())
            self._switchboard.tell(events.MacUnread(self._clock(), command.caller, failure))
        elif isinstance(command, commands.Transmit) and isinstance(command.message, Allocate):
            self._distrust(wire_messages.attachment_of(command.message.attachment))
        elif isinstance(command, commands.Reply):
            self._drivers.server.answer(command.caller, FAILED_ANSWER, self._clock())
            self._switchboard.tell(events.HungUp(self._clock(), command.caller))

    def fail_request(self, caller: int) -> None:
        """The plugin hears of the failure. What a DEL could not make durable, it makes durable itself."""
        case = self._desk.find(caller)
        if case and (attachment := case.attachment()):
            self._distrust(attachment)
        self._switchboard.tell(events.HungUp(self._clock(), caller))
        is_del = case is not None and case.verb == "DEL"
        self._drivers.reply(caller, NotDurable() if is_del else Failure.of(errors.AgentFailed()))

    def break_down(self) -> None:
        """No machine's memory counts any more: answer all who wait, then begin anew from the journal."""
        if self._switchboard.is_closed:
            return
        self._read_later()
        self._switchboard.close()
        for caller in self._desk.callers():
            self.fail_request(caller)

    def journal_botched(self, error: Exception) -> None:
        """Writes that were submitted will never be durable, or the journal could not be told."""
        self._internal.tell("journal", error)
        if self._switchboard.is_closed:
            self._read_later()
        self.break_down()

    def _read_later(self) -> None:
        now_s = self._clock()
        self._read_s = now_s + self._breakdowns.pause_s(now_s)

    def go_on(self, now_s: float) -> None:
        """Time has passed."""
        if now_s >= self._read_s:
            self._read_s = inf
            self._drivers.read_journal(Reread())

    def begin_anew(self, contents: Contents) -> None:
        """The journal was read, with every write that was submitted before: go on as after a restart."""
        self._log.warning("begins_anew", attachments=len(contents.records))
        now_s = self._clock()
        self._machines.attachments = Attachments(self._boot_id, contents.journal_id)
        self._machines.releases = Releases(contents.journal_id)
        self._switchboard.reopen()
        reached, served = contents.reached_boot_id == self._boot_id, self._drivers.was_alive()
        self._switchboard.tell(events.Started(now_s, contents.records, contents.last_seq, reached, served))
        self._switchboard.tell(events.LinkDistrusted(now_s, LINK_FAILED))

    def _distrust(self, attachment: AttachmentId) -> None:
        failure = Failure.of(errors.AgentFailed())
        self._switchboard.tell(events.Distrusted(self._clock(), attachment, failure))
