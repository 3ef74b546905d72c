"""An agent: the real machines on the real switchboard, with simulated drivers around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, Final, NoReturn

from nodeagent import commands, errors, events, wire_messages
from nodeagent.attachment_machine import Attachments
from nodeagent.commands import Command
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Done, Failure, Granted, Outcome
from nodeagent.events import Event
from nodeagent.front import FAILURE_GRACE_S, STOP_GRACE_S
from nodeagent.journal_file import Erase, Reached, Write
from nodeagent.journal_records import State
from nodeagent.link_machine import Link
from nodeagent.releases import Releases
from nodeagent.switchboard import Machines, Switchboard
from protocol.codec import decode_to_agent
from protocol.messages import Declined, Hello, Message, ToCoordinator
from tests.sim.network import Network
from tests.sim.pending_files import Pending
from tests.sim.plugin_exec import Exec
from tests.sim.storage import JournalWriter
from tests.sim.timeline import Process

if TYPE_CHECKING:
    from tests.sim.host import Host

TICK_S: Final = 1.0
NAMESPACE_S: Final = 0.01
_STEPS: Final = (commands.Transmit, commands.Reply)
"""After these the agent is killed more often than chance would: what was said rests on what is durable."""


class Agent(Process):
    """One process from its start to its end."""

    def __init__(self, host: Host, network: Network, random: Random, tick_s: float) -> None:
        super().__init__(host.timeline)
        self.node = host.node
        self.tick_s = tick_s
        self.is_listening = False
        self._host = host
        self._story = host.story
        self._random = random
        self._callers: dict[int, Exec | Pending] = {}
        self._last_caller = 0
        self._served_s = 0.0
        self._replaying: set[int] = set()
        self._given: dict[Any, int] = {}
        self._subjects: dict[str, str] = {}
        self._said: list[AttachmentId] = []
        self._said_s = 0.0
        self._is_ending = False
        self._performers = self._make_performers()
        known = host.disk.contents()
        attachments = Attachments(host.boot_id, known.journal_id)
        link = Link(len(network.coordinators), host.boot_id, known.journal_id, "sim", attachments.holdings)
        self._machines = Machines(attachments, Releases(known.journal_id), link)
        self._switchboard = Switchboard(self._machines, self.clock)
        self.journal = JournalWriter(
            host.disk, self, random, self._story, host.swarm.sync_s, self.happened, self.clock
        )
        self._dealer = network.dealer(self)
        self._dealer.renew(0)
        reached = known.reached_boot_id == host.boot_id
        served, host.served_boot_id = host.served_boot_id == host.boot_id, host.boot_id
        self._switchboard.tell(events.Started(self.clock(), known.records, known.last_seq, reached, served))
        self._replay_new()
        self._work_off()
        self._listen_when_replayed()
        self.later(self.tick_s * random.random(), self._tick)

    def clock(self) -> float:
        """CLOCK_BOOTTIME of the node."""
        return self.timeline.now_s - self._host.booted_s

    def happened(self, event: Event) -> None:
        """A driver has something to say."""
        self._switchboard.tell(event)
        self._work_off()

    @property
    def coordinator(self) -> object | None:
        """The coordinator that knows what this node holds, None while there is none."""
        connection = self._dealer.connection
        return connection.coordinator if connection and self._machines.link.is_up else None

    # The coordinator's side

    def receive(self, connection: object, payload: bytes) -> None:
        """Bytes of the coordinator have arrived."""
        if self._dealer.connection is connection:
            message = decode_to_agent(payload)
            self._tell_message("gets", message)
            self.happened(events.Received(self.clock(), message))

    # The plugin's side

    def accept(self, plugin: Exec) -> int:
        """A plugin connects and sends its request; returns the number of its connection."""
        caller = self._next_caller(plugin)
        arrives_s = self.timeline.now_s + self._host.swarm.pipe_s * self._random.random()
        self._served_s = max(self._served_s, arrives_s)
        self.timeline.at(self._served_s, lambda: self.later(0.0, lambda: self._arrived(caller, plugin)))
        return caller

    def hung_up(self, caller: int) -> None:
        """A plugin has closed its end."""
        self.timeline.at(self._served_s, lambda: self.later(0.0, lambda: self._drop(caller)))

    def delivered(self, caller: int) -> None:
        """A plugin has read its answer, and closed its end."""
        self._callers.pop(caller, None)
        self.later(self._host.swarm.pipe_s, lambda: self.happened(events.Delivered(self.clock(), caller)))

    # Its end

    def kill(self) -> None:
        """SIGKILL, or the power is gone."""
        if not self.is_alive:
            return
        self.is_alive = self.is_listening = False
        self.journal.die()
        self._dealer.close()
        held = {each.attachment for each in self._host.disk.contents().records if each.state is State.HELD}
        for plugin in [each for each in self._callers.values() if isinstance(each, Exec)]:
            if plugin.attachment in held:
                plugin.granted_by = self
            plugin.agent_went(self)
        self._callers.clear()
        self._host.agent_ended(self)

    def stop(self) -> None:
        """SIGTERM: accept nothing more, finish what is under way, but not for long."""
        self._begin_end(STOP_GRACE_S)

    def _begin_end(self, grace_s: float) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self.is_listening = False
        self._end_when_quiet()
        self.later(grace_s, self.kill)

    def _end_when_quiet(self) -> None:
        if self._machines.attachments.is_quiet() and not self._callers:
            self.kill()
        else:
            self.later(0.05, self._end_when_quiet)

    # Inside

    def _tick(self) -> None:
        self._switchboard.tell(events.Ticked(self.clock()))
        self._replay_new()
        self._work_off()
        self.later(self.tick_s, self._tick)

    def _next_caller(self, who: Exec | Pending) -> int:
        self._last_caller += 1
        self._callers[self._last_caller] = who
        return self._last_caller

    def _arrived(self, caller: int, plugin: Exec) -> None:
        now_s, request_id = self.clock(), f"r-{self._random.getrandbits(40):010x}"
        attachment = plugin.attachment
        if plugin.verb == "ADD":
            if self._replay(self._host.pending.find(attachment)):
                self._story.mark("pending_before_add")
            self._switchboard.tell(events.Added(now_s, caller, request_id, plugin.request))
        elif plugin.verb == "DEL":
            self._switchboard.tell(events.Deleted(now_s, caller, request_id, attachment))
        elif plugin.verb == "GC":
            self._switchboard.tell(events.GcAsked(now_s, caller, plugin.request))
        else:
            self._switchboard.tell(events.Checked(now_s, caller, plugin.request))
        self._work_off()

    def _drop(self, caller: int) -> None:
        if self._callers.pop(caller, None):
            self.happened(events.HungUp(self.clock(), caller))

    def _replay_new(self) -> None:
        for pending in self._host.pending.look():
            self._replay(pending)

    def _replay(self, pending: Pending | None) -> bool:
        if pending is None or self._given.get(pending.attachment) == pending.version:
            return False
        self._given[pending.attachment] = pending.version
        caller = self._next_caller(pending)
        self._replaying.add(caller)
        self._switchboard.tell(events.Deleted(self.clock(), caller, f"p-{caller}", pending.attachment))
        return True

    def _listen_when_replayed(self) -> None:
        if not self._replaying and not self._is_ending and not self.is_listening:
            self.is_listening = True
            self.later(0.0, self._host.agent_listens)

    def _work_off(self) -> None:
        for command in self._switchboard.work_off():
            self._performers[type(command)](command)
            if isinstance(command, _STEPS) and self._random.random() < self._host.rates["agent_killed_at_step"]:
                self._story.mark("agent_killed_at_step")
                self.later(0.0, self.kill)

    def _make_performers(self) -> Mapping[type[Command], Callable[[Any], None]]:
        boot_id = self._host.boot_id
        return {
            commands.ReadMac: self._read_mac,
            commands.LookAtNamespaces: self._look_at_namespaces,
            commands.Persist: self._persist,
            commands.Forget: lambda c: self.journal.submit(Erase(c.attachment)),
            commands.RememberReached: lambda c: self.journal.submit(Reached(boot_id)),
            commands.Reply: lambda c: self._reply(c.caller, c.outcome),
            commands.Transmit: lambda c: self._transmit(c.message),
            commands.StartRelease: lambda c: None,
            commands.RenewSocket: lambda c: self._dealer.renew(c.endpoint),
            commands.RaiseLink: lambda c: self._host.link_raised(self._said_s, self._said, self.coordinator),
            commands.LowerLink: lambda c: None,
            commands.Note: self._note,
            commands.Mishap: self._unexpected,
            commands.Die: lambda c: self._begin_end(FAILURE_GRACE_S),
        }

    def _persist(self, command: commands.Persist) -> None:
        record = command.record
        self._story.tell(str(record.attachment), self.node, f"journal: {record.state} seq {record.seq}")
        self.journal.submit(Write(command.ticket, record))

    def _transmit(self, message: ToCoordinator) -> None:
        self._tell_message("sends", message)
        if isinstance(message, Hello):
            said = [wire_messages.attachment_of(holding.attachment) for holding in message.holdings]
            self._said = said if message.page == 0 else [*self._said, *said]
            self._said_s = self.timeline.now_s
        self._dealer.send(message)

    def _read_mac(self, command: commands.ReadMac) -> None:
        plugin = self._callers.get(command.caller)
        mac = self._host.mac_of(plugin) if isinstance(plugin, Exec) else ""
        event: Event = events.MacRead(self.clock(), command.caller, mac)
        if mac == "":
            failure = Failure.of(errors.NotANamespace(cause="It is gone"))
            event = events.MacUnread(self.clock(), command.caller, failure)
        self.later(NAMESPACE_S * self._random.random(), lambda: self.happened(event))

    def _look_at_namespaces(self, command: commands.LookAtNamespaces) -> None:
        sights = tuple(self._host.namespaces.look(each) for each in command.namespaces)
        seen = events.NamespacesSeen(self.clock(), command.look, sights)
        self.later(NAMESPACE_S * self._random.random(), lambda: self.happened(seen))

    def _reply(self, caller: int, outcome: Outcome) -> None:
        who = self._callers.get(caller)
        self._replaying.discard(caller)
        if isinstance(who, Pending):
            del self._callers[caller]
            if isinstance(outcome, Done):
                self._host.pending.remove(who)
                self._given.pop(who.attachment, None)
            self._listen_when_replayed()
        elif who is None or who.is_over:
            self._callers.pop(caller, None)
            self._switchboard.tell(events.HungUp(self.clock(), caller))
        else:
            who.granted_by = self if isinstance(outcome, Granted) else None
            is_printed = who.verb != "ADD" or self._random.random() >= self._host.rates["answer_unread"]
            pipe_s = self._host.swarm.pipe_s * self._random.random()
            self.timeline.after(pipe_s, lambda: who.receive(self, outcome, is_printed=is_printed))

    def _tell_message(self, verb: str, message: Message) -> None:
        if attachment := getattr(message, "attachment", None):
            self._subjects[message.id] = str(attachment)
            details = f"seq {getattr(message, 'seq', '')} attempt {getattr(message, 'attempt', '')}"
            self._story.tell(str(attachment), self.node, f"{verb} {type(message).__name__} {message.id} {details}")
        elif isinstance(message, Declined):
            subject = self._subjects.get(message.id, "?")
            self._story.tell(subject, self.node, f"{verb} Declined {message.id} {message.kind} {message.msg}")
            self._story.mark(f"declined_{message.kind}")

    def _unexpected(self, mishap: commands.Mishap) -> NoReturn:
        raise mishap.error

    def _note(self, note: commands.Note) -> None:
        name = f"{note.event}_{note.fields['reason']}" if "reason" in note.fields else note.event
        self._story.mark(str(name))
        self._story.tell(str(note.fields.get("attachment", "")), self.node, f"{note.event} {dict(note.fields)}")
