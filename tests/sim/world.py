"""One seed's world: first everything goes wrong and nothing may be wrong, then all heals and must become quiet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from coordinator.core.networks import NetworkRules
from coordinator.core.policy import Policy
from protocol.admin.messages import ReplaceNode
from protocol.wire.allocation_id import hash_boot, hash_node
from tests.sim import stranger
from tests.sim.admin import Admin
from tests.sim.computer import Computer
from tests.sim.connections import Lines
from tests.sim.containers import Runtime
from tests.sim.coordinator_process import Cluster, Coordinator
from tests.sim.datacentre import DataCentre
from tests.sim.lease import Lease
from tests.sim.ledger import Ledger
from tests.sim.lives import Life, Violation
from tests.sim.node_list import NodeList
from tests.sim.quiet import Quiet
from tests.sim.story import Story
from tests.sim.stranger import Stranger
from tests.sim.strikes import Strikes
from tests.sim.swarm import NODE_GONE_AFTER_S, Swarm, draw
from tests.sim.timeline import Timeline

CLUSTERS: Final = ("c0ffee000000", "decaf0000000")
RESTART_S: Final = 20.0
QUIET_TICK_S: Final = 8.0
HEAL_S: Final = 130.0
"""Until every verb that was under way has ended, every call has timed out, every machine has booted."""
OVER_S: Final = 200.0
"""Until a boot is over (a minute of silence, a probe), what was let go has rested, and labels were sent again."""
LOOKS_S: Final = 120.0
"""Until namespaces were looked at twice, and what is gone has rested."""
QUIET_LOOK_S: Final = 15.0
QUIET_LOOKS_MAX: Final = 10
PROBE_S: Final = 60.0
IDLE_S: Final = 300.0
PUT_BACK_CALLS_MAX: Final = 12
"""Once a claim of a silent session is put back and deleted again, that is all."""
REFILL_CALLS_MAX: Final = 6
"""One ask whose look-ups are all too old: form of calls, definitions, view, network, gateway, then the address."""


@dataclass
class Side:
    """A cluster with its lines, its list of nodes and its computers."""

    cluster: Cluster
    lines: Lines
    nodes: NodeList
    lease: Lease
    computers: list[Computer] = field(default_factory=list)

    def rename(self) -> None:
        """Whoever starts from now on is told another `--cluster-name`."""
        name = "green" if self.cluster.policy.cluster_name == "blue" else "blue"
        self.cluster = replace(self.cluster, policy=replace(self.cluster.policy, cluster_name=name))


class World:
    """Computers, coordinators, runtimes, a grid; `random` decides all that is left open."""

    def __init__(self, random: Random, swarm: Swarm, *, is_told: bool = True) -> None:
        self.random = random
        self.swarm = swarm
        self.timeline = Timeline()
        self.story = Story(self.timeline, is_told=is_told)
        self.grid = DataCentre(self.timeline, random, self.story, swarm)
        self.ledger = Ledger(self.timeline, self.grid.grid, swarm.release_delay_s)
        self.quiet = Quiet(self.ledger)
        self.admin = Admin(self.grid.grid, self.ledger, random, self.story)
        self.grid.on_write = self.ledger.written
        self.sides = [self._make_side(cluster_id) for cluster_id in CLUSTERS[: swarm.clusters]]
        self.computers = [computer for side in self.sides for computer in side.computers]
        self._coordinators = 0
        self._strikes = Strikes(self)
        self._stranger: Stranger | None = None

    @classmethod
    def of_seed(cls, seed: int, *, is_told: bool = True) -> World:
        """The world that a seed draws; `is_told`: whether its story is kept."""
        random = Random(seed)
        return cls(random, draw(random), is_told=is_told)

    def run(self) -> None:
        """Both phases. Raises `Violation`."""
        for side in self.sides:
            for number in range(self.swarm.replicas):
                self.start_coordinator(side, number)
        for computer in self._machines():
            computer.boot()
        if self.swarm.has_stranger:
            self._stranger = self.make_stranger(self.sides[0])
            self._stranger.begin()
        if self.swarm.has_clone:
            self.timeline.at(self.swarm.phase_s * self.random.random(), self.clone().boot)
        self._strikes.begin()
        self.timeline.run_until(self.swarm.phase_s)
        self._heal()
        self._pass(HEAL_S)
        self._tick_seldom()
        self._show_namespaces()
        if self._needs_a_person:
            # What a coordinator that died has made is shown by the next listing.
            self._pass(self.swarm.sweep_s + LOOKS_S)
            for side in self.sides:
                self._replace_nodes(side)
        self._pass(OVER_S + LOOKS_S + self.swarm.sweep_s)
        self._wait_for_quiet()
        self._probe()

    def start_coordinator(self, side: Side, number: int) -> None:
        """One process, unless there is one."""
        if side.lines.coordinators[number] is not None:
            return
        self._coordinators += 1
        name = f"coordinator {self._coordinators}"
        self.story.tell("", name, "starts")
        coordinator = Coordinator(
            name,
            side.cluster,
            self.timeline,
            self.random,
            self.story,
            self.swarm,
            self.grid,
            self.ledger,
            side.nodes,
            side.lease,
            lambda dead: self.replace_coordinator(side, number, dead),
        )
        if coordinator.is_alive:
            side.lines.coordinators[number] = coordinator

    def end_coordinator(self, coordinator: Coordinator) -> None:
        """SIGKILL."""
        self.story.tell("", coordinator.name, "is killed")
        coordinator.is_alive = False
        for side in self.sides:
            side.lines.hang_up_all(coordinator)

    def replace_coordinator(self, side: Side, number: int, coordinator: Coordinator) -> None:
        """It dies now; another one takes its place a little later."""
        if not coordinator.is_alive:
            return
        self.end_coordinator(coordinator)
        if side.lines.coordinators[number] in (coordinator, None):
            side.lines.coordinators[number] = None
            delay_s = RESTART_S * self.random.random() ** 2
            self.timeline.after(delay_s, lambda: self.start_coordinator(side, number))

    # Phase two

    def _heal(self) -> None:
        """All faults end; whoever is dead is started."""
        self._strikes.stop()
        self.story.tell("", "world", "all heals")
        self.grid.heal()
        self.admin.corrects()
        if self._stranger:
            self._stranger.end()
        if self.swarm.has_clone and self.random.random() < 0.5:
            self.computers[-1].end_for_good()
            self.quiet.cloned.clear()
        for computer in self.computers:
            if computer.host and computer.driver == computer.host.driver:
                computer.end_for_good()
        for computer in self.computers:
            computer.rates = dict.fromkeys(computer.rates, 0.0)
            computer.fails_until_s = 0.0
            if computer.runtime:
                computer.runtime.drain()
            if computer.agent:
                computer.agent.go_on()
        for side in self.sides:
            self._heal_side(side)
            self.quiet.names[side.cluster.id] = side.cluster.policy.cluster_name

    def _heal_side(self, side: Side) -> None:
        side.lines.heal()
        side.nodes.heal()
        for number, coordinator in enumerate(side.lines.coordinators):
            if coordinator and coordinator.cluster is not side.cluster:
                self.replace_coordinator(side, number, coordinator)
            elif coordinator:
                if coordinator.elector:
                    coordinator.elector.cut_until_s = 0.0
                coordinator.go_on()
                coordinator.new_password()
            self.timeline.after(RESTART_S, lambda number=number: self.start_coordinator(side, number))

    def _tick_seldom(self) -> None:
        for computer in self.computers:
            computer.tick_s = QUIET_TICK_S
            if computer.agent:
                computer.agent.tick_s = QUIET_TICK_S

    def _show_namespaces(self) -> None:
        """One pod more on each node, since an agent believes a directory only in which it has seen a namespace."""
        for computer in self.computers:
            if computer.runtime and computer.is_up:
                computer.runtime.add_one(self.swarm.plans[0])

    @property
    def _needs_a_person(self) -> bool:
        """Whether nobody else can say which boot is a node's."""
        return self.swarm.has_clone or not self.swarm.tells_machine

    def _replace_nodes(self, side: Side) -> None:
        """A person says which boot is a node's, where no machine can."""
        for computer in side.computers:
            others = [each for each in side.computers if each.node == computer.node and each.is_up]
            is_alone = {each.boot_id for each in others} == {computer.boot_id}
            if computer.host is None and is_alone:
                boot = hash_boot(computer.boot_id)
                for coordinator in filter(None, side.lines.coordinators):
                    coordinator.ask(ReplaceNode(id="person", node=computer.node, boot=boot))

    def _wait_for_quiet(self) -> None:
        """An ask for the reserve may be under way at any moment, so there are several looks."""
        for _ in range(QUIET_LOOKS_MAX - 1):
            try:
                self.quiet.check()
            except Violation:
                self._pass(QUIET_LOOK_S)
            else:
                return
        self.quiet.check()

    def _probe(self) -> None:
        """A warm ADD costs one call, or none before its answer; an idle world makes none but listings."""
        computer, plan = self.computers[0], self.swarm.plans[0]
        runtime = computer.runtime
        assert runtime
        for is_warm in (False, True):
            started_s = self.timeline.now_s
            is_ready = computer.count_ready(plan.subnet) > 0
            is_known = is_warm and not self.swarm.reserve and self.swarm.lookup_ttl_s > PROBE_S
            answers = self.ledger.answers["ADD 11"]
            life = runtime.add_one(plan)
            while not life.is_live and self.timeline.now_s < started_s + PROBE_S:
                self._pass(1.0)
            made = self.grid.count_calls(started_s, life.execs[-1].replied_s)
            if not life.is_live:
                is_full = self.ledger.answers["ADD 11"] > answers and not plan.subnet.endswith("/24")
                self._probe_failed(life, is_full=is_full)
                return
            if is_known and made > 1 and self._has_silent_sessions():
                self.ledger.excused.excuse("put_back_for_silent")
            elif (is_ready and made) or (is_known and made > 1):
                raise Violation(f"few calls: {made} calls for the ADD of {life.key}", life.key)
            self._pass(PROBE_S)  # a slow grid takes half of that for a label and a refill in single calls
        runtime.delete_one(life)
        self._pass(PROBE_S + self.swarm.release_delay_s)
        idle_since_s = self.timeline.now_s
        self._pass(IDLE_S)
        made = self.grid.count_calls(idle_since_s, self.timeline.now_s)
        sweeps = IDLE_S / self.swarm.sweep_s * len(self.swarm.plans) * self.swarm.replicas * self.swarm.clusters
        if 0 < made <= PUT_BACK_CALLS_MAX and self._has_silent_sessions():
            self.ledger.excused.excuse("put_back_for_silent")
        elif made and self.swarm.reserve and made <= REFILL_CALLS_MAX * sweeps:
            self.ledger.excused.excuse("refill_tried")
        elif made:
            raise Violation(f"few calls: {made} calls in an idle world")
        self._wait_for_quiet()

    # Inside

    def _probe_failed(self, life: Life, *, is_full: bool) -> None:
        """That may be in a small network, or behind what silent nodes have left at another coordinator."""
        if is_full:
            self.story.mark("probe_found_no_address")
        elif self._has_silent_sessions():
            self.ledger.excused.excuse("put_back_for_silent")
        else:
            raise Violation(f"an ADD in a quiet world fails: {life.key}", life.key)

    def _has_silent_sessions(self) -> bool:
        """Whether some coordinator keeps the claims of a node that has left it."""
        machines = [
            (each.machine, each.clock()) for side in self.sides for each in side.lines.coordinators if each
        ]
        return any(session.is_silent(now_s) for machine, now_s in machines for session in machine.sessions)

    def _pass(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_s + seconds)

    def _make_cluster(self, cluster_id: str) -> Cluster:
        policy = Policy(
            cluster_id,
            "blue",
            "admin",
            NetworkRules("default", "172.18.0.0/16"),
            reserve=self.swarm.reserve,
            release_delay_s=self.swarm.release_delay_s,
            lookup_ttl_s=self.swarm.lookup_ttl_s,
            several=self.swarm.replicas > 1 and not self.swarm.elects,
            is_elected=self.swarm.elects,
            node_gone_after_s=NODE_GONE_AFTER_S,
        )
        return Cluster(cluster_id, f"secret of {cluster_id}".encode(), policy)

    def _make_side(self, cluster_id: str) -> Side:
        lines = Lines(self.timeline, self.random, self.swarm.wire_s, self.swarm.replicas)
        nodes = [f"n{number}" for number in range(self.swarm.nodes)]
        listed = NodeList(self.timeline, [*nodes, stranger.NODE])
        side = Side(self._make_cluster(cluster_id), lines, listed, Lease(self.timeline))
        for number in range(self.swarm.nodes):
            self._add_computer(side, f"n{number}")
        if self.swarm.has_second_driver:
            self._add_computer(side, "n0", side.computers[0], "second")
        if self.swarm.has_twin:
            self._add_computer(side, "n0", side.computers[0])
        return side

    def _add_computer(
        self, side: Side, node: str, host: Computer | None = None, driver: str = "infoblox"
    ) -> Computer:
        number = len(self.ledger.computers)
        computer = Computer(
            number, node, self.timeline, self.random, self.story, self.swarm, side.lines, host, driver
        )
        computer.on_loss = self.ledger.loses_journal
        self.ledger.computers.append(computer)
        side.computers.append(computer)
        Runtime(computer, self.ledger, self.random, self.swarm.plans)
        return computer

    def _machines(self) -> list[Computer]:
        return [computer for computer in self.computers if computer.host is None]

    def make_stranger(self, side: Side) -> Stranger:
        """Somebody with the key of a node that has no agent."""
        return Stranger(
            self.timeline, side.lines, self.ledger, self.random, self.story, side.cluster.id, self.swarm.plans[0]
        )

    def clone(self) -> Computer:
        """Another machine with the name and the key of the first node."""
        side = self.sides[0]
        clone = self._add_computer(side, side.computers[0].node)
        self.computers.append(clone)
        self.quiet.cloned[hash_node(clone.node)] = side.cluster.id
        return clone
