"""The checker: it knows only what runtimes were told and did, and what the grid holds.

Whatever it finds wrong is a `Violation`. What only a later part of the product can put right (`EXCUSES`) is
counted instead, as long as it is switched on here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from math import inf
from typing import Final

from gridsim.model import Grid
from gridsim.store import GridObject
from nodeagent.domain.attachment import AttachmentId
from protocol import errors
from tests.sim.plugin_exec import Exec
from tests.sim.story import Story
from tests.sim.timeline import Timeline

EXCUSES: Final = frozenset(
    {
        "del_lost",  # where the agent cannot see that the namespace is gone: until the sweep
        "node_lost",  # until the sweep knows of deleted nodes
        "node_renamed",  # until the sweep
        "journal_lost",  # until the sweep compares boot IDs and journals
        "forgotten_before_known",  # an address that neither grid nor coordinator could know of
        "restored_late",  # a restitution that was lost, and is committed when its address belongs to its own ADD
        "tidied_elsewhere",  # by a coordinator that its node has left, whose journal names another object
        "second_object",  # made by two coordinators, or late: until its DEL, the next hello, or the sweep
        "given_back",  # to a holder that was gone, whose node was not heard since: until the sweep
    }
)
"""Ways to leave something behind that are known, and not this release's to clean up."""

AWAY: Final = frozenset({"node_lost", "node_renamed"})
"""Reasons that concern a node of which no agent speaks any more."""


TRY_AGAIN: Final = 11
STAYS: Final = 100
"""From this code on a failure stays until somebody sees to it."""
PROMISED_S: Final = {"ADD": 60.0, "DEL": 5.0, "CHECK": 1.0, "GC": 20.0}
"""So long does a verb take at most, whatever the agent does."""
DECIDED_S: Final = 60.0
"""What a coordinator decided before it heard of something may be carried out so much later."""

NOTHING: Final = "nothing there"

Holder = tuple[str, str, str]


class Violation(AssertionError):
    """Something that must never be; `subjects` are the attachments and addresses that it concerns."""

    def __init__(self, text: str, *subjects: str) -> None:
        super().__init__(text)
        self.subjects = subjects


@dataclass
class Life:
    """One attachment as its runtime knows it."""

    attachment: AttachmentId
    node: str
    subnet: str
    address: str | None = None
    is_live: bool = False
    is_forgotten: bool = False
    told_s: float = 0.0
    died_s: float | None = None
    deleted_s: float = inf
    """When its agent answered that its DEL is done, and no ADD of it was under way."""
    excuses: set[str] = field(default_factory=set)
    known_by: dict[int, float] = field(default_factory=dict)
    """Which coordinators know of it, and since when."""
    lost_journal: bool = False
    was_repeated_in_vain: bool = False
    """Whether it lives, and a later ADD of it failed: an agent that lost its journal takes it for unclaimed."""
    pod: str = ""
    boot_id: str = ""
    is_blind: bool = False
    """Whether its agent cannot see namespaces."""
    unheard: list[Exec] = field(default_factory=list)
    """Execs of ADD whose answer the runtime did not get, and which no DEL followed."""

    def reasons(self) -> set[str]:
        """Why the grid may still hold something of it when it is gone."""
        was_read = any(plugin.has_read_or_may_have() for plugin in self.unheard)
        return self.excuses | ({"del_lost"} if was_read and self.is_blind else set())

    @property
    def key(self) -> str:
        """The attachment in words."""
        return str(self.attachment)


