"""A world without chance, in which a script says what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from gridsim.faults import Faults
from nodeagent.domain.attachment import AttachmentId
from tests.sim.coordinator_process import Coordinator
from tests.sim.host import Host
from tests.sim.ledger import Life, Violation, identity
from tests.sim.runtime import Runtime
from tests.sim.swarm import CHANCE, PER_MINUTE, Plan, Swarm
from tests.sim.world import World

SMALL: Final = Plan("pods", "10.55.0.0/28", "0.0.0.1", is_made=True)
CALM: Final = Swarm(
    nodes=2,
    pods_per_node=0,
    phase_s=0.0,
    life_s=0.0,
    plans=(SMALL,),
    endpoints=1,
    release_delay_s=0.0,
    operations_max=256,
    lookup_ttl_s=1e6,
    wire_s=0.01,
    sync_s=0.01,
    pipe_s=0.001,
    restart_s=2.0,
    grid_s=0.05,
    operation_s=0.0,
    request_operations_max=1000,
    sight="clear",
    sweep_s=0.0,
    tells="nobody",
    watch_late_s=0.0,
    faults=Faults(),
    rates=dict.fromkeys({**PER_MINUTE, **CHANCE}, 0.0),
)


class Middle(Random):
    """What is left to chance is always the middle, the first, or the next number."""

    def __init__(self) -> None:
        super().__init__(0)
        self._number = 0

    def random(self) -> float:
        return 0.5

    def getrandbits(self, k: int, /) -> int:
        self._number += 1
        return self._number

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def expovariate(self, lambd: float = 1.0) -> float:
        return 1.0 / lambd


class Stage:
    """Performs the commands of a script; `transcript` is what happened since it was taken last."""

    def __init__(self) -> None:
        self._swarm = CALM
        self._world: World | None = None
        self._lives: dict[str, Life] = {}
        self._coordinators: list[Coordinator] = []
        self._seen = 0
        self._counted = 0

    def perform(self, words: Sequence[str]) -> None:
        """One command: a verb with its arguments. Raises AttributeError for one that does not exist."""
        getattr(self, f"do_{words[0]}")(*words[1:])

    def transcript(self) -> list[str]:
        """What happened, without what concerns nobody's attachment."""
        lines = self._world.story.lines()[self._seen :] if self._world else []
        self._seen += len(lines)
        return [
            f"{time_s:7.2f} {who}: {subject} {text.partition(' {')[0]}".rstrip()
            for time_s, subject, who, text in lines
            if subject
        ]

    @property
    def world(self) -> World:
        """The world; its settings are fixed once it is used."""
        if self._world is None:
            self._world = World(Middle(), self._swarm)
        return self._world

    # What a script may say

    def do_grid(self, name: str, value: str) -> None:
        """A switch of the grid is set before anything begins."""
        self._swarm = replace(self._swarm, faults=self._swarm.faults.changed({name: value}))

    def do_set(self, name: str, value: str) -> None:
        """`set wire_s 2`, `set sight closed`: the world is another one before anything begins."""
        known = type(getattr(self._swarm, name))
        self._swarm = replace(self._swarm, **{name: known(value)})

    def do_network(self, subnet: str) -> None:
        """`network 10.55.0.0/24`: the pods' network is of another size."""
        self._swarm = replace(self._swarm, plans=(replace(SMALL, subnet=subnet),))

    def do_rate(self, name: str, value: str) -> None:
        """`rate del_after_failure_lost 1`: that always happens."""
        assert name in self._swarm.rates
        self._swarm = replace(self._swarm, rates={**self._swarm.rates, name: float(value)})

    def do_begin(self) -> None:
        """A coordinator, both nodes."""
        self.do_coordinator()
        for host in self.world.hosts:
            host.boot()
        self.do_run("10")

    def do_coordinator(self) -> None:
        """A coordinator comes; an earlier one stays, for those who are connected to it."""
        self.world.network.coordinators[0] = None
        self.world.start_coordinator(0)
        coordinator = self.world.network.coordinators[0]
        assert coordinator
        self._coordinators.append(coordinator)

    def do_kill(self, what: str, number: str) -> None:
        """`kill coordinator 1`, `kill agent 0`, `kill add web`."""
        if what == "coordinator":
            self.world.end_coordinator(self._coordinators[int(number) - 1])
        elif what == "add":
            self._lives[number].unheard[-1].kill()
        elif agent := self._host(number).agent:
            agent.kill()

    def do_stall(self, what: str, number: str, seconds: str) -> None:
        """`stall coordinator 1 20`, `stall agent 0 5`: SIGSTOP for so long."""
        process = self._coordinators[int(number) - 1] if what == "coordinator" else self._host(number).agent
        assert process
        process.stall(float(seconds))

    def do_reconnect(self, number: str) -> None:
        """The node's connection is cut; it connects to the newest coordinator."""
        self.world.network.break_off(self._host(number).node)

    def do_point(self, number: str) -> None:
        """`point 1`: who connects from now on reaches coordinator 1."""
        self.world.network.coordinators[0] = self._coordinators[int(number) - 1]

    def do_power(self, number: str) -> None:
        """The node loses its power, and boots again."""
        self._host(number).cut_power()

    def do_lose(self, what: str, number: str) -> None:
        """`lose journal 0`."""
        assert what == "journal"
        self._host(number).lose_journal()

    def do_add(self, number: str, name: str, *how: str) -> None:
        """`add 0 web`, `add 0 web without mac`: a pod comes."""
        life = self._lives.get(name)
        runtime = self._runtime(number)
        life = self._lives[name] = runtime.begin_one(name) if life is None else runtime.begin_again(life)
        if how:
            self._host(number).macs[life.key] = None
        runtime.add_one(life)

    def do_del(self, number: str, name: str) -> None:
        """`del 0 web`: that pod goes."""
        self._runtime(number).delete_one(self._lives[name])

    def do_vanish(self, number: str, name: str) -> None:
        """`vanish 0 web`: that pod goes with its namespace, and no DEL comes."""
        life = self._lives[name]
        self.world.ledger.dies(life)
        self._host(number).namespaces.remove(life.attachment)

    def do_gc(self, number: str) -> None:
        """`gc 0`: the runtime says what it holds valid."""
        self._runtime(number).collect()

    def do_fate(self, fate: str, *text: str) -> None:
        """`fate late_commit 'DELETE'`: the next call with that text ends so."""
        self.world.grid.planned.append((fate, " ".join(text)))

    def do_outage(self, seconds: str) -> None:
        """`outage 20`: nobody reaches the grid for so long."""
        self.world.grid.begin_outage(float(seconds))

    def do_plant(self, number: str, name: str, boot_id: str, *addresses: str) -> None:
        """`plant 0 left boot-0 10.55.0.9`: the grid holds that for node 0, from that boot, in no journal."""
        for count, address in enumerate(addresses, start=1):
            its = AttachmentId(f"{name}{count}", "eth0")
            self.world.grid.plant(its, self._host(number).node, boot_id, address)

    def do_unlist(self, name: str) -> None:
        """The cluster's list of pods leaves out one that lives."""
        self.world.api_server.pod_goes(self._lives[name].pod)

    def do_forget(self, name: str) -> None:
        """An administrator deletes the pod's object."""
        self.world.delete_object_of(self._lives[name])

    def do_run(self, seconds: str) -> None:
        """So much time passes."""
        self.world.timeline.run_until(self.world.timeline.now_s + float(seconds))

    def do_holds(self, *expected: str) -> None:
        """`holds web=10.55.0.2 db=10.55.0.4`: the grid has exactly these objects of pods."""
        found = self._objects()
        if found != sorted(expected):
            raise Violation(
                f"the grid holds {' '.join(found) or 'nothing'}, not {' '.join(expected) or 'nothing'}"
            )

    def do_counts(self, number: str) -> None:
        """`counts 12`: the grid has so many objects of pods."""
        found = self._objects()
        if len(found) != int(number):
            raise Violation(f"the grid holds {len(found)} objects, not {number}: {' '.join(found)}")

    def do_hears(self, name: str, code: str, *text: str) -> None:
        """`hears web 11 no connection to the coordinator`: what the runtime was answered to the pod's ADD."""
        answer = self._lives[name].unheard[-1].answer
        if answer is None or (str(answer.code), *answer.text.split()) != (code, *text):
            raise Violation(f"the runtime heard {answer} about {name}, not {code} {' '.join(text)}")

    def do_calls(self, number: str) -> None:
        """`calls 1`: so many HTTP calls were made since this was said last."""
        made, self._counted = self.world.grid.calls - self._counted, self.world.grid.calls
        if made != int(number):
            raise Violation(f"few calls: {made} were made, not {number}")

    def _objects(self) -> list[str]:
        return sorted(
            f"{identity(thing)[0]}={thing.fields['ipv4addr']}"
            for thing in self.world.grid.grid.store.of_kind("fixedaddress")
            if identity(thing)[2] and "green" not in thing.extattrs.values()
        )

    def _host(self, number: str) -> Host:
        return self.world.hosts[int(number)]

    def _runtime(self, number: str) -> Runtime:
        return self.world.runtimes[int(number)]
