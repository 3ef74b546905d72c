"""A computer's container runtime: containers come and go, with everything that runtimes are known to do wrong."""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Final

from nodeagent.domain.attachment import AttachmentId, Network, Pod, Want
from nodeagent.domain.events import AddAsked, CheckAsked, DelAsked, Event, GcAsked
from tests.sim.computer import Computer
from tests.sim.ledger import Ledger
from tests.sim.lives import Life
from tests.sim.plugin_exec import Answer, Exec
from tests.sim.swarm import Plan

RETRY_S: Final = 5.0
LATER_S: Final = 25.0
"""So long rests a pod that stays, after an ADD that has failed."""
FOR_EVER_S: Final = 1e9
PLUGIN_S: Final = 3.0
"""Within such a time a plugin is killed, or overtaken by a DEL."""

Script = Generator[float | Exec, None, None]
Part = Generator[float | Exec, None, Answer | None]


class Runtime:
    """The containers of one computer, each with a script of its own."""

    def __init__(self, computer: Computer, ledger: Ledger, random: Random, plans: tuple[Plan, ...]) -> None:
        self._computer = computer
        self._ledger = ledger
        self._random = random
        self._plans = plans
        self._boot = 0
        self._containers = 0
        self._is_draining = False
        computer.runtime = self

    def booted(self) -> None:
        """The machine has started: pods come."""
        if not self._is_draining:
            for _ in range(self._computer.swarm.pods_per_node):
                self.run(self._slot())

    def drain(self) -> None:
        """No more pods begin, none ends; what has begun is finished."""
        self._is_draining = True

    def power_is_cut(self) -> None:
        """Nothing of this computer lives any more, no script goes on."""
        self._boot += 1
        for life in self.lives():
            self._ledger.dies(life)

    def lives(self) -> list[Life]:
        """All sandboxes of this computer that live."""
        return [life for life in self._ledger.lives if life.computer is self._computer and life.is_live]

    def collect(self) -> None:
        """GC, with a list of what lives; some runtimes list too little, or nothing."""
        self.run(self._gc(self._random.choice(self._plans)))

    def add_one(self, plan: Plan) -> Life:
        """One pod more, from an outside hand; it stays."""
        life = self.begin(self._new_attachment(), plan)
        self.run(self._stay(life))
        return life

    def delete_one(self, life: Life) -> None:
        """That pod goes."""
        self.run(self._end(life))

    def add(self, life: Life) -> None:
        """The runtime asks for a pod's address, once more if it has one."""
        self.run(self._add_once(life))

    def check_one(self, life: Life) -> None:
        """The runtime has a pod checked."""
        self.run(self._check(life))

    def vanish(self, life: Life) -> None:
        """The sandbox goes with its namespace, and no DEL comes."""
        self._ledger.dies(life)
        self._computer.namespaces.remove(life.attachment)

    def begin(self, attachment: AttachmentId, plan: Plan) -> Life:
        """A sandbox is made."""
        namespace = self._computer.namespaces.make(attachment)
        return self._ledger.begins(attachment, namespace, self._computer, plan)

    def begin_again(self, life: Life) -> Life:
        """The container starts under its ID, in a new namespace; no runtime leaves an ADD of before running."""
        for plugin in life.execs:
            plugin.kill()
        self.vanish(life)
        return self.begin(life.attachment, life.plan)

    def run(self, script: Script) -> None:
        """Follow this script until the machine dies."""
        boot = self._boot

        def go_on() -> None:
            if boot != self._boot or not self._computer.is_up:
                return
            wanted = next(script, None)
            if isinstance(wanted, Exec):
                wanted.when_over(later)
            elif wanted is not None:
                self._computer.timeline.after(wanted, go_on)

        def later() -> None:
            self._computer.timeline.after(0.0, go_on)

        later()

    # The scripts

    def _gc(self, plan: Plan) -> Script:
        listed = [life.attachment for life in self.lives() if not self._chance("gc_list_short")]
        valid = None if self._chance("gc_list_absent") else frozenset(listed)
        yield self._exec("GC", AttachmentId("", "gc"), lambda caller: GcAsked(caller, plan.name, valid))

    def _slot(self) -> Script:
        """One pod after another."""
        yield self._random.random() * RETRY_S
        while not self._is_draining:
            life = self.begin(self._new_attachment(), self._random.choice(self._plans))
            yield from self._container(life)
            yield self._random.random() * RETRY_S

    def _container(self, life: Life) -> Script:
        """A container, which may come back under its ID, with or without a DEL before."""
        while True:
            yield from self._add(life)
            if life.is_live:
                yield from self._live(life)
                while self._is_draining:
                    yield FOR_EVER_S
                if self._chance("restarted_in_place"):
                    life = self.begin_again(life)
                    continue
                if self._chance("del_lost"):
                    self.vanish(life)
                    return
            elif self._chance("del_after_failure_lost"):
                self.vanish(life)
                return
            yield from self._delete(life)
            if not self._chance("id_reused"):
                self._computer.namespaces.remove(life.attachment)
                return
            life = self.begin_again(life)

    def _add_once(self, life: Life) -> Script:
        yield from self._add(life)

    def _stay(self, life: Life) -> Script:
        while not life.is_live:
            yield from self._add(life)
            yield LATER_S

    def _end(self, life: Life) -> Script:
        yield from self._delete(life)
        self._computer.namespaces.remove(life.attachment)

    def _live(self, life: Life) -> Script:
        yield self._random.random() * self._computer.swarm.life_s
        if self._chance("check"):
            yield from self._check(life)
        while self._chance("add_repeated") and not self._is_draining:
            repeated = self._exec_add(life)
            yield repeated
            self._hear(life, repeated.answer)
            if self._chance("check"):
                yield from self._check(life)
            yield self._random.random() * self._computer.swarm.life_s

    def _add(self, life: Life) -> Part:
        """One ADD, maybe two at once, maybe killed."""
        plugin = self._exec_add(life)
        if self._chance("add_killed"):
            yield self._random.random() * PLUGIN_S
            plugin.kill()
            if plugin.answer is None and self._chance("add_repeated"):
                plugin = self._exec_add(life)
        elif self._chance("add_overlapped_by_del"):
            yield self._random.random() * PLUGIN_S
            if not plugin.is_over:
                return None
        twin = self._exec_add(life) if self._chance("add_doubled") else plugin
        yield plugin
        self._hear(life, plugin.answer)
        if twin is not plugin:
            yield twin
            self._hear(life, twin.answer)
        return plugin.answer

    def _check(self, life: Life) -> Script:
        """CHECK of what lives, with what its ADD was answered."""
        previous = (f"{life.address}/{life.plan.subnet.rpartition('/')[2]}",)
        name, claimed = _network(life.plan).name, self._ledger.claimed(life)
        plugin = self._exec(
            "CHECK", life.attachment, lambda caller: CheckAsked(caller, life.attachment, name, previous)
        )
        yield plugin
        if plugin.answer:
            self._ledger.checked(life, plugin.answer.code, claimed)

    def _delete(self, life: Life) -> Script:
        """DEL until it succeeds, and twice more, as some runtimes do."""
        self._ledger.dies(life)
        for _ in range(self._random.choice((1, 1, 3))):
            plugin = self._exec("DEL", life.attachment, lambda caller: DelAsked(caller, life.attachment))
            yield plugin
            if plugin.answer and plugin.answer.code:
                self._ledger.declined(life, "DEL", plugin.answer.code)
            elif plugin.answer and not plugin.is_kept:
                self._ledger.deleted(life)

    # Inside

    def _exec(self, verb: str, attachment: AttachmentId, request: Callable[[int], Event]) -> Exec:
        plugin = self._computer.exec_plugin(verb, attachment, request)
        plugin.when_over(lambda: self._ledger.ended(plugin))
        return plugin

    def _exec_add(self, life: Life) -> Exec:
        pod = Pod(f"pod-{life.attachment.container_id}", "shop", f"uid-{life.attachment.container_id}")

        def request(caller: int) -> Event:
            wants = (Want(_network(life.plan)),)
            return AddAsked(caller, f"r-{caller}", life.attachment, wants, life.namespace, pod)

        plugin = self._exec("ADD", life.attachment, request)
        life.execs.append(plugin)
        return plugin

    def _hear(self, life: Life, answer: Answer | None) -> None:
        if answer and answer.code == 0:
            self._ledger.told(life, answer.text, answer.allocation)
        elif answer:
            self._ledger.declined(life, "ADD", answer.code)

    def _new_attachment(self) -> AttachmentId:
        self._containers += 1
        ifname = self._random.choice(("eth0", "eth0", "net1"))
        return AttachmentId(f"h{self._computer.number}c{self._containers}", ifname)

    def _chance(self, name: str) -> bool:
        return self._random.random() < self._computer.rates[name]


def _network(plan: Plan) -> Network:
    return Network(plan.name, None, plan.subnet, plan.gateway)
