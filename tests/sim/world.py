"""One seed's world: first everything goes wrong and nothing may be wrong, then all heals and must become quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from coordinator.assignment import Policy
from coordinator.core.networks import NetworkRules
from coordinator.ownership import Owner
from tests.sim.api_server import ApiServer
from tests.sim.coordinator_process import Coordinator
from tests.sim.datacentre import DataCentre
from tests.sim.host import Host
from tests.sim.ledger import Ledger, Life, Violation
from tests.sim.network import Network
from tests.sim.runtime import Runtime
from tests.sim.story import Story
from tests.sim.swarm import PER_MINUTE, Swarm, draw
from tests.sim.timeline import Timeline

RESTART_S: Final = 5.0
QUIET_TICK_S: Final = 5.0
HEAL_S: Final = 100.0
"""Until every verb that was under way has ended, and every call has timed out."""
QUIET_S: Final = 1000.0
"""Until what nobody claims is released: 600 s after the last ADD, with the delay, resends, retries."""
LOOKS_S: Final = 300.0
"""Until namespaces were looked at twice, and what is gone was released."""
QUIET_LOOK_S: Final = 130.0
"""Longer than any pause between two tries."""
RENAMED_LOOK_S: Final = 700.0
"""What a node releases of its earlier name is heard when that one's record is forgotten, 600 s after its end."""
QUIET_LOOKS_MAX: Final = 50
PROBE_S: Final = 60.0
IDLE_S: Final = 600.0


