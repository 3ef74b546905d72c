"""A node's container runtime: containers come and go, with everything that runtimes are known to do wrong."""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from random import Random
from typing import Final

from nodeagent.cni.request import AddRequest, CheckRequest, DelRequest, GcRequest, Request
from nodeagent.domain.attachment import AttachmentId, Network, Pod
from tests.sim.api_server import ApiServer, uid_of
from tests.sim.host import Host
from tests.sim.ledger import Ledger, Life
from tests.sim.plugin_exec import Answer, Exec
from tests.sim.swarm import Plan

RETRY_S: Final = 5.0
FOR_EVER_S: Final = 1e9
NOBODY: Final = AttachmentId("", "gc")
PLUGIN_S: Final = 3.0
"""Within such a time a plugin is killed, or overtaken by a DEL."""

Script = Generator[float | Exec, None, None]
Part = Generator[float | Exec, None, Answer | None]


class Runtime:
    """The containers of one node, each with a script of its own."""

    def __init__(
        self, host: Host, ledger: Ledger, random: Random, plans: tuple[Plan, ...], api_server: ApiServer
    ) -> None:
        self._host = host
        self._api_server = api_server
        self._ledger = ledger
        self._random = random
        self._plans = plans
        self._boot = 0
        self._containers = 0
        self._pods = 0
        self._lives: list[Life] = []
        self._is_draining = False
        host.runtime = self

    def begin(self) -> None:
        """Fill the node with pods."""
        for _ in range(self._host.swarm.pods_per_node):
            self._run(self._slot())

    def drain(self) -> None:
        """No more pods begin, none ends; what has begun is finished."""
        self._is_draining = True

    def begin_one(self, name: str = "") -> Life:
        """One pod more, from an outside hand."""
        return self._new_life(self._plans[0], name or self._new_pod(), name)

    def begin_again(self, old: Life) -> Life:
        """A container comes back under its ID."""
        self._lives.remove(old)
        life = self._remember(self._ledger.begins(old.attachment, self._host.node, old.subnet), old.pod)
        life.unheard = [plugin for plugin in old.unheard if not plugin.is_over]
        life.lost_journal = old.lost_journal
        return life

    def add_one(self, life: Life) -> None:
        """Its ADD."""
        self._run(self._just_add(life, self._plans[0]))

    def delete_one(self, life: Life) -> None:
        """That pod goes."""
        self._run(self._just_delete(life))

    def lives(self) -> list[Life]:
        """All that live."""
        return [life for life in self._lives if life.is_live]

    def excuse_all(self, excuse: str) -> None:
        """Whatever of this node is left behind from now on has this reason."""
        for life in self._lives:
            life.excuses.add(excuse)

    def known(self, said_s: float, held: list[AttachmentId], coordinator: object | None) -> None:
        """A coordinator has heard what this node said then of what it holds."""
        if coordinator:
            self._ledger.known(self._host.node, said_s, held, coordinator)

    def journal_is_lost(self) -> None:
        """The agent knows of nothing any more; what a DEL names it releases all the same."""
        for life in self._lives:
            self._ledger.journal_is_lost(life)

    def power_is_cut(self) -> None:
        """Nothing of this node lives any more, no script goes on."""
        self._boot += 1
        for life in self._lives:
            self._api_server.pod_goes(life.pod)
            if life.is_live:
                self._ledger.dies(life)
            if life.lost_journal and life.deleted_s == inf:
                life.excuses.add("journal_lost")

    def boots(self) -> None:
        """The machine starts."""
        self._ledger.boots(self._host.node, self._host.boot_id)

    def booted(self) -> None:
        """The runtime cleans up what it remembers, or not; then new pods come."""
        for life in self._lives[-20:]:
            if self._chance("del_after_reboot"):
                self._run(self._just_delete(life))
        if not self._is_draining:
            self.begin()

    def collect(self) -> None:
        """GC, with a list of what lives; some runtimes list too little, or nothing."""
        self._run(self._gc(self._random.choice(self._plans)))

    # The scripts

    def _gc(self, plan: Plan) -> Script:
        listed = [life.attachment for life in self.lives() if not self._chance("gc_list_short")]
        valid = None if self._chance("gc_list_absent") else frozenset(listed)
        plugin = self._exec("GC", GcRequest(plan.name, valid), NOBODY)
        yield plugin
        if plugin.answer and plugin.answer.code:
            self._ledger.answers[f"GC {plugin.answer.code}"] += 1

    def _slot(self) -> Script:
        """One pod after another; a pod whose sandbox fails gets another one."""
        yield self._random.random() * RETRY_S
        pod = self._new_pod()
        while not self._is_draining:
            plan = self._random.choice(self._plans)
            life = self._new_life(plan, pod)
            yield from self._container(life, plan)
            self._host.namespaces.remove(life.attachment)
            if self._random.random() < 0.5:
                self._api_server.pod_goes(pod)
                pod = self._new_pod()
            yield self._random.random() * RETRY_S
        self._api_server.pod_goes(pod)

    def _container(self, life: Life, plan: Plan) -> Script:
        while True:
            answer = yield from self._add(life, plan)
            if life.is_live:
                yield from self._live(life, plan)
                while self._is_draining:
                    yield FOR_EVER_S
                if self._chance("del_lost"):
                    self._ledger.dies(life)
                    life.excuses |= self._blind()
                    return
            else:
                self._note_failure(life, answer)
                if self._chance("del_after_failure_lost"):
                    return
            yield from self._delete(life)
            if not self._chance("id_reused"):
                return
            self._host.namespaces.remove(life.attachment)
            life = self.begin_again(life)

    def _live(self, life: Life, plan: Plan) -> Script:
        yield self._random.random() * self._host.swarm.life_s
        while self._chance("add_repeated") and not self._is_draining:
            repeated = self._exec("ADD", self._request(life, plan), life.attachment)
            yield repeated
            self._hear(life, repeated.answer)
            if self._chance("check"):
                yield from self._check(life, plan)
            yield self._random.random() * self._host.swarm.life_s

    def _add(self, life: Life, plan: Plan) -> Part:
        """One ADD, maybe two at once, maybe killed."""
        plugin = self._exec("ADD", self._request(life, plan), life.attachment)
        life.unheard.append(plugin)
        if self._chance("add_killed"):
            yield self._random.random() * PLUGIN_S
            plugin.kill()
            if plugin.answer is None and self._chance("add_repeated"):
                plugin = self._exec("ADD", self._request(life, plan), life.attachment)
                life.unheard.append(plugin)
        elif self._chance("add_overlapped_by_del"):
            yield self._random.random() * PLUGIN_S
            if not plugin.is_over:
                return None
        twin = plugin
        if self._chance("add_doubled"):
            twin = self._exec("ADD", self._request(life, plan), life.attachment)
            life.unheard.append(twin)
        yield plugin
        self._hear(life, plugin.answer)
        if twin is not plugin:
            yield twin
            self._hear(life, twin.answer)
        return plugin.answer

    def _check(self, life: Life, plan: Plan) -> Script:
        """CHECK of what lives, with what its ADD was answered."""
        previous = (f"{life.address}/{plan.subnet.rpartition('/')[2]}",)
        network = Network(plan.name, None, plan.subnet, plan.gateway)
        plugin = self._exec("CHECK", CheckRequest("1.0.0", life.attachment, network, previous), life.attachment)
        yield plugin
        if plugin.answer and plugin.answer.code:
            self._ledger.declined(life, "CHECK", plugin.answer.code)

    def _delete(self, life: Life) -> Script:
        """DEL until it succeeds, and twice more, as some runtimes do."""
        self._ledger.dies(life)
        life.excuses -= {"del_lost", "journal_lost"}
        life.unheard = [plugin for plugin in life.unheard if not plugin.is_over]
        for _ in range(self._random.choice((1, 1, 3))):
            plugin = self._exec("DEL", DelRequest(life.attachment), life.attachment)
            yield plugin
            if plugin.answer and plugin.answer.code:
                self._ledger.declined(life, "DEL", plugin.answer.code)
            elif plugin.answer and not plugin.is_kept:
                self._ledger.deleted(life)

    def _just_add(self, life: Life, plan: Plan) -> Script:
        yield from self._add(life, plan)
        if not life.is_live and not self._chance("del_after_failure_lost"):
            yield from self._delete_with_pod(life)

    def _just_delete(self, life: Life) -> Script:
        yield self._random.random() * RETRY_S
        yield from self._delete_with_pod(life)

    def _delete_with_pod(self, life: Life) -> Script:
        yield from self._delete(life)
        self._host.namespaces.remove(life.attachment)
        self._api_server.pod_goes(life.pod)

    # Inside

    def _exec(self, verb: str, request: Request, attachment: AttachmentId) -> Exec:
        plugin = self._host.exec_plugin(verb, request, attachment)
        plugin.when_over(lambda: self._ledger.ended(plugin))
        return plugin

    def _hear(self, life: Life, answer: Answer | None) -> None:
        if answer and answer.code == 0:
            agent = self._host.agent
            self._ledger.told(life, answer.text, agent.coordinator if agent else None)
        elif life.is_live:
            life.was_repeated_in_vain = True

    def _note_failure(self, life: Life, answer: Answer | None) -> None:
        if answer:
            self._ledger.declined(life, "ADD", answer.code)

    def _request(self, life: Life, plan: Plan) -> AddRequest:
        network = Network(plan.name, None, plan.subnet, plan.gateway)
        namespace = self._host.namespaces.make(life.attachment)
        pod = Pod(life.pod, "default", uid_of(life.pod))
        return AddRequest("1.0.0", life.attachment, network, pod, namespace=namespace)

    def _new_pod(self) -> str:
        self._pods += 1
        return f"pod-{self._host.number}-{self._pods}"

    def _new_life(self, plan: Plan, pod: str, name: str = "") -> Life:
        self._containers += 1
        ifname = self._random.choice(("eth0", "eth0", "net1"))
        attachment = AttachmentId(name or f"h{self._host.number}c{self._containers}", ifname)
        return self._remember(self._ledger.begins(attachment, self._host.node, plan.subnet), pod)

    def _remember(self, life: Life, pod: str) -> Life:
        self._lives.append(life)
        self._api_server.pod_comes(pod)
        life.pod, life.boot_id = pod, self._host.boot_id
        life.is_blind = bool(self._blind())
        return life

    def _blind(self) -> set[str]:
        """The excuse for what no DEL came for, where the agent cannot see that its namespace is gone."""
        return set() if self._host.namespaces.sight == "clear" else {"del_lost"}

    def _chance(self, name: str) -> bool:
        return self._random.random() < self._host.rates[name]

    def _run(self, script: Script) -> None:
        boot = self._boot

        def go_on() -> None:
            if boot != self._boot or not self._host.is_up:
                return
            wanted = next(script, None)
            if isinstance(wanted, Exec):
                wanted.when_over(later)
            elif wanted is not None:
                self._host.timeline.after(wanted, go_on)

        def later() -> None:
            self._host.timeline.after(0.0, go_on)

        later()
