"""A world without chance, in which a script says what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from gridsim.database.faults import Faults
from gridsim.database.store import GridObject
from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import AttachmentId
from tests.sim.computer import Computer
from tests.sim.containers import Runtime
from tests.sim.coordinator_process import Coordinator
from tests.sim.ledger import FOREIGN_ID
from tests.sim.lives import Life, Violation
from tests.sim.plugin_exec import Answer
from tests.sim.swarm import CHANCE, PER_MINUTE, Plan, Swarm
from tests.sim.world import World

SMALL: Final = Plan("pods", "10.55.0.0/28", "0.0.0.1", is_made=True)
CALM: Final = Swarm(
    nodes=2,
    pods_per_node=0,
    phase_s=0.0,
    life_s=0.0,
    plans=(SMALL,),
    replicas=1,
    elects=False,
    clusters=1,
    has_clone=False,
    has_second_driver=False,
    has_twin=False,
    has_stranger=False,
    tells_machine=True,
    sight="clear",
    reserve=0,
    release_delay_s=0.0,
    operations_max=256,
    lookup_ttl_s=1e6,
    wire_s=0.01,
    pipe_s=0.001,
    restart_s=2.0,
    boot_s=5.0,
    grid_s=0.05,
    operation_s=0.0,
    request_operations_max=1000,
    sweep_s=1e6,
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
        # What a journal is called by stands at the front of a number.
        return (self._number << (k - 32)) + self._number if k > 32 else self._number

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def expovariate(self, lambd: float = 1.0) -> float:
        return 1.0 / lambd


class Stage:
    """Performs the commands of a script. What it says must hold, and whatever the checker watches."""

    def __init__(self) -> None:
        self._swarm = CALM
        self._world: World | None = None
        self._lives: dict[str, Life] = {}
        self._coordinators: list[Coordinator] = []
        self._counted_s = 0.0

    def perform(self, words: Sequence[str]) -> None:
        """One command: a verb with its arguments. Raises AttributeError for one that does not exist."""
        getattr(self, f"do_{words[0]}")(*words[1:])

    @property
    def world(self) -> World:
        """The world; its settings are fixed once it is used."""
        if self._world is None:
            self._world = World(Middle(), self._swarm)
        return self._world

    # What a script may say before anything begins

    def do_grid(self, name: str, value: str) -> None:
        """A switch of the grid."""
        known = type(getattr(self._swarm.faults, name))
        self._swarm = replace(self._swarm, faults=self._swarm.faults.changed({name: known(value)}))

    def do_set(self, name: str, value: str) -> None:
        """`set wire_s 2`, `set sight closed`: the world is another one."""
        known = type(getattr(self._swarm, name))
        self._swarm = replace(self._swarm, **{name: value == "yes" if known is bool else known(value)})

    def do_network(self, subnet: str) -> None:
        """`network 10.55.0.0/24`: the pods' network is of another size."""
        self._swarm = replace(self._swarm, plans=(replace(SMALL, subnet=subnet),))

    def do_rate(self, name: str, value: str) -> None:
        """`rate answer_unread 1`: that always happens."""
        assert name in self._swarm.rates
        self._swarm = replace(self._swarm, rates={**self._swarm.rates, name: float(value)})

    # What happens

    def do_begin(self) -> None:
        """A coordinator for each cluster, all nodes."""
        for side in self.world.sides:
            for number in range(self._swarm.replicas):
                self.world.start_coordinator(side, number)
        self._coordinators = [each for each in self.world.sides[0].lines.coordinators if each]
        for computer in self.world.computers:
            if computer.host is None:
                computer.boot()
        self.do_run("10")

    def do_coordinator(self) -> None:
        """A coordinator comes; an earlier one stays, for those who are connected to it."""
        side = self.world.sides[0]
        side.lines.coordinators[0] = None
        self.world.start_coordinator(side, 0)
        coordinator = side.lines.coordinators[0]
        assert coordinator
        self._coordinators.append(coordinator)

    def do_kill(self, what: str, number: str) -> None:
        """`kill coordinator 1`, `kill agent 0`, `kill add web`."""
        if what == "coordinator":
            self.world.end_coordinator(self._coordinators[int(number) - 1])
        elif what == "add":
            self._lives[number].execs[-1].kill()
        elif agent := self._computer(number).agent:
            agent.kill()

    def do_stall(self, what: str, number: str, seconds: str) -> None:
        """`stall coordinator 1 20`, `stall agent 0 5`: SIGSTOP for so long."""
        process = self._coordinators[int(number) - 1] if what == "coordinator" else self._computer(number).agent
        assert process
        process.stall(float(seconds))

    def do_stranger(self, *deeds: str) -> None:
        """`stranger hello claims lets_go`: somebody with another node's key does these, one after the other."""
        stranger = self.world.make_stranger(self.world.sides[0])
        for deed in deeds:
            stranger.does(deed)
            self.do_run("1")
        stranger.end()

    def do_cut(self, number: str, seconds: str) -> None:
        """`cut 1 60`: coordinator 1 does not reach the API server for so long."""
        elector = self._coordinators[int(number) - 1].elector
        assert elector
        elector.cut_until_s = self.world.timeline.now_s + float(seconds)

    def do_unlease(self) -> None:
        """Somebody deletes the Lease."""
        self.world.sides[0].lease.delete()

    def do_leads(self, *numbers: str) -> None:
        """`leads 2`: of the coordinators that live, exactly these lead."""
        living = [(str(n), each) for n, each in enumerate(self._coordinators, start=1) if each.is_alive]
        found = [number for number, each in living if each.leads]
        if found != list(numbers):
            raise Violation(f"{' '.join(found) or 'nobody'} leads, not {' '.join(numbers)}")

    def do_reconnect(self, number: str) -> None:
        """The node's connection is cut; it connects to the newest coordinator."""
        computer = self._computer(number)
        computer.lines.break_off(computer.number)

    def do_point(self, number: str) -> None:
        """`point 1`: who connects from now on reaches coordinator 1."""
        self.world.sides[0].lines.coordinators[0] = self._coordinators[int(number) - 1]

    def do_part(self, number: str, seconds: str) -> None:
        """`part 0 90`: nothing gets through between this node and anybody."""
        computer = self._computer(number)
        computer.lines.part(computer.number, float(seconds))

    def do_power(self, number: str) -> None:
        """The node loses its power, and boots again."""
        self._computer(number).cut_power()

    def do_end(self, number: str) -> None:
        """The node is thrown away."""
        self._computer(number).end_for_good()

    def do_unlist(self, number: str) -> None:
        """The cluster's list of nodes lacks this one."""
        self.world.sides[0].nodes.remove(self._computer(number).node)

    def do_list(self, number: str) -> None:
        """The cluster's list has this node again."""
        self.world.sides[0].nodes.add(self._computer(number).node)

    def do_away(self, seconds: str) -> None:
        """Nobody hears of changes in the cluster for so long."""
        self.world.sides[0].nodes.is_away(float(seconds))

    def do_lose(self, number: str) -> None:
        """`lose 0`: the agent is killed, and its journal is gone when the next one starts."""
        self._computer(number).lose_journal()

    def do_wipe(self, number: str) -> None:
        """`wipe 0`: the run directory is wiped under the running agent."""
        self._computer(number).wipe()

    def do_play(self, number: str) -> None:
        """`play 0`: a container that plays a node starts again in the same boot."""
        self._computer(number).play_again()

    def do_clone(self) -> None:
        """Another machine uses the key of the first node."""
        self.world.clone().boot()

    def do_disk(self, number: str, seconds: str) -> None:
        """`disk 0 20`: the journal cannot be written for so long."""
        self._computer(number).fails_until_s = self.world.timeline.now_s + float(seconds)

    def do_add(self, number: str, *names: str) -> None:
        """`add 0 web db`: pods come; one that is there is asked for once more."""
        for name in names:
            if name not in self._lives:
                self._lives[name] = self._runtime(number).begin(AttachmentId(name, "eth0"), self._swarm.plans[0])
            self._runtime(number).add(self._lives[name])

    def do_restart(self, number: str, name: str) -> None:
        """`restart 0 web`: the container starts under its ID in a new namespace."""
        self._lives[name] = self._runtime(number).begin_again(self._lives[name])
        self._runtime(number).add(self._lives[name])

    def do_del(self, number: str, *names: str) -> None:
        """`del 0 web`: these pods go."""
        for name in names:
            self._runtime(number).delete_one(self._lives[name])

    def do_vanish(self, number: str, *names: str) -> None:
        """`vanish 0 web`: these pods go with their namespaces, and no DEL comes."""
        for name in names:
            self._runtime(number).vanish(self._lives[name])

    def do_check(self, number: str, name: str) -> None:
        """`check 0 web`: CHECK of a pod that lives, whose answer the checker judges."""
        self._runtime(number).check_one(self._lives[name])

    def do_gc(self, number: str) -> None:
        """`gc 0`: the runtime says what it holds valid."""
        self._computer(number).rates["gc_list_absent"] = 0.0
        self._runtime(number).collect()

    def do_fate(self, fate: str, *text: str) -> None:
        """`fate late_commit 'DELETE'`: the next call with that text ends so."""
        self.world.grid.planned.append((fate, " ".join(text)))

    def do_outage(self, seconds: str) -> None:
        """`outage 20`: nobody reaches the grid for so long."""
        self.world.grid.begin_outage(float(seconds))

    def do_forget(self, *names: str) -> None:
        """An administrator deletes these pods' objects."""
        for name in names:
            self.world.admin.deletes(self._object_of(name))

    def do_take(self, name: str) -> None:
        """An administrator deletes the pod's object, and uses its address for something else."""
        self.world.admin.takes(self._object_of(name))

    def do_edit(self, name: str, kind: str, other: str = "") -> None:
        """`edit web none`, `edit web living db`: an administrator writes over the id of the pod's object."""
        other_id = next(iter(self._lives[other].told)) if other else FOREIGN_ID
        self.world.admin.writes_over(self._object_of(name), kind, other_id)

    def do_label(self, name: str, kind: str) -> None:
        """`label web wiped`: an administrator edits what people read on the pod's object."""
        self.world.admin.writes_label(self._object_of(name), kind)

    def do_restore(self) -> None:
        """An administrator restores what was removed last."""
        self.world.admin.restores(self.world.ledger.removed[-1])

    def do_free(self, address: str) -> None:
        """`free 10.55.0.2`: whoever else has this address uses it no more."""
        for thing in self.world.grid.grid.store.found_by("fixedaddress", "ipv4addr", address):
            self.world.grid.grid.delete(thing.ref)

    def do_fill(self, first: str, last: str) -> None:
        """`fill 6 14`: somebody else uses these addresses of the pods' network."""
        base = self._swarm.plans[0].subnet.rpartition(".")[0]
        for number in range(int(first), int(last) + 1):
            self.world.grid.take(f"{base}.{number}")

    def do_run(self, seconds: str) -> None:
        """So much time passes."""
        self.world.timeline.run_until(self.world.timeline.now_s + float(seconds))

    # What must hold

    def do_holds(self, *expected: str) -> None:
        """`holds web=10.55.0.2 ready=10.55.0.4`: the grid has exactly these objects of ours."""
        found = sorted(f"{_name(each)}={each.fields['ipv4addr']}" for each in self.world.ledger.objects.values())
        if found != sorted(expected):
            raise Violation(
                f"the grid holds {' '.join(found) or 'nothing'}, not {' '.join(expected) or 'nothing'}"
            )

    def do_counts(self, number: str) -> None:
        """`counts 12`: the grid has so many objects of ours."""
        found = [_name(each) for each in self.world.ledger.objects.values()]
        if len(found) != int(number):
            raise Violation(f"the grid holds {len(found)} objects, not {number}: {' '.join(found)}")

    def do_ready(self, number: str, count: str) -> None:
        """`ready 0 2`: the node has so many addresses ready."""
        rows = self._journal(number)
        found = sum(row.state is State.READY for row in rows)
        if found != int(count):
            raise Violation(f"node {number} has {found} ready, not {count}")

    def do_journal(self, number: str, *expected: str) -> None:
        """`journal 0 held=10.55.0.2 adopted=10.55.0.4`: the journal has exactly these rows."""
        found = sorted(f"{row.state}={row.address}" for row in self._journal(number))
        if found != sorted(expected):
            raise Violation(f"journal {number} has {' '.join(found) or 'nothing'}, not {' '.join(expected)}")

    def do_lives(self, *names: str) -> None:
        """These pods have addresses."""
        for name in names:
            if not self._lives[name].is_live:
                raise Violation(f"{name} has no address: {self._answer(name)}", self._lives[name].key)

    def do_hears(self, name: str, code: str, *text: str) -> None:
        """`hears web 11 no connection to the coordinator`: how the pod's last ADD was answered."""
        answer = self._answer(name)
        if answer is None or str(answer.code) != code or " ".join(text) not in answer.text:
            raise Violation(f"the runtime heard {answer} about {name}, not {code} {' '.join(text)}")

    def do_calls(self, least: str, most: str = "") -> None:
        """`calls 1`, `calls 1 3`: so many HTTP calls were made since this was said last, sweeps apart."""
        now_s = self.world.timeline.now_s
        made = self.world.grid.count_calls(self._counted_s, now_s)
        self._counted_s = now_s + 1e-9
        if not int(least) <= made <= int(most or least):
            raise Violation(f"few calls: {made} were made, not {least} to {most or least}")

    def do_marks(self, *names: str) -> None:
        """`marks two_machines`: these events have occurred."""
        missing = [name for name in names if not self.world.story.marks[name]]
        if missing:
            raise Violation(f"{', '.join(missing)} did not occur")

    def do_marks_not(self, *names: str) -> None:
        """`marks_not lost`: these events have not occurred."""
        found = [name for name in names if self.world.story.marks[name]]
        if found:
            raise Violation(f"{', '.join(found)} occurred")

    def do_excuses(self, *names: str) -> None:
        """`excuses second_address`: exactly these excuses were needed."""
        needed = {name for name, count in self.world.ledger.excused.items() if count}
        if needed != set(names):
            raise Violation(f"excused: {sorted(needed)}, not {sorted(names)}")

    def do_quiet(self) -> None:
        """Grid and journals agree."""
        self.world.quiet.check()

    # Inside

    def _answer(self, name: str) -> Answer | None:
        return self._lives[name].execs[-1].answer

    def _object_of(self, name: str) -> GridObject:
        return self.world.ledger.objects[list(self._lives[name].told)[-1]]

    def _journal(self, number: str) -> list[Any]:
        journal = self._computer(number).journal
        return list(journal.allocations.values()) if journal else []

    def _computer(self, number: str) -> Computer:
        return self.world.computers[int(number)]

    def _runtime(self, number: str) -> Runtime:
        runtime = self._computer(number).runtime
        assert runtime
        return runtime


def _name(thing: GridObject) -> str:
    return str(thing.extattrs.get("VM ID", "")) or "ready"
