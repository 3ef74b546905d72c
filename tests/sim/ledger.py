"""The checker while everything goes wrong.

It knows only what runtimes were told and did, what the grid holds, what lies in journals.

Whatever it finds wrong is a `Violation`. What the design leaves open on purpose (`EXCUSES`) is counted instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from math import inf
from typing import TYPE_CHECKING, Final

from gridsim.database.store import GridObject
from gridsim.model import Grid
from nodeagent.domain.allocation import CLAIMS, IN_USE, State
from nodeagent.domain.attachment import AttachmentId, Namespace
from protocol import errors
from protocol.wire.allocation_id import AllocationId
from protocol.wire.messages import Allocated
from tests.sim.lives import STRANGERS_JOURNAL, Excused, Life, Violation, journal_of
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from coordinator.nodes.sessions import Session
    from tests.sim.computer import Computer
    from tests.sim.coordinator_process import Coordinator
    from tests.sim.plugin_exec import Exec
    from tests.sim.swarm import Plan

TRY_AGAIN: Final = 11
STAYS: Final = 100
"""From this code on a failure stays until somebody sees to it."""
PROMISED_S: Final = {"ADD": 60.0, "DEL": 5.0, "CHECK": 1.0, "GC": 20.0}
"""So long does a verb take at most, whatever the agent does."""
BIN_MAX: Final = 50
FOREIGN_ID: Final = "a foreign id"
"""What somebody may write over an id of ours."""
CROSSED_S: Final = 45.0
"""So long after an object has come or come back, a coordinator that hung may say what it saw before."""


class Ledger:
    """All lives, and the verdict."""

    def __init__(self, timeline: Timeline, grid: Grid, release_delay_s: float) -> None:
        self.lives: list[Life] = []
        self.computers: list[Computer] = []
        self.excused = Excused()
        self.answers: Counter[str] = Counter()
        self.objects: dict[str, GridObject] = {}
        """What the grid holds of all clusters, by id."""
        self.removed: list[GridObject] = []
        """The recycle bin: what was deleted lately, by whomever."""
        self.lost: set[str] = set()
        """Of what coordinators have said that somebody else has its address."""
        self.forgotten: dict[str, str] = {}
        """What somebody else has deleted or edited away, and what has not come back since, with its address."""
        self.unprotected: set[str] = set()
        """What was so while no journal claimed it."""
        self.confused: dict[str, str] = {}
        """Ids that somebody has written on a second object, too: its key."""
        self.stamped: dict[str, set[str]] = {}
        """Ids that an admin has written on objects that were others', or restored: the keys of these."""
        self.overwritten: set[str] = set()
        """What somebody has written another label or comment on."""
        self._timeline = timeline
        self._grid = grid
        self._release_delay_s = release_delay_s
        self._foreign = {thing.key: thing for thing in grid.store.of_kind("fixedaddress")}
        self._rests: dict[str, tuple[float, Life]] = {}
        self._since_s: dict[str, float] = {}
        """Since when the grid has an object."""
        self._back_s: dict[str, float] = {}
        """When what was forgotten came back."""

    # What runtimes do and hear

    def begins(self, attachment: AttachmentId, namespace: Namespace, computer: Computer, plan: Plan) -> Life:
        """A runtime makes a sandbox."""
        life = Life(attachment, namespace, computer, plan)
        self.lives.append(life)
        return life

    def told(self, life: Life, address: str, allocation: str) -> None:
        """An ADD has succeeded, and its runtime believes it."""
        self.answers["ADD"] += 1
        if life.is_live and allocation not in life.told:
            self._told_another(life, address, allocation)
        if IPv4Address(address) not in IPv4Network(life.plan.subnet):
            raise Violation(
                f"{life.key} asked for {life.plan.subnet}, and was told {address}", life.key, allocation
            )
        if life.told.get(allocation, address) != address:
            raise Violation(f"{allocation} was at {life.told[allocation]}, now it is at {address}", allocation)
        if allocation not in life.told:
            self._check_given(life, address, allocation)
        life.told[allocation] = life.address = address
        life.is_live = True
        self._check_objects([life])

    def declined(self, life: Life, verb: str, code: int) -> None:
        """An ADD or a DEL has failed."""
        self.answers[f"{verb} {code}"] += 1
        if verb == "DEL":
            raise Violation(f"DEL never fails: {life.key} got {code}", life.key)
        if code not in (TRY_AGAIN, errors.UNKNOWN_CONTAINER) and code < STAYS:
            raise Violation(f"clear failure: {life.key} got {code}, though it asks for what is right", life.key)

    def claimed(self, life: Life) -> tuple[str, ...]:
        """What the journal of its computer has for a life, as it knows; empty after one of them was lost.

        What was adopted before the grid had its label, is nobody's as far as the journal knows.
        """
        rows = life.computer.journal.allocations if life.computer.journal else {}
        in_use = [rows[each] for each in life.told if each in rows and rows[each].state in IN_USE]
        known = [row.id for row in in_use if row.label]
        return () if self.lost & life.told.keys() else tuple(known)

    def checked(self, life: Life, code: int, claimed: tuple[str, ...]) -> None:
        """A CHECK of what lives was answered; `claimed`: what the journal had when it was asked."""
        self.answers[f"CHECK {code}"] += 1
        is_known = bool(claimed) and bool(self.claimed(life)) and not self.overwritten & life.told.keys()
        if code not in (0, TRY_AGAIN) and is_known:
            raise Violation(f"same answer: CHECK of {life.key}, which lives, got {code}", life.key)

    def dies(self, life: Life) -> None:
        """The container is gone: from now on its addresses may go to somebody else, after the delay."""
        for allocation, address in life.told.items() if life.is_live else ():
            if allocation not in self.forgotten:
                self._rests[address] = (self._timeline.now_s, life)
        life.is_live = False

    def deleted(self, life: Life) -> None:
        """Its agent has answered that its DEL is done: the journal has let go what it had."""
        journal = life.computer.journal
        for allocation in life.told:
            row = journal.allocations.get(allocation) if journal else None
            if row and row.state is State.ADOPTED and row.label is None:
                self.excused.excuse("adopted_without_label")
            elif row and row.state is State.ADOPTED and allocation in self.overwritten:
                self.excused.excuse("label_overwritten")
            elif row and row.state is not State.LET_GO:
                raise Violation(f"DEL of {life.key} is done, the journal holds {row}", life.key, allocation)

    def ended(self, plugin: Exec) -> None:
        """A plugin has ended."""
        if plugin.answer and plugin.took_s > PROMISED_S[plugin.verb]:
            key = str(plugin.attachment)
            raise Violation(f"bounded: {plugin.verb} of {key} took {plugin.took_s:.1f} s", key)

    def loses_journal(self, computer: Computer) -> None:
        """The journal of a running boot is gone: what the grid lacks at this moment, nobody can put back."""
        for allocation in computer.journal.allocations if computer.journal else ():
            if allocation in self.forgotten:
                self.unprotected.add(allocation)

    # What coordinators say and do

    def _is_disowned(self, allocation: str, by: Session) -> bool:
        """Whether one agent of a node claims what another one, whose id it is, has just disowned.

        Of two agents of one driver, an alarm by itself, one hears a moment later of what the other has said.
        """
        owner = AllocationId.parse(allocation).owner
        if allocation in self.objects or by.owner == owner:
            return False
        journals = [each.journal.identity.journal for each in self.computers if each.is_up and each.journal]
        return journals.count(owner.journal) > 0

    def tells(self, coordinator: Coordinator, message: Allocated) -> None:
        """A coordinator tells an address: nobody whom it has heard may claim it."""
        claims = coordinator.machine.sessions.claims_at(message.view, message.address)
        others = [
            each for each in claims if each != message.allocation and not self._is_disowned(each, claims[each])
        ]
        if others:
            text = f"{coordinator.name} tells {message.allocation} {message.address}, which {others} claim"
            raise Violation(text, message.allocation, message.address, *others)

    def says_lost(self, allocation: str) -> None:
        """A coordinator says that somebody else has this allocation's address."""
        # Somebody may have written the id on another object.
        is_moved = allocation in self.forgotten or allocation in self.overwritten
        is_there = allocation in self.objects and not is_moved
        if is_there and self._timeline.now_s - self._back_s.get(allocation, -inf) > CROSSED_S:
            raise Violation(f"{allocation} is told as lost, the grid has it", allocation)
        self.lost.add(allocation)

    def says_gone(self, allocation: str) -> None:
        """A coordinator confirms that the grid holds nothing under an id."""
        age_s = self._timeline.now_s - self._since_s.get(allocation, self._timeline.now_s)
        if allocation in self.objects and age_s > CROSSED_S:
            raise Violation(f"{allocation} is told as gone, the grid has had it for {age_s:.0f} s", allocation)

    def written(self, who: Coordinator | None) -> None:
        """The grid was changed, by a coordinator or by somebody else (None)."""
        before, self.objects = self.objects, self._read_objects()
        for allocation in self.objects:
            self._since_s.setdefault(allocation, self._timeline.now_s)
        for allocation, thing in before.items():
            after = self.objects.get(allocation)
            if after is None:
                self._since_s.pop(allocation, None)
                self.removed = [*self.removed[1 - BIN_MAX :], thing]
            if after is not thing and who is not None and self.confused.get(allocation) != thing.key:
                self._check_change(allocation, thing, who)
        if who is not None:
            self._check_objects(life for life in self.lives if life.is_live)
            for key, thing in self._foreign.items():
                if self._grid.store.get("fixedaddress", key) is not thing:
                    raise Violation(f"only ours: a foreign object at {thing.fields['ipv4addr']} was touched")

    def forget(self, allocation: str) -> None:
        """Somebody else is about to delete the object of an id, or to edit it away."""
        self.forgotten[allocation] = str(self.objects[allocation].fields["ipv4addr"])
        if not any(self._claims(computer, allocation) for computer in self.computers):
            self.unprotected.add(allocation)

    # Inside

    def _claims(self, computer: Computer, allocation: str) -> bool:
        row = computer.journal.allocations.get(allocation) if computer.is_up and computer.journal else None
        return row is not None and row.state in CLAIMS

    def _told_another(self, life: Life, address: str, allocation: str) -> None:
        before = life.told.keys()
        if before & self.lost:
            return
        if any(journal_of(each) == journal_of(allocation) for each in before):
            text = f"same answer: {life.key} had {life.address}, now it is {address}"
            raise Violation(text, life.key, address, life.address)
        self.excused.excuse("second_address")

    def _check_given(self, life: Life, address: str, allocation: str) -> None:
        """Nobody else lives with an address that is given away, nor did a moment ago."""
        for other in self.lives:
            if other is life:
                continue
            if other.is_live and address in other.told.values():
                self._check_shared(life, other, address, allocation)
            if allocation in other.told:
                raise Violation(f"{allocation} was given to {other.key}, now to {life.key}", allocation)
        died_s, before = self._rests.pop(address, (-1e9, life))
        rested_s = self._timeline.now_s - died_s
        if before is not life and rested_s < self._release_delay_s and life.plan.subnet.endswith("/24"):
            text = f"{address} went from {before.key} to {life.key} after {rested_s:.1f} s"
            raise Violation(text, before.key, life.key, address)

    def _check_shared(self, life: Life, other: Life, address: str, allocation: str) -> None:
        """Two have one address: only where the grid had lost the first, of which the coordinator had not heard."""
        its = [each for each, at in other.told.items() if at == address]
        if all(each in self.forgotten for each in its):
            self.excused.excuse("forgotten_unheard")
            return
        text = f"one holder: {address} was given to {life.key}, but {other.key} lives with it"
        raise Violation(text, life.key, other.key, address, allocation, *other.told)

    def _check_objects(self, lives: Iterable[Life]) -> None:
        """Every live sandbox has its objects."""
        for life in lives:
            for allocation, address in life.told.items():
                thing = self.objects.get(allocation)
                if (thing is None or thing.fields["ipv4addr"] != address) and allocation not in self.forgotten:
                    text = f"{life.key} lives with {address}, the grid has {thing} as {allocation}"
                    raise Violation(text, life.key, address, allocation)

    def _check_change(self, allocation: str, before: GridObject, coordinator: Coordinator) -> None:
        """An object was changed or deleted: by its own cluster alone, and deleted only if no journal claims it."""
        if not allocation.startswith(coordinator.cluster.id):
            raise Violation(f"only ours: {coordinator.name} has touched {allocation}", allocation)
        after = self.objects.get(allocation)
        if after is not None:
            if after.fields["ipv4addr"] != before.fields["ipv4addr"]:
                raise Violation(f"{coordinator.name} has moved {allocation}", allocation)
            return
        for computer in self.computers:
            row = computer.journal.allocations.get(allocation) if computer.is_up and computer.journal else None
            # What is adopted may have been let go by the journal that was lost.
            if row and row.state in (State.READY, State.HELD):
                text = f"{coordinator.name} has deleted {allocation}, which is {row.state} on {computer.node}"
                raise Violation(text, allocation, row.address)

    def _settle_twice(self, allocation: str, one: GridObject, other: GridObject) -> GridObject:
        """Of two objects that bear an id, one by an admin's doing, the other: a create was committed late.

        A stranger may ask two coordinators for one id, and harms itself.
        """
        stamped = self.stamped.get(allocation, set())
        is_strangers = journal_of(allocation) == STRANGERS_JOURNAL
        if not stamped & {one.key, other.key} and not is_strangers:
            raise Violation(f"{allocation} stands on two objects", allocation)
        second, first = (one, other) if one.key in stamped else (other, one)
        self.confused[allocation] = second.key
        return first

    def _read_objects(self) -> dict[str, GridObject]:
        objects: dict[str, GridObject] = {}
        for thing in self._grid.store.of_kind("fixedaddress"):
            allocation = str(thing.extattrs.get("Allocation ID", ""))
            is_second = self.confused.get(allocation) == thing.key
            if allocation in ("", FOREIGN_ID) or thing.key in self._foreign or is_second:
                continue
            if allocation in objects:
                thing = self._settle_twice(allocation, objects[allocation], thing)
            objects[allocation] = thing
            if self.forgotten.get(allocation) == thing.fields["ipv4addr"]:
                del self.forgotten[allocation]
                self._back_s[allocation] = self._timeline.now_s
        return objects
