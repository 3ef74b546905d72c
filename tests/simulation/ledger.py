"""The checker: it knows only what runtimes were told and did, what the grid holds, what lies in journals.

Whatever it finds wrong is a `Violation`. What the design leaves open on purpose (`EXCUSES`) is counted instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final

from gridsim.model import Grid
from gridsim.store import GridObject
from nodeagent.domain.allocation import CLAIMS, Allocation, State
from nodeagent.domain.attachment import AttachmentId, Namespace
from protocol import errors
from protocol.wire.allocation_id import AllocationId, hash_boot, hash_machine
from protocol.wire.messages import Allocated
from tests.sim.story import Story
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.simulation.computer import Computer
    from tests.simulation.coordinator_process import Coordinator
    from tests.simulation.plugin_exec import Exec
    from tests.simulation.swarm import Plan

EXCUSES: Final = {
    "second_address": "a repeated ADD does not wait for what the lost journal had; DEL lets both go",
    "adopted_without_label": "somebody may hold what no label was written on before its journal was lost",
    "put_back_for_silent": "a coordinator that a node has left puts back once what the node has let go since",
    "refill_tried": "after each listing one ask (with its look-ups) sees whether others have freed an address",
    "needs_a_person": "what another boot of a cloned node has left goes when a person says which machine it is",
    "lost_and_deleted": "its journal was lost, and somebody deleted its object before it was told to the next",
    "forgotten_unheard": "the grid forgot an address of whose claim its coordinator had not heard yet",
}
"""What may be, and why it is true that nothing can be done about it."""

TRY_AGAIN: Final = 11
STAYS: Final = 100
"""From this code on a failure stays until somebody sees to it."""
PROMISED_S: Final = {"ADD": 60.0, "DEL": 5.0, "CHECK": 1.0, "GC": 20.0}
"""So long does a verb take at most, whatever the agent does."""


class Violation(AssertionError):
    """Something that must never be; `subjects` are the attachments, ids and addresses that it concerns."""

    def __init__(self, text: str, *subjects: str) -> None:
        super().__init__(text)
        self.subjects = subjects


@dataclass(eq=False)
class Life:
    """One sandbox as its runtime knows it: an attachment in one namespace."""

    attachment: AttachmentId
    namespace: Namespace
    computer: Computer
    plan: Plan
    boot: str
    told: dict[str, str] = field(default_factory=dict)
    """Every allocation that it was told, with its address: it may use all of them until it dies."""
    address: str = ""
    """The one of the last answer."""
    is_live: bool = False
    is_forgotten: bool = False
    """Whether somebody else has deleted its object."""
    lost_journal: bool = False
    """Whether the journal that gave it its address was lost."""
    execs: list[Exec] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The attachment in words."""
        return str(self.attachment)


