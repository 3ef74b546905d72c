"""A node: its boots, its disk, the agent that is started again and again, the runtime's execs."""

from __future__ import annotations

from math import inf
from random import Random
from typing import TYPE_CHECKING, Final

from nodeagent.cni.request import Request
from nodeagent.domain.attachment import AttachmentId
from tests.sim.agent_process import TICK_S, Agent
from tests.sim.api_server import ApiServer
from tests.sim.netns_directory import NetnsDirectory
from tests.sim.network import Network
from tests.sim.pending_files import PendingFiles
from tests.sim.plugin_exec import Exec
from tests.sim.storage import Disk
from tests.sim.story import Story
from tests.sim.swarm import Swarm
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.sim.runtime import Runtime

BOOT_S: Final = 20.0
DELETED_S: Final = 60.0
"""Within this time the cluster deletes a node that does not exist any more."""


class Host:
    """One machine, under one name after another."""

    def __init__(
        self,
        number: int,
        timeline: Timeline,
        random: Random,
        story: Story,
        swarm: Swarm,
        network: Network,
        api_server: ApiServer,
    ) -> None:
        self.number = number
        self.node = f"n{number}"
        self.timeline = timeline
        self.story = story
        self.swarm = swarm
        self.rates = dict(swarm.rates)
        self.pending = PendingFiles()
        self.namespaces = NetnsDirectory(swarm.sight)
        self.agent: Agent | None = None
        self.runtime: Runtime | None = None
        self.is_up = False
        self.is_lost = False
        self.tick_s = TICK_S
        self._random = random
        self._network = network
        self._api_server = api_server
        self._boots = 0
        self._ended_s = -inf
        self._journals = 0
        self.served_boot_id = ""
        self._names = 0
        self._execs: list[Exec] = []
        self.macs: dict[str, str | None] = {}
        self.disk = self._new_disk()

    @property
    def runtime_name(self) -> str:
        """The runtime in stories."""
        return f"runtime {self.node}"

    def boot(self) -> None:
        """The machine starts."""
        self._boots += 1
        self.boot_id = f"boot-{self.number}-{self._boots}"
        self.booted_s = max(self._ended_s, self.timeline.now_s - self._random.uniform(1.0, 30.0))
        self.is_up = True
        self._api_server.node_comes(self.node)
        if self.runtime:
            self.runtime.boots()
        self.start_agent()

    def start_agent(self) -> None:
        """The kubelet starts the agent, unless one runs."""
        if self.is_up and self.agent is None:
            self.story.tell("", self.node, "agent starts")
            self.agent = Agent(self, self._network, self._random, self.tick_s)

    def agent_listens(self) -> None:
        """The agent's socket is open."""
        self._execs = [each for each in self._execs if not each.is_over]
        for each in self._execs:
            each.agent_came()

    def link_raised(self, said_s: float, held: list[AttachmentId], coordinator: object | None) -> None:
        """A coordinator knows what this node said then of what it holds."""
        if self.runtime:
            self.runtime.known(said_s, held, coordinator)

    def agent_ended(self, agent: Agent) -> None:
        """The agent's process is gone; it is started again soon."""
        self.story.tell("", self.node, "agent is gone")
        self.agent = None
        self.timeline.after(self._random.uniform(0.1, self.swarm.restart_s), self.start_agent)

    def cut_power(self, name: str | None = None, *, keeps_journal: bool = True) -> None:
        """The machine dies and boots again, maybe under another name, maybe with an empty disk."""
        if not self.is_up:
            return
        self.story.tell("", self.node, f"power is cut{'' if keeps_journal else ', the disk is lost'}")
        self._die()
        if not keeps_journal:
            self._lose_disk()
        self.timeline.after(self._random.uniform(1.0, BOOT_S), lambda: self._boot_again(name))

    def lose(self) -> None:
        """The machine dies for good."""
        if self.is_up:
            self.story.tell("", self.node, "is lost for good")
            self.is_lost = True
            self._die()
            self._delete_node()
            if self.runtime:
                self.runtime.excuse_all("node_lost")

    def lose_journal(self) -> None:
        """The agent is killed, its journal removed."""
        self.story.tell("", self.node, "the journal is lost")
        if self.agent:
            self.agent.kill()
        self._lose_disk()

    def exec_plugin(self, verb: str, request: Request, attachment: AttachmentId) -> Exec:
        """The runtime starts the plugin."""
        self.story.tell(str(attachment), self.runtime_name, f"{verb}")
        plugin = Exec(self, request, attachment, verb, self.timeline, self._random, self.story)
        self._execs.append(plugin)
        return plugin

    def mac_of(self, plugin: Exec) -> str | None:
        """The MAC in the namespace of an ADD, None where there is none, empty where it cannot be read."""
        if self._random.random() < self.rates["mac_unread"]:
            return ""
        key = str(plugin.attachment)
        if key not in self.macs:
            self.macs[key] = self._new_mac()
        return self.macs[key]

    def _new_mac(self) -> str | None:
        if self._random.random() < self.rates["mac_absent"]:
            return None
        if self._random.random() < self.rates["mac_shared"]:
            return "0a:58:00:00:00:01"
        return f"0a:58:0{self.number}:00:{len(self.macs) >> 8:02x}:{len(self.macs) & 255:02x}"

    def _die(self) -> None:
        self.is_up = False
        self._ended_s = self.timeline.now_s
        if self.agent:
            self.agent.kill()
        if self.runtime:
            self.runtime.power_is_cut()
        for each in self._execs:
            each.is_over = True
        self._execs.clear()
        self.pending.clear()
        self.namespaces.clear()

    def _boot_again(self, name: str | None) -> None:
        if name and self.runtime:
            self.runtime.excuse_all("node_renamed")
            self._delete_node()
            self.node = name
        self.boot()
        if self.runtime:
            self.runtime.booted()

    def _delete_node(self) -> None:
        name = self.node
        self.timeline.after(self._random.uniform(0.0, DELETED_S), lambda: self._api_server.node_goes(name))

    def _lose_disk(self) -> None:
        self.disk = self._new_disk()
        if self.runtime:
            self.runtime.journal_is_lost()

    def _new_disk(self) -> Disk:
        self._journals += 1
        return Disk(f"journal-{self.number}-{self._journals}")
