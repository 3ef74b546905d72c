"""An agent: the real machine over the rows of a journal, with simulated sockets, namespaces and plugins."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Final

from nodeagent import errors
from nodeagent.domain import effects, events
from nodeagent.domain.effects import Effect
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Done, Failure, Outcome
from nodeagent.journal.contents import Contents, Identity, draw_journal
from nodeagent.journal.rows import Rows
from nodeagent.journal.store import LOOK_EVERY_S
from nodeagent.machine import Options, make_machine
from protocol.wire.allocation_id import hash_machine
from protocol.wire.messages import Message, to_agent
from tests.sim.connections import Lines, decode
from tests.sim.pending_files import Pending
from tests.sim.plugin_exec import Exec
from tests.sim.timeline import Process

if TYPE_CHECKING:
    from tests.sim.computer import Computer

TICK_S: Final = 2.0
TURN_S: Final = 0.01
"""What happens within this time is one turn."""
NAMESPACE_S: Final = 0.01
_STEPS: Final = (effects.Transmit, effects.Reply)
"""Before these the agent is killed more often than chance would: what was said rests on what is written."""


class Agent(Process):
    """One process from its start to its end."""

    def __init__(self, computer: Computer, lines: Lines, random: Random, tick_s: float) -> None:
        super().__init__(computer.timeline)
        self.node = computer.node
        self.number = computer.number
        self.computer = computer
        self.tick_s = tick_s
        self.is_listening = False
        self._random = random
        self._callers: dict[int, Exec | Pending] = {}
        self._last_caller = 0
        self._served_s = self._looked_s = 0.0
        self._replaying: set[int] = set()
        self._given: dict[object, int] = {}
        self._inbox: list[Event] = []
        self._has_turn = False
        self._due_s = 0.0
        if computer.journal is None:
            computer.journal = Contents(self._fresh_identity())
        self.rows = Rows(computer.journal)
        options = Options(was_served=computer.was_served)
        self.machine = make_machine(self.rows, options, self._draw, random.random, self.clock())
        self._dealer = lines.dealer(self)
        self._replay_new()
        self._listen_when_replayed()
        self.later(self.tick_s * random.random(), self._tick)

    def clock(self) -> float:
        """CLOCK_BOOTTIME of the node."""
        return self.timeline.now_s - self.computer.booted_s

    def happened(self, event: Event) -> None:
        """Something is to be taken in at the next turn."""
        self._inbox.append(event)
        if not self._has_turn:
            self._has_turn = True
            self.later(self._random.random() * TURN_S, self._turn)

    @property
    def coordinator(self) -> object | None:
        """The coordinator that serves this node, None while there is none."""
        connection = self._dealer.connection
        return connection.coordinator if connection and self.machine.session.is_up else None

    # The coordinator's side

    def receive(self, connection: object, payload: bytes) -> None:
        """Bytes of the coordinator have arrived."""
        if self._dealer.connection is connection:
            self.happened(events.Received(decode(payload, to_agent)))

    # The plugin's side

    def accept(self, plugin: Exec) -> int:
        """A plugin connects and sends its request; returns the number of its connection."""
        caller = self._next_caller(plugin)
        arrives_s = self.timeline.now_s + self.computer.swarm.pipe_s * self._random.random()
        self._served_s = max(self._served_s, arrives_s)
        self.timeline.at(self._served_s, lambda: self.later(0.0, lambda: self._arrived(caller, plugin)))
        return caller

    def hung_up(self, caller: int) -> None:
        """A plugin has closed its end."""
        self.timeline.at(self._served_s, lambda: self.later(0.0, lambda: self._drop(caller)))

    def delivered(self, caller: int) -> None:
        """A plugin has read its answer, and closed its end."""
        self._callers.pop(caller, None)
        self.later(self.computer.swarm.pipe_s, lambda: self.happened(events.Delivered(caller)))

    # Its end

    def kill(self) -> None:
        """SIGKILL, or the power is gone."""
        if not self.is_alive:
            return
        self.is_alive = self.is_listening = False
        self._dealer.close()
        for plugin in [each for each in self._callers.values() if isinstance(each, Exec)]:
            plugin.agent_went(self)
        self._callers.clear()
        self.computer.agent_ended(self)

    # Inside

    def _fresh_identity(self) -> Identity:
        computer = self.computer
        return Identity(
            boot_id=computer.boot_id,
            machine=hash_machine(computer.serial),
            node=computer.node,
            driver=computer.driver,
            journal=draw_journal(self._draw),
        )

    def _draw(self) -> str:
        return f"{self._random.getrandbits(48):012x}"

    def _tick(self) -> None:
        self.happened(events.Ticked())
        self._replay_new()
        if self.clock() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = self.clock()
            self._write_anew()
        self.later(self.tick_s, self._tick)

    def _write_anew(self) -> None:
        """Where somebody has wiped the run directory, the journal is written from memory."""
        if self.computer.journal is None and not self.computer.fails_to_commit():
            self.computer.story.mark("journal_written_anew")
            self.computer.journal = self.rows.contents()

    def _turn(self) -> None:
        self._has_turn = False
        inbox, self._inbox = self._inbox, []
        now_s = self.clock()
        for event in inbox:
            self._tell_event(event)
            self.machine.handle(event, now_s)
        changes = self.rows.changes()
        if changes and self.computer.fails_to_commit():
            self.computer.story.mark("commit_failed")
            self.rows.drop()
            wanted = self.machine.dropped("/run/journal", "disk full", now_s)
        else:
            self.rows.commit()
            if changes:
                for id_, row in changes.allocations.items():
                    told = f"{row.state} {row.address}" if row else "forgotten"
                    self.computer.tell(id_, f"journal: {id_} {told}")
                self.computer.journal = self.rows.contents()
                self.computer.was_served = True
            wanted = self.machine.committed(changes, now_s)
        for effect in wanted:
            if isinstance(effect, _STEPS) and self._random.random() < self.computer.rates["agent_killed_at_step"]:
                self.computer.story.mark("agent_killed_at_step")
                self.kill()
            if not self.is_alive:
                return
            self._perform(effect)
        self._tick_when_due()

    def _tick_when_due(self) -> None:
        due_s = self.machine.session.due_s
        if due_s != self._due_s and due_s < math.inf:
            self.later(max(0.0, due_s - self.clock()), lambda: self.happened(events.Ticked()))
        self._due_s = due_s

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, effects.Reply):
            self._reply(effect.caller, effect.outcome)
        elif isinstance(effect, effects.Transmit):
            self._tell_message("sends", effect.message)
            self._dealer.send(effect.message)
        elif isinstance(effect, effects.ReadMac):
            self._read_mac(effect)
        elif isinstance(effect, effects.LookAtNamespaces):
            sights = tuple(self.computer.namespaces.look(each) for each in effect.namespaces)
            self._happens_soon(events.NamespacesSeen(effect.look, sights))
        elif isinstance(effect, effects.RenewSocket):
            self._dealer.renew(effect.address)
        elif isinstance(effect, effects.LookUpEndpoint):
            self._happens_soon(events.EndpointLookedUp(effect.endpoint, self._dealer.addresses()))
        elif isinstance(effect, effects.Note):
            why = effect.fields.get("why") if effect.event == "let_go_without_del" else None
            self.computer.story.mark(f"let_go_{why}" if why else effect.event)
            subject = str(effect.fields.get("allocation", ""))
            self.computer.tell(subject, f"{effect.event} {dict(effect.fields)}")
        else:
            raise AssertionError(f"nobody does {effect}")

    def _happens_soon(self, event: Event) -> None:
        self.later(NAMESPACE_S * self._random.random(), lambda: self.happened(event))

    def _read_mac(self, effect: effects.ReadMac) -> None:
        plugin = self._callers.get(effect.caller)
        mac = self.computer.mac_of(plugin) if isinstance(plugin, Exec) else ""
        if mac == "":
            failure = Failure.of(errors.NotANamespace(cause="It is gone"))
            self._happens_soon(events.MacUnread(effect.caller, failure))
        else:
            self._happens_soon(events.MacRead(effect.caller, mac))

    def _reply(self, caller: int, outcome: Outcome) -> None:
        who = self._callers.get(caller)
        self._replaying.discard(caller)
        if isinstance(who, Pending):
            del self._callers[caller]
            self._given.pop(who.attachment, None)
            if isinstance(outcome, Done):
                self.computer.pending.remove(who)
            self._listen_when_replayed()
        elif who is None or who.is_over:
            self._callers.pop(caller, None)
            self.happened(events.HungUp(caller))
        else:
            is_printed = who.verb != "ADD" or self._random.random() >= self.computer.rates["answer_unread"]
            pipe_s = self.computer.swarm.pipe_s * self._random.random()
            who.replied_s = self.timeline.now_s
            self.timeline.after(pipe_s, lambda: who.receive(self, outcome, is_printed=is_printed))

    def _next_caller(self, who: Exec | Pending) -> int:
        self._last_caller += 1
        self._callers[self._last_caller] = who
        return self._last_caller

    def _arrived(self, caller: int, plugin: Exec) -> None:
        if plugin.verb == "ADD":
            self._replay(self.computer.pending.find(plugin.attachment))
        self.happened(plugin.request(caller))

    def _drop(self, caller: int) -> None:
        if self._callers.pop(caller, None):
            self.happened(events.HungUp(caller))

    def _replay_new(self) -> None:
        for pending in self.computer.pending.look():
            self._replay(pending)

    def _replay(self, pending: Pending | None) -> None:
        if pending is None or self._given.get(pending.attachment) == pending.version:
            return
        self._given[pending.attachment] = pending.version
        caller = self._next_caller(pending)
        self._replaying.add(caller)
        self.happened(events.DelAsked(caller, pending.attachment))

    def _listen_when_replayed(self) -> None:
        if not self._replaying and not self.is_listening:
            self.is_listening = True
            self.later(0.0, self.computer.agent_listens)

    def _tell_event(self, event: Event) -> None:
        if not self.computer.story.is_told:
            return
        if isinstance(event, events.Received):
            self._tell_message("gets", event.message)
        elif isinstance(event, events.AddAsked | events.DelAsked | events.CheckAsked):
            self.computer.tell(str(event.attachment), f"takes in {type(event).__name__} {event.caller}")

    def _tell_message(self, verb: str, message: Message) -> None:
        if not self.computer.story.is_told:
            return
        ids = [getattr(message, "allocation", None) or ""]
        for name in ("allocations", "claims", "let_go", "rows", "labels", "mine", "disowned"):
            ids += [each if isinstance(each, str) else each.allocation for each in getattr(message, name, ())]
        named = " ".join(filter(None, ids))
        if named or type(message).__name__ not in ("Ping", "Pong"):
            self.computer.tell(named, f"{verb} {type(message).__name__} {message.id} {named}")
