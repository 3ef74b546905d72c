"""A computer that serves as a node: its boots, what lies in /run, the agent that is started again and again."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import TYPE_CHECKING

from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.events import Event
from nodeagent.journal.contents import Contents
from tests.sim.agent_process import TICK_S, Agent
from tests.sim.connections import Lines
from tests.sim.namespaces import Namespaces
from tests.sim.pending_files import PendingFiles
from tests.sim.plugin_exec import Exec
from tests.sim.story import Story
from tests.sim.swarm import Swarm
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.sim.containers import Runtime


class Computer:
    """One driver on one machine; `serial` tells that from others that use the same key.

    `host`: where another agent serves this machine, too, the computer of the first: both boot together.
    """

    def __init__(
        self,
        number: int,
        node: str,
        timeline: Timeline,
        random: Random,
        story: Story,
        swarm: Swarm,
        lines: Lines,
        host: Computer | None = None,
        driver: str = "infoblox",
    ) -> None:
        self.number = number
        self.node = node
        self.driver = driver
        self.serial = f"serial-{host.number if host else number}" if swarm.tells_machine else ""
        self.others: list[Computer] = []
        """What else runs on this machine."""
        self.host = host
        if host:
            host.others.append(self)
        self.timeline = timeline
        self.random = random
        self.story = story
        self.swarm = swarm
        self.lines = lines
        self.rates = dict(swarm.rates)
        if swarm.sight != "clear":
            # What goes without a DEL, or is told after it, nobody can see go.
            self.rates |= dict.fromkeys(("del_lost", "del_after_failure_lost", "add_overlapped_by_del"), 0.0)
        self.pending = PendingFiles()
        self.namespaces = Namespaces(swarm.sight)
        self.journal: Contents | None = None
        """What lies in the run directory; with an agent running, None where somebody has wiped it."""
        self.was_served = False
        self.agent: Agent | None = None
        self.runtime: Runtime | None = None
        self.is_up = False
        self.is_gone = False
        """Whether it never starts again."""
        self.tick_s = TICK_S
        self.on_loss: Callable[[Computer], None] = lambda computer: None
        """Called just before its journal is lost."""
        self.fails_until_s = 0.0
        self.boot_id = ""
        self.boots = 0
        self.macs: dict[str, str | None] = {}
        self._ended_s = -inf
        self._next_boot_id = ""
        self._execs: list[Exec] = []

    def boot(self) -> None:
        """The machine starts: nothing of /run is there any more."""
        if self.is_gone:
            return
        self.boots += 1
        if self.host:
            self.boot_id, self.booted_s = self.host.boot_id, self.host.booted_s
        else:
            self._new_boot()
        self.journal, self.was_served, self.is_up = None, False, True
        self.pending.clear()
        self.namespaces.clear()
        self.start_agent()
        if self.runtime:
            self.runtime.booted()
        for other in self.others:
            other.boot()

    def start_agent(self) -> None:
        """The kubelet starts the agent, unless one runs."""
        if self.is_up and self.agent is None:
            self.tell("", "agent starts")
            self.agent = Agent(self, self.lines, self.random, self.tick_s)

    def agent_listens(self) -> None:
        """The agent's socket is open."""
        self._execs = [each for each in self._execs if not each.is_over]
        for each in self._execs:
            each.agent_came()

    def agent_ended(self, agent: Agent) -> None:
        """The agent's process is gone; it is started again soon."""
        self.tell("", "agent is gone")
        self.agent = None
        self.timeline.after(self.random.uniform(0.1, self.swarm.restart_s), self.start_agent)

    def lose_journal(self) -> None:
        """The agent is killed, and the run directory wiped before it is started again."""
        if not self.is_up:
            return
        self.tell("", "the journal is lost")
        if self.agent:
            self.agent.kill()
        self.on_loss(self)
        self.journal = None

    def wipe(self) -> None:
        """Somebody's script wipes the run directory under the running agent."""
        if self.is_up and self.agent:
            self.tell("", "the run directory is wiped")
            self.on_loss(self)
            self.journal = None

    def play_again(self) -> None:
        """The computer is a container that plays a node: it starts again under the same kernel."""
        if self.host:
            self.host.play_again()
        elif self.is_up:
            self.tell("", "starts again in the same boot")
            self._next_boot_id = self.boot_id
            self.cut_power()

    def cut_power(self) -> None:
        """The machine dies, and boots again after a moment."""
        if self.host:
            self.host.cut_power()
        elif self.is_up:
            self.end()
            self.timeline.after(self.random.uniform(1.0, self.swarm.boot_s), self.boot)

    def end(self) -> None:
        """The machine dies."""
        self.tell("", "power is cut")
        self.is_up = False
        self._ended_s = self.timeline.now_s
        if self.agent:
            self.agent.kill()
        if self.runtime:
            self.runtime.power_is_cut()
        for each in self._execs:
            each.is_over = True
        self._execs.clear()
        for other in self.others:
            other.end()

    def end_for_good(self) -> None:
        """The machine dies, and is thrown away."""
        self.is_gone = True
        if self.is_up:
            self.end()

    def fails_to_commit(self) -> bool:
        """Whether the journal cannot be written now."""
        return self.timeline.now_s < self.fails_until_s or self.random.random() < self.rates["commit_fails"]

    def count_ready(self, subnet: str) -> int:
        """How many addresses of a network its journal has ready."""
        rows = self.journal.allocations.values() if self.journal else ()
        return sum(row.state is State.READY and row.subnet == subnet for row in rows)

    def exec_plugin(self, verb: str, attachment: AttachmentId, request: Callable[[int], Event]) -> Exec:
        """The runtime starts the plugin."""
        self.tell(str(attachment), f"runtime: {verb}")
        plugin = Exec(self, verb, attachment, request)
        self._execs.append(plugin)
        return plugin

    def mac_of(self, plugin: Exec) -> str | None:
        """The MAC in the namespace of an ADD, None where there is none, empty where it cannot be read."""
        if self.random.random() < self.rates["mac_unread"]:
            return ""
        key = str(plugin.attachment)
        if key not in self.macs:
            self.macs[key] = self._new_mac()
        return self.macs[key]

    def tell(self, subject: str, text: str) -> None:
        """Something happened here."""
        self.story.tell(subject, f"{self.node}/{self.number}", text)

    def _new_boot(self) -> None:
        if not self._next_boot_id:
            self.booted_s = max(self._ended_s, self.timeline.now_s - self.random.uniform(1.0, 30.0))
        self.boot_id, self._next_boot_id = self._next_boot_id or f"boot-{self.number}-{self.boots}", ""

    def _new_mac(self) -> str | None:
        if self.random.random() < self.rates["mac_absent"]:
            return None
        if self.random.random() < self.rates["mac_shared"]:
            return "0a:58:00:00:00:01"
        return f"0a:58:{self.number:02x}:00:{len(self.macs) >> 8:02x}:{len(self.macs) & 255:02x}"