class World:
    """Agents, coordinators, runtimes, a grid; `random` decides all that is left open."""

    def __init__(self, random: Random, swarm: Swarm) -> None:
        self.random = random
        self.swarm = swarm
        self.timeline = Timeline()
        self.story = Story(self.timeline)
        timeline, story = self.timeline, self.story
        self.grid = DataCentre(timeline, random, story, swarm)
        self.api_server = ApiServer(timeline, swarm.tells)
        swept = swarm.tells if swarm.sweep_s else ""
        self.ledger = Ledger(timeline, story, self.grid.grid, swarm.release_delay_s, swept)
        self.grid.on_write = self.ledger.written
        self.network = Network(timeline, random, swarm.wire_s, swarm.endpoints)
        self.hosts = [
            Host(number, timeline, random, story, swarm, self.network, self.api_server)
            for number in range(swarm.nodes)
        ]
        self.runtimes = [Runtime(host, self.ledger, random, swarm.plans, self.api_server) for host in self.hosts]
        self._policy = Policy(
            "",
            Owner("blue"),
            "admin",
            NetworkRules("default", "172.18.0.0/16"),
            may_create_networks=True,
            release_delay_s=swarm.release_delay_s,
        )
        self._coordinators = 0
        self._names = 0
        self._is_healed = False

    @classmethod
    def of_seed(cls, seed: int) -> World:
        """The world that a seed draws."""
        random = Random(seed)
        return cls(random, draw(random))

    def run(self) -> None:
        """Both phases. Raises `Violation`."""
        for endpoint in range(self.swarm.endpoints):
            self.start_coordinator(endpoint)
        for host, runtime in zip(self.hosts, self.runtimes, strict=True):
            host.boot()
            runtime.begin()
        self._unleash()
        self.timeline.run_until(self.swarm.phase_s)
        self._heal()
        self.timeline.run_until(self.timeline.now_s + HEAL_S)
        for host in self.hosts:
            host.tick_s = QUIET_TICK_S
            if host.agent:
                host.agent.tick_s = QUIET_TICK_S
        self.timeline.run_until(self.timeline.now_s + QUIET_S)
        self._show_namespaces()
        self._let_sweeps_go_on()
        self._wait_for_quiet()
        self.ledger.check_quiet()
        self._probe()

    # Phase one

    def _unleash(self) -> None:
        """Plan the first strike of everything that strikes from outside."""
        per_host: dict[str, Callable[[Host], None]] = {
            "agent_killed": lambda host: host.agent.kill() if host.agent else None,
            "agent_stopped": lambda host: host.agent.stop() if host.agent else None,
            "agent_stalled": lambda host: host.agent.stall(self._seconds(20)) if host.agent else None,
            "power_cut": lambda host: host.cut_power(),
            "node_lost": lambda host: host.lose() if self._may_lose(host) else None,
            "node_renamed": lambda host: host.cut_power(self._new_name(host)),
            "journal_lost": lambda host: host.lose_journal() if host.is_up else None,
            "journal_lost_in_power_cut": lambda host: host.cut_power(keeps_journal=False),
            "disk_fails": self._fail_disk,
            "gc": self._collect,
            "partition": lambda host: self.network.part(host.node, self._seconds(60)),
        }
        for name, strike in per_host.items():
            for host in self.hosts:
                self._plan(name, lambda strike=strike, host=host: strike(host))
        self._plan("connection_cut", self.network.cut_one)
        self._plan("grid_outage", lambda: self.grid.begin_outage(self._seconds(60)))
        self._plan("login_refused", lambda: self.grid.refuse_logins(self._seconds(30)))
        self._plan("api_server_away", lambda: self.api_server.begin_outage(self._seconds(90)))
        self._plan("admin_deletes", self._delete_as_admin)
        self._plan("coordinator_killed", self._kill_coordinator)
        self._plan("coordinator_stalled", self._stall_coordinator)
        self._plan("coordinators_overlap", self._overlap_coordinators)

    def _plan(self, name: str, strike: Callable[[], None]) -> None:
        per_minute = self.swarm.rates[name]
        assert name in PER_MINUTE
        if not per_minute:
            return

        def now() -> None:
            if not self._is_healed:
                self.story.mark(name)
                strike()
                self._plan(name, strike)

        self.timeline.after(self.random.expovariate(per_minute / 60), now)

    def _seconds(self, most_s: float) -> float:
        return most_s * self.random.random() ** 2

    def _may_lose(self, host: Host) -> bool:
        return sum(1 for each in self.hosts if not each.is_lost) > 1

    def _new_name(self, host: Host) -> str:
        self._names += 1
        return f"n{host.number}-{self._names}"

    def _collect(self, host: Host) -> None:
        if host.is_up and host.runtime:
            host.runtime.collect()

    def _fail_disk(self, host: Host) -> None:
        if host.agent:
            host.agent.journal.fails = True

    def _delete_as_admin(self) -> None:
        """Somebody removes the object of a pod that lives."""
        lives = [life for runtime in self.runtimes for life in runtime.lives() if not life.is_forgotten]
        if not lives:
            return
        self.delete_object_of(self.random.choice(lives))

    def delete_object_of(self, life: Life) -> None:
        """The grid forgets an address that lives."""
        for thing in self.grid.grid.store.found_by("fixedaddress", "ipv4addr", life.address):
            life.is_forgotten = True
            self.story.tell(life.key, "admin", f"deletes {life.address}")
            self.grid.grid.delete(thing.ref)

    # Coordinators

    def start_coordinator(self, endpoint: int) -> None:
        """One process, unless there is one."""
        if self.network.coordinators[endpoint] is not None:
            return
        self._coordinators += 1
        name = f"coordinator {self._coordinators}"
        self.story.tell("", name, "starts")
        self.network.coordinators[endpoint] = Coordinator(
            name,
            self.timeline,
            self.random,
            self.story,
            self.swarm,
            replace(self._policy, coordinator_id=f"c{self._coordinators}"),
            self.grid,
            self.api_server,
            lambda coordinator: self._replace_coordinator(endpoint, coordinator),
        )

    def _kill_coordinator(self) -> None:
        endpoint = self.random.randrange(self.swarm.endpoints)
        if coordinator := self.network.coordinators[endpoint]:
            self._replace_coordinator(endpoint, coordinator)

    def _replace_coordinator(self, endpoint: int, coordinator: Coordinator) -> None:
        """It dies now; another one takes its place a little later."""
        self.end_coordinator(coordinator)
        if self.network.coordinators[endpoint] is coordinator:
            self.network.coordinators[endpoint] = None
            self.timeline.after(self._seconds(RESTART_S * 4), lambda: self.start_coordinator(endpoint))

    def end_coordinator(self, coordinator: Coordinator) -> None:
        """SIGKILL."""
        self.story.tell("", coordinator.name, "is killed")
        coordinator.is_alive = False
        self.network.hang_up_all(coordinator)

    def _stall_coordinator(self) -> None:
        if coordinator := self.random.choice(self.network.coordinators):
            coordinator.stall(self._seconds(40))

    def _overlap_coordinators(self) -> None:
        """A new one takes the endpoint while the old one still works for those who are connected to it."""
        endpoint = self.random.randrange(self.swarm.endpoints)
        old = self.network.coordinators[endpoint]
        if old is None:
            return
        self.network.coordinators[endpoint] = None
        self.start_coordinator(endpoint)
        self.timeline.after(self._seconds(60), lambda: self.end_coordinator(old) if old.is_alive else None)

    # Phase two

    def _heal(self) -> None:
        """All faults end; whoever is dead is started, except the node that is lost for good."""
        self._is_healed = True
        self.story.tell("", "world", "all heals")
        self.grid.heal()
        self.api_server.heal()
        self.network.heal()
        for host, runtime in zip(self.hosts, self.runtimes, strict=True):
            host.rates = dict.fromkeys(host.rates, 0.0)
            runtime.drain()
            if host.agent:
                host.agent.stalled_until_s = 0.0
        for endpoint, coordinator in enumerate(self.network.coordinators):
            if coordinator:
                coordinator.stalled_until_s = 0.0
                coordinator.new_password()
            self.timeline.after(RESTART_S, lambda endpoint=endpoint: self.start_coordinator(endpoint))

    def _show_namespaces(self) -> None:
        """One pod more on each node, since an agent believes a directory only in which it has seen a namespace."""
        for runtime, host in zip(self.runtimes, self.hosts, strict=True):
            if not host.is_lost:
                runtime.add_one(runtime.begin_one())
        self.timeline.run_until(self.timeline.now_s + LOOKS_S)

    def _let_sweeps_go_on(self) -> None:
        """A person reads why a sweep has stopped, and forces it."""
        forced = [each for each in self.network.coordinators if each and each.force_stopped_sweep()]
        if forced:
            self.story.mark("sweep_forced")
            self.timeline.run_until(self.timeline.now_s + LOOKS_S)

    def _wait_for_quiet(self) -> None:
        """A grid that takes seconds for each call may have much to do still."""
        look_s = RENAMED_LOOK_S if self._names else QUIET_LOOK_S
        for _ in range(QUIET_LOOKS_MAX):
            before = self.grid.calls
            self.timeline.run_until(self.timeline.now_s + look_s)
            if self.grid.calls == before:
                return
        raise Violation("liveness: it never becomes quiet")

    def _probe(self) -> None:
        """On a warm, quiet cluster an ADD and a DEL cost one call each, an idle time none."""
        before = self.grid.calls
        self.timeline.run_until(self.timeline.now_s + IDLE_S)
        if self.grid.calls != before:
            raise Violation(f"few calls: {self.grid.calls - before} in an idle time")
        for runtime, host in zip(self.runtimes, self.hosts, strict=True):
            if host.is_lost or self._is_full():
                continue
            self._probe_add(runtime)
            if self.swarm.lookup_ttl_s > PROBE_S:
                self._probe_price(runtime)

    def _probe_price(self, runtime: Runtime) -> None:
        """An ADD costs one call, once the grid has offered every address that a coordinator takes for lost.

        It restores each twice at most. One of them may find that what is known of the network has to be looked up
        again.
        """
        for _ in range(2 * self._believed_lost() + 2):
            if self._is_full():
                return
            life, calls = self._probe_add(runtime)
            if calls <= 1:
                return
        raise Violation(f"few calls: {calls} for an ADD", life.key)

    def _probe_add(self, runtime: Runtime) -> tuple[Life, int]:
        """An ADD succeeds, if not before its time is up with addresses that a coordinator takes for lost."""
        for _ in range(self._believed_lost() + 1):
            before = self.grid.calls
            life = runtime.begin_one()
            runtime.add_one(life)
            self.timeline.run_until(self.timeline.now_s + PROBE_S)
            if life.is_live:
                return life, self.grid.calls - before
        raise Violation(f"liveness: {life.key} gets no address though all is well", life.key)

    def _believed_lost(self) -> int:
        """How many addresses without an object a coordinator may know, each of which it restores when offered.

        Those of the living, and those of which it was not told that they ended: of nodes under names that nobody
        bears, and of any that another one serves.
        """
        nodes = {host.node for host in self.hosts if not host.is_lost}
        has_others = sum(1 for each in self.network.coordinators if each) > 1
        lives = self.ledger.lives.values()
        return sum(
            1 for life in lives if (life.is_forgotten if life.is_live else has_others or life.node not in nodes)
        )

    def _is_full(self) -> bool:
        """Whether the first network may be too small for two pods more."""
        plan = self.swarm.plans[0]
        prefix = int(plan.subnet.rpartition("/")[2])
        used = sum(1 for _ in self.grid.grid.store.of_kind("fixedaddress"))
        return used + 2 * len(self.hosts) + 3 > 2 ** (32 - prefix)
