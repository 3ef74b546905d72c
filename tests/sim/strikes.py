"""What strikes from outside while everything goes wrong: kills, outages, cut lines, people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.sim.computer import Computer
from tests.sim.coordinator_process import Coordinator
from tests.sim.swarm import NODE_GONE_AFTER_S, PER_MINUTE

if TYPE_CHECKING:
    from tests.sim.world import Side, World


class Strikes:
    """All that is planned, until it is stopped."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._is_over = False

    def begin(self) -> None:
        """Plan the first strike of everything."""
        for name, strike in self._on_computers().items():
            for computer in self._world.computers:
                self._plan(name, lambda strike=strike, computer=computer: strike(computer))
        for side in self._world.sides:
            for name, strike_side in self._on_sides().items():
                self._plan(name, lambda strike=strike_side, side=side: strike(side))
        world, admin = self._world, self._world.admin
        self._plan("grid_outage", lambda: world.grid.begin_outage(self._seconds(60)))
        self._plan("login_refused", lambda: world.grid.refuse_logins(self._seconds(30)))
        self._plan("admin_deletes", admin.deletes)
        self._plan("admin_takes", admin.takes)
        self._plan("admin_edits_id", admin.edits_id)
        self._plan("admin_edits_label", admin.edits_label)
        self._plan("admin_restores", admin.restores)

    def stop(self) -> None:
        """Nothing strikes any more."""
        self._is_over = True

    def _on_computers(self) -> dict[str, Callable[[Computer], None]]:
        return {
            "agent_killed": lambda computer: computer.agent.kill() if computer.agent else None,
            "agent_stalled": lambda computer: computer.agent.stall(self._seconds(40)) if computer.agent else None,
            "power_cut": lambda computer: computer.cut_power(),
            "disk_fails": self._fail_disk,
            "gc": self._collect,
            "journal_lost": lambda computer: computer.lose_journal(),
            "node_played_again": lambda computer: computer.play_again(),
            "run_directory_wiped": lambda computer: computer.wipe(),
            "partition": lambda computer: computer.lines.part(computer.number, self._seconds(90)),
        }

    def _on_sides(self) -> dict[str, Callable[[Side], None]]:
        return {
            "connection_cut": lambda side: side.lines.cut_one(),
            "coordinator_killed": self._kill_coordinator,
            "coordinator_stalled": self._stall_coordinator,
            "coordinators_overlap": self._overlap_coordinators,
            "api_server_away": self._cut_coordinator,
            "lease_deleted": lambda side: side.lease.delete(),
            "cluster_renamed": lambda side: side.rename(),
            "node_gone": self._end_node,
            "node_unlisted": self._unlist_node,
            "node_list_away": lambda side: side.nodes.is_away(self._seconds(60)),
        }

    def _plan(self, name: str, strike: Callable[[], None]) -> None:
        per_minute = self._world.swarm.rates[name]
        assert name in PER_MINUTE
        if not per_minute:
            return

        def now() -> None:
            if not self._is_over:
                self._world.story.mark(name)
                strike()
                self._plan(name, strike)

        self._world.timeline.after(self._random.expovariate(per_minute / 60), now)

    def _seconds(self, most_s: float) -> float:
        return most_s * self._random.random() ** 2

    def _collect(self, computer: Computer) -> None:
        if computer.is_up and computer.runtime:
            computer.runtime.collect()

    def _fail_disk(self, computer: Computer) -> None:
        computer.fails_until_s = self._world.timeline.now_s + self._seconds(20)

    def _kill_coordinator(self, side: Side) -> None:
        number = self._random.randrange(self._world.swarm.replicas)
        if coordinator := side.lines.coordinators[number]:
            self._world.replace_coordinator(side, number, coordinator)

    def _stall_coordinator(self, side: Side) -> None:
        if coordinator := self._random.choice(side.lines.coordinators):
            coordinator.stall(self._seconds(40))

    def _cut_coordinator(self, side: Side) -> None:
        coordinator = self._random.choice(side.lines.coordinators)
        if coordinator and coordinator.elector:
            coordinator.elector.cut_until_s = self._world.timeline.now_s + self._seconds(60)

    def _overlap_coordinators(self, side: Side) -> None:
        """A new one takes the place of one that still works for those who are connected to it."""
        number = self._random.randrange(self._world.swarm.replicas)
        old = side.lines.coordinators[number]
        if old:
            side.lines.coordinators[number] = None
            self._world.start_coordinator(side, number)
            self._world.timeline.after(self._seconds(120), lambda: self._end_if_alive(old))

    def _end_if_alive(self, coordinator: Coordinator) -> None:
        if coordinator.is_alive:
            self._world.end_coordinator(coordinator)

    def _end_node(self, side: Side) -> None:
        """The last node is thrown away, and the cluster's list says so soon."""
        computer = next((each for each in reversed(side.computers) if each.host is None), side.computers[0])
        if computer.node == side.computers[0].node or side.nodes.is_gone(computer.node):
            return
        computer.end_for_good()
        self._world.timeline.after(self._seconds(60), lambda: side.nodes.remove(computer.node))

    def _unlist_node(self, side: Side) -> None:
        """The cluster's list lacks a node that lives, for a moment."""
        node = self._random.choice(side.computers).node
        if not side.nodes.is_gone(node):
            side.nodes.remove(node)
            self._world.timeline.after(self._seconds(NODE_GONE_AFTER_S - 1.0), lambda: self._list(side, node))

    def _list(self, side: Side, node: str) -> None:
        if not all(each.is_gone for each in side.computers if each.node == node):
            side.nodes.add(node)