class Ledger:
    """All lives, and the verdict."""

    def __init__(self, timeline: Timeline, story: Story, grid: Grid, release_delay_s: float, swept: str) -> None:
        self.lives: dict[AttachmentId, Life] = {}
        self.excused: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._timeline = timeline
        self._story = story
        self._grid = grid
        self._release_delay_s = release_delay_s
        self._swept = swept
        self._boots: dict[str, str] = {}
        self._foreign = {thing.key: thing for thing in grid.store.of_kind("fixedaddress")}
        self._rests: dict[str, tuple[float, str]] = {}
        self._holders: dict[str, Holder] = {}
        self._held_since_s: dict[str, float] = {}
        self._heard: dict[tuple[int, str], tuple[float, float, frozenset[AttachmentId]]] = {}

    # What runtimes do and hear

    def boots(self, node: str, boot_id: str) -> None:
        """A machine starts under this name."""
        self._boots[node] = boot_id

    def begins(self, attachment: AttachmentId, node: str, subnet: str) -> Life:
        """A runtime asks for an address for the first time, or anew after a DEL."""
        life = self.lives[attachment] = Life(attachment, node, subnet)
        return life

    def told(self, life: Life, address: str, known_by: object | None) -> None:
        """An ADD has succeeded, and its runtime believes it."""
        self.answers["ADD"] += 1
        if life.is_live and life.address != address:
            text = f"same answer: {life.key} had {life.address}, now it is {address}"
            if not life.lost_journal:
                raise Violation(text, life.key, address, str(life.address))
            self._excuse("journal_lost", life, text, address)
        if not (life.is_live and life.address == address):
            self._check_given(life, address, known_by)
        if not life.is_live:
            life.told_s = self._timeline.now_s
        life.address, life.is_live = address, True
        if known_by is not None:
            life.known_by.setdefault(id(known_by), self._timeline.now_s)
        self.check_grid()

    def known(self, node: str, said_s: float, held: Iterable[AttachmentId], coordinator: object) -> None:
        """A coordinator has heard what a node said then of what it holds."""
        named = frozenset(held)
        self._heard[id(coordinator), node] = said_s, self._timeline.now_s, named
        for attachment in named:
            if life := self.lives.get(attachment):
                life.known_by.setdefault(id(coordinator), self._timeline.now_s)
        self._check_named(node, said_s, named)

    def journal_is_lost(self, life: Life) -> None:
        """Nobody can tell coordinators of it any more."""
        life.excuses.add("journal_lost")
        life.lost_journal = True
        life.known_by.clear()

    def written(self, coordinator: object, fate: str) -> None:
        """A coordinator has changed the grid, by a call with that fate."""
        holders = {str(thing.fields["ipv4addr"]): identity(thing) for thing in self._ours()}
        for address, holder in holders.items():
            if self._holders.get(address, holder) != holder:
                self._passed_on(holder, coordinator)
            if self._holders.get(address) != holder:
                self._held_since_s[address] = self._timeline.now_s
        self._holders = holders
        for life in self.lives.values():
            is_missing = life.is_live and not life.is_forgotten and not self._has_object(life)
            if not is_missing:
                continue
            text = f"{life.key} lost {life.address} to a late or unknowing coordinator"
            if id(coordinator) not in life.known_by and self._has_another_object(life):
                self._excuse("tidied_elsewhere", life, text, str(life.address))
                life.is_forgotten = True
            elif self._twin_has_object(life):
                self._excuse("forgotten_before_known", life, text, str(life.address))
                life.is_forgotten = True
            elif life.lost_journal and life.was_repeated_in_vain:
                self._excuse("journal_lost", life, text, str(life.address))
                life.is_forgotten = True
            elif fate == "late_commit" and self._at(str(life.address)) != NOTHING:
                self._excuse("restored_late", life, text, str(life.address))
                life.is_forgotten = True
                self.lives[AttachmentId(*holders[str(life.address)][:2])].excuses.add("restored_late")
        self.check_grid()

    def _passed_on(self, holder: Holder, coordinator: object) -> None:
        """An object was made another's: of a holder that is gone, where the coordinator cannot know of that."""
        life = self.lives.get(AttachmentId(holder[0], holder[1]))
        if life is None or life.is_live:
            return
        died_s = self._timeline.now_s if life.died_s is None else life.died_s
        said_s, heard_s, held = self._heard.get((id(coordinator), holder[2]), (-1.0, -1e9, frozenset()))
        is_late = self._timeline.now_s < heard_s + DECIDED_S
        if said_s < died_s or life.attachment in held or is_late:
            life.excuses.add("given_back")

    def ended(self, plugin: Exec) -> None:
        """A plugin's process is over."""
        if plugin.took_s > PROMISED_S[plugin.verb]:
            key = str(plugin.attachment)
            raise Violation(f"bounded: {plugin.verb} of {key} took {plugin.took_s:.1f} s", key)

    def declined(self, life: Life, verb: str, code: int) -> None:
        """A verb has failed."""
        self.answers[f"{verb} {code}"] += 1
        if verb == "DEL":
            raise Violation(f"DEL never fails: {life.key} got {code}", life.key)
        if verb == "ADD" and code not in (TRY_AGAIN, errors.UNKNOWN_CONTAINER) and code < STAYS:
            raise Violation(f"clear failure: {life.key} got {code}, though it asks for what is right", life.key)
        if verb == "CHECK" and code != TRY_AGAIN and not life.lost_journal:
            raise Violation(f"same answer: CHECK of {life.key}, which lives, got {code}", life.key)

    def dies(self, life: Life) -> None:
        """The container is gone: from now on its address may go to somebody else, after the delay."""
        if life.is_live and life.address and not life.is_forgotten:
            self._rests[life.address] = (self._timeline.now_s, life.key)
        life.is_live = False
        life.died_s = self._timeline.now_s

    def deleted(self, life: Life) -> None:
        """Its agent has answered that its DEL is done."""
        if not life.unheard:
            life.deleted_s = min(life.deleted_s, self._timeline.now_s)

    # What must always be true

    def check_grid(self) -> None:
        """Every live attachment has its object; nobody else's object was touched."""
        for life in self.lives.values():
            if life.is_live and not life.is_forgotten and not self._has_object(life):
                text = f"{life.key} lives with {life.address}, but the grid has {self._at(str(life.address))}"
                raise Violation(text, life.key, str(life.address))
        store = self._grid.store
        for key, thing in self._foreign.items():
            if store.get("fixedaddress", key) is not thing:
                raise Violation(f"only ours: a foreign object at {thing.fields['ipv4addr']} was touched")

    # What must be true when all is quiet

    def check_quiet(self) -> None:
        """The grid holds exactly the live attachments."""
        self.check_grid()
        for thing in self._ours():
            who, address = identity(thing), str(thing.fields["ipv4addr"])
            life = self.lives.get(AttachmentId(who[0], who[1]))
            if life is None:
                raise Violation(f"the grid holds {address} for {who}, of which no runtime knows", address)
            if life.is_live and life.node == who[2]:
                if address != life.address and life.lost_journal:
                    self.excused["journal_lost"] += 1
                elif address != life.address and not self._swept:
                    self.excused["second_object"] += 1
                elif address != life.address:
                    raise Violation(f"{life.key} has {life.address}, and {address} as well", life.key, address)
                continue
            self._left_behind(life, thing)

    def _left_behind(self, life: Life, thing: GridObject) -> None:
        node, address = identity(thing)[2], str(thing.fields["ipv4addr"])
        text = f"nothing left behind: {life.key} of {node} is gone, the grid still holds {address}"
        for excuse in sorted(life.reasons() - self._swept_up(life, thing)):
            if excuse in EXCUSES:
                self.excused[excuse] += 1
                return
        raise Violation(text, life.key, address)

    def _swept_up(self, life: Life, thing: GridObject) -> Set[str]:
        """Which reasons are none, since sweeps knew enough. Made anew, an object may not name its pod any more."""
        if not self._swept:
            return frozenset()
        gone = self._swept != "nobody" and bool(life.reasons() & AWAY)
        is_pod_gone = all(other.pod != life.pod or not other.is_live for other in self.lives.values())
        seen = self._swept == "pods" and is_pod_gone and "VM Name" in thing.extattrs
        is_booted = self._boots.get(life.node) != life.boot_id and not life.reasons() & AWAY
        if gone or is_booted:
            return EXCUSES
        # What a journal holds lives: only its agent can see that a DEL never came.
        return EXCUSES - {"del_lost"} if seen else frozenset()

    def _excuse(self, name: str, life: Life, text: str, address: str) -> None:
        if name not in EXCUSES:
            raise Violation(text, life.key, address)
        self.excused[name] += 1

    def _check_given(self, life: Life, address: str, known_by: object | None) -> None:
        """Nobody else lives with an address that is given away, nor did a moment ago."""
        for other in self.lives.values():
            if other.is_live and other is not life and other.address == address:
                self._held_twice(life, other, address, known_by)
        self._check_rest(life, address)

    def _held_twice(self, life: Life, other: Life, address: str, known_by: object | None) -> None:
        text = f"one holder: {address} was given to {life.key}, but {other.key} lives with it"
        made_s = self._held_since_s.get(address, self._timeline.now_s)
        if other.is_forgotten and other.known_by.get(id(known_by), inf) > made_s:
            self._excuse("forgotten_before_known", life, text, address)
            return
        raise Violation(text, life.key, other.key, address)

    def _check_rest(self, life: Life, address: str) -> None:
        died_s, who = self._rests.pop(address, (-1e9, ""))
        rested_s = self._timeline.now_s - died_s
        if who != life.key and rested_s < self._release_delay_s and life.subnet.endswith("/24"):
            text = f"{address} went from {who} to {life.key} after {rested_s:.1f} s"
            raise Violation(text, who, life.key, address)

    def _check_named(self, node: str, said_s: float, named: frozenset[AttachmentId]) -> None:
        """What a runtime was told is what its journal says, for good."""
        for life in self.lives.values():
            if life.deleted_s < said_s and life.attachment in named:
                raise Violation(f"DEL is never lost: {node} still holds {life.key}", life.key)
            was_told = life.is_live and life.node == node and life.told_s < said_s
            if was_told and not life.lost_journal and life.attachment not in named:
                raise Violation(f"same answer: {node} does not know {life.key} any more, which lives", life.key)

    def _has_object(self, life: Life) -> bool:
        wanted = (life.attachment.container_id, life.attachment.ifname, life.node)
        found = self._grid.store.found_by("fixedaddress", "ipv4addr", life.address)
        return any(identity(thing) == wanted for thing in found)

    def _twin_has_object(self, life: Life) -> bool:
        """Whether the address has gone to one who was told it as well: that was judged when the second was."""
        lives = self.lives.values()
        twins = [each for each in lives if each is not life and each.is_live and each.address == life.address]
        return any(self._has_object(twin) for twin in twins)

    def _has_another_object(self, life: Life) -> bool:
        wanted = (life.attachment.container_id, life.attachment.ifname, life.node)
        return any(identity(thing) == wanted for thing in self._ours())

    def _at(self, address: str) -> str:
        found = self._grid.store.found_by("fixedaddress", "ipv4addr", address)
        return " and ".join(str(identity(thing)) for thing in found) or NOTHING

    def _ours(self) -> list[GridObject]:
        return [
            thing
            for thing in self._grid.store.of_kind("fixedaddress")
            if thing.key not in self._foreign and "VM ID" in thing.extattrs
        ]


def identity(thing: GridObject) -> Holder:
    """Whose object it is."""
    eas = thing.extattrs
    return str(eas.get("VM ID", "")), str(eas.get("Interface Name", "")), str(eas.get("Location", ""))