class Ledger:
    """All lives, and the verdict."""

    def __init__(self, timeline: Timeline, story: Story, grid: Grid, release_delay_s: float) -> None:
        self.lives: list[Life] = []
        self.computers: list[Computer] = []
        self.cloned: dict[str, str] = {}
        """The cluster of each node whose key two machines use (NODE of its ids)."""
        self.excused: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._timeline = timeline
        self._story = story
        self._grid = grid
        self._release_delay_s = release_delay_s
        self._foreign = {thing.key: thing for thing in grid.store.of_kind("fixedaddress")}
        self._objects: dict[str, GridObject] = {}
        self._rests: dict[str, tuple[float, Life]] = {}
        self._lost: set[str] = set()

    # What runtimes do and hear

    def begins(self, attachment: AttachmentId, namespace: Namespace, computer: Computer, plan: Plan) -> Life:
        """A runtime makes a sandbox."""
        life = Life(attachment, namespace, computer, plan, computer.boot_id)
        self.lives.append(life)
        return life

    def told(self, life: Life, address: str, allocation: str) -> None:
        """An ADD has succeeded, and its runtime believes it."""
        self.answers["ADD"] += 1
        if life.is_live and allocation not in life.told:
            self._told_another(life, address)
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
        """A verb has failed."""
        self.answers[f"{verb} {code}"] += 1
        if verb == "DEL":
            raise Violation(f"DEL never fails: {life.key} got {code}", life.key)
        if verb == "ADD" and code not in (TRY_AGAIN, errors.UNKNOWN_CONTAINER) and code < STAYS:
            raise Violation(f"clear failure: {life.key} got {code}, though it asks for what is right", life.key)
        is_excused = life.lost_journal or life.told.keys() & self._lost
        if verb == "CHECK" and code != TRY_AGAIN and not is_excused:
            raise Violation(f"same answer: CHECK of {life.key}, which lives, got {code}", life.key)

    def dies(self, life: Life) -> None:
        """The container is gone: from now on its addresses may go to somebody else, after the delay."""
        if life.is_live and not life.is_forgotten:
            for address in life.told.values():
                self._rests[address] = (self._timeline.now_s, life)
        life.is_live = False

    def deleted(self, life: Life) -> None:
        """Its agent has answered that its DEL is done: the journal has let go what it had."""
        journal = life.computer.journal
        for allocation in life.told:
            row = journal.allocations.get(allocation) if journal else None
            if row and row.state is State.ADOPTED and row.label is None:
                self.excuse("adopted_without_label")
            elif row and row.state is not State.LET_GO:
                raise Violation(f"DEL of {life.key} is done, the journal holds {row}", life.key, allocation)

    def ended(self, plugin: Exec) -> None:
        """A plugin has ended."""
        if plugin.answer and plugin.took_s > PROMISED_S[plugin.verb]:
            key = str(plugin.attachment)
            raise Violation(f"bounded: {plugin.verb} of {key} took {plugin.took_s:.1f} s", key)

    # What coordinators say and do

    def tells(self, coordinator: Coordinator, message: Allocated) -> None:
        """A coordinator tells an address: nobody whom it has heard may claim it."""
        claims = coordinator.machine.sessions.claims_at(message.view, message.address)
        others = [each for each in claims if each != message.allocation]
        if others:
            text = f"{coordinator.name} tells {message.allocation} {message.address}, which {others} claim"
            raise Violation(text, message.allocation, message.address, *others)

    def says_lost(self, allocation: str) -> None:
        """A coordinator says that somebody else has this allocation's address."""
        if self._objects.get(allocation):
            raise Violation(f"{allocation} is told as lost, the grid has it", allocation)
        self._lost.add(allocation)

    def written(self, who: object, fate: str) -> None:
        """The grid was changed, by a coordinator or by somebody else (None)."""
        before, self._objects = self._objects, self._read_objects()
        for allocation, thing in before.items():
            if self._objects.get(allocation) is not thing and who is not None:
                self._check_change(allocation, thing, who)
        if who is not None:
            self._check_objects(life for life in self.lives if life.is_live)
            for key, thing in self._foreign.items():
                if self._grid.store.get("fixedaddress", key) is not thing:
                    raise Violation(f"only ours: a foreign object at {thing.fields['ipv4addr']} was touched")

    def forget(self, life: Life) -> None:
        """Somebody else deletes the objects of a sandbox that lives."""
        life.is_forgotten = True

    # What must be true when all is quiet

    def check_quiet(self) -> None:
        """Of each running boot the grid holds what its journal claims, and of all others nothing."""
        claims: dict[str, Allocation] = {}
        for computer in self.computers:
            claims |= self._check_journal(computer)
        for allocation, thing in self._objects.items():
            if allocation not in claims:
                self._left_behind(allocation, thing)
        for allocation, row in claims.items():
            self._check_claim(row, self._objects.get(allocation))
        for life in self.lives:
            if not life.is_live or any(each in claims or each in self._lost for each in life.told):
                continue
            if life.lost_journal and life.is_forgotten:
                self.excuse("lost_and_deleted")
            else:
                raise Violation(f"{life.key} lives, no journal has any of {list(life.told)}", life.key, *life.told)

    # Inside

    def _told_another(self, life: Life, address: str) -> None:
        if life.told.keys() & self._lost:
            return
        if life.lost_journal:
            self.excuse("second_address")
            return
        text = f"same answer: {life.key} had {life.address}, now it is {address}"
        raise Violation(text, life.key, address, life.address)

    def _check_given(self, life: Life, address: str, allocation: str) -> None:
        """Nobody else lives with an address that is given away, nor did a moment ago."""
        for other in self.lives:
            if other.is_live and other is not life and address in other.told.values():
                if other.is_forgotten:
                    self.excuse("forgotten_unheard")
                    continue
                text = f"one holder: {address} was given to {life.key}, but {other.key} lives with it"
                raise Violation(text, life.key, other.key, address, allocation, *other.told)
            if other is not life and allocation in other.told:
                raise Violation(f"{allocation} was given to {other.key}, now to {life.key}", allocation)
        died_s, before = self._rests.pop(address, (-1e9, life))
        rested_s = self._timeline.now_s - died_s
        if before is not life and rested_s < self._release_delay_s and life.plan.subnet.endswith("/24"):
            text = f"{address} went from {before.key} to {life.key} after {rested_s:.1f} s"
            raise Violation(text, before.key, life.key, address)

    def _check_objects(self, lives: Iterable[Life]) -> None:
        """Every live sandbox has its objects."""
        for life in lives:
            if life.is_forgotten:
                continue
            for allocation, address in life.told.items():
                thing = self._objects.get(allocation)
                if thing is None or thing.fields["ipv4addr"] != address:
                    text = f"{life.key} lives with {address}, the grid has {thing} as {allocation}"
                    raise Violation(text, life.key, address, allocation)

    def _check_change(self, allocation: str, before: GridObject, who: object) -> None:
        """An object was changed or deleted: by its own cluster alone, and deleted only if no journal claims it."""
        coordinator: Coordinator = who  # type: ignore[assignment]
        if not allocation.startswith(coordinator.cluster.id):
            raise Violation(f"only ours: {coordinator.name} has touched {allocation}", allocation)
        after = self._objects.get(allocation)
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

    def _check_journal(self, computer: Computer) -> dict[str, Allocation]:
        """What this computer's journal claims; what it says must be what its runtime knows."""
        claims = {}
        journal = computer.journal if computer.is_up else None
        for row in journal.allocations.values() if journal else ():
            if row.state is State.LET_GO:
                raise Violation(f"{row.id} was let go and is not confirmed", row.id)
            if row.state in CLAIMS:
                claims[row.id] = row
            if row.state is not State.READY:
                self._check_use(computer, row)
        return claims

    def _check_use(self, computer: Computer, row: Allocation) -> None:
        if row.state is State.ADOPTED and row.label is None:
            self.excuse("adopted_without_label")
            return
        lives = [life for life in self.lives if life.is_live and life.computer is computer]
        if not any(row.label and life.attachment == row.label.attachment for life in lives):
            raise Violation(f"{row.id} is {row.state}, and nobody lives who has it: {row.label}", row.id)

    def _check_claim(self, row: Allocation, thing: GridObject | None) -> None:
        if thing is None or thing.fields["ipv4addr"] != row.address:
            text = f"{row.id} is {row.state} with {row.address}, the grid has {thing}"
            raise Violation(text, row.id, row.address)
        shown = (str(thing.extattrs.get("VM ID", "")), str(thing.extattrs.get("Interface Name", "")))
        attachment = row.label.attachment if row.label and row.state is not State.READY else AttachmentId("", "")
        if shown != (attachment.container_id, attachment.ifname):
            raise Violation(f"{row.id} is {row.state} by {attachment}, its label is {shown}", row.id)
        if row.label and not row.is_labelled:
            raise Violation(f"the label of {row.id} is not confirmed", row.id)

    def _left_behind(self, allocation: str, thing: GridObject) -> None:
        owner = AllocationId.parse(allocation).owner
        address = str(thing.fields["ipv4addr"])
        for computer in self.computers:
            its = (hash_machine(computer.serial), hash_boot(computer.boot_id))
            if computer.is_up and its == (owner.machine, owner.boot):
                text = f"nothing left behind: {address} is {allocation}, of which {computer.node} knows nothing"
                raise Violation(text, allocation, address)
        if owner.node in self.cloned and allocation.startswith(self.cloned[owner.node]):
            self.excuse("needs_a_person")
            return
        text = f"nothing left behind: {address} is {allocation}, of a boot that is over"
        raise Violation(text, allocation, address)

    def excuse(self, name: str) -> None:
        """Count what may be."""
        assert name in EXCUSES
        self.excused[name] += 1

    def _read_objects(self) -> dict[str, GridObject]:
        objects: dict[str, GridObject] = {}
        for thing in self._grid.store.of_kind("fixedaddress"):
            allocation = str(thing.extattrs.get("Allocation ID", ""))
            if allocation and thing.key not in self._foreign:
                if allocation in objects:
                    raise Violation(f"{allocation} stands on two objects", allocation)
                objects[allocation] = thing
        return objects
