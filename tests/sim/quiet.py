"""The checker when all is quiet: the grid holds what the journals of running boots claim, and nothing else."""

from __future__ import annotations

from gridsim.database.store import GridObject
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.attachment import AttachmentId
from protocol.wire.allocation_id import CLUSTER_DIGITS, AllocationId, Owner, hash_boot, hash_machine, hash_node
from tests.sim import stranger
from tests.sim.computer import Computer
from tests.sim.ledger import Ledger
from tests.sim.lives import Violation, journal_of


class Quiet:
    """`cloned`: the cluster of each node whose key two machines use (NODE of its ids)."""

    def __init__(self, ledger: Ledger) -> None:
        self.cloned: dict[str, str] = {}
        self.names: dict[str, str] = {}
        """What each cluster is called, by its id."""
        self._ledger = ledger
        self._excuse = ledger.excused.excuse

    def check(self) -> None:
        """Raises `Violation`."""
        claims: dict[str, Allocation] = {}
        for computer in self._ledger.computers:
            claims |= self._check_journal(computer)
        for allocation, thing in self._ledger.objects.items():
            if allocation not in claims:
                self._left_behind(allocation, thing)
        for allocation, row in claims.items():
            if row.state is State.LOST:
                self._check_lost(row)
            else:
                self._check_claim(row, self._ledger.objects.get(allocation))
        self._check_lives(claims)

    def _check_journal(self, computer: Computer) -> dict[str, Allocation]:
        """What this computer's journal has; what it says must be what its runtime knows."""
        claims = {}
        journal = computer.journal if computer.is_up else None
        for row in journal.allocations.values() if journal else ():
            if row.state is State.LET_GO:
                raise Violation(f"{row.id} was let go and is not confirmed", row.id)
            claims[row.id] = row
            if row.state is not State.READY:
                self._check_use(computer, row)
        return claims

    def _check_use(self, computer: Computer, row: Allocation) -> None:
        lives = [life for life in self._ledger.lives if life.is_live and life.computer is computer]
        if any(row.label and life.attachment == row.label.attachment for life in lives):
            return
        is_adopted = computer.journal and journal_of(row.id) != computer.journal.identity.journal
        if is_adopted and row.label is None:
            self._excuse("adopted_without_label")
        elif is_adopted and row.id in self._ledger.overwritten:
            self._excuse("label_overwritten")
        elif is_adopted and computer.swarm.sight != "clear":
            self._excuse("adopted_unseen")
        else:
            raise Violation(f"{row.id} is {row.state}, and nobody lives who has it: {row.label}", row.id)

    def _check_lost(self, row: Allocation) -> None:
        if row.id not in self._ledger.lost:
            raise Violation(f"{row.id} is lost, and no coordinator has said so", row.id)
        if row.id in self._ledger.objects:
            self._excuse("lost_came_back")

    def _check_claim(self, row: Allocation, thing: GridObject | None) -> None:
        if thing is None and self._waits_for_who_is_away(row):
            self._excuse("node_away")
            return
        if thing is None or thing.fields["ipv4addr"] != row.address:
            text = f"{row.id} is {row.state} with {row.address}, the grid has {thing}"
            raise Violation(text, row.id, row.address)
        name = self.names.get(row.id[:CLUSTER_DIGITS])
        if name and thing.extattrs.get("Tenant ID") != name:
            raise Violation(f"{row.id} bears the name {thing.extattrs.get('Tenant ID')}, not {name}", row.id)
        if row.label and not row.is_labelled:
            raise Violation(f"the label of {row.id} is not confirmed", row.id)
        shown = (str(thing.extattrs.get("VM ID", "")), str(thing.extattrs.get("Interface Name", "")))
        attachment = row.label.attachment if row.label and row.state is not State.READY else AttachmentId("", "")
        is_unnamed = row.state is State.ADOPTED and row.label is None
        if is_unnamed or shown == (attachment.container_id, attachment.ifname):
            return
        if row.id not in self._ledger.overwritten:
            raise Violation(f"{row.id} is {row.state} by {attachment}, its label is {shown}", row.id)
        self._excuse("label_overwritten")

    def _waits_for_who_is_away(self, row: Allocation) -> bool:
        """Whether its object bears an id that an admin wrote, of a boot that nobody speaks for."""
        for allocation, thing in self._ledger.objects.items():
            if thing.fields["ipv4addr"] == row.address and allocation in self._ledger.overwritten:
                return self._of_boot(AllocationId.parse(allocation).owner) is None
        return False

    def _check_lives(self, claims: dict[str, Allocation]) -> None:
        for life in self._ledger.lives:
            without = [each for each in life.told if each not in claims and each not in self._ledger.lost]
            if not life.is_live or len(without) < len(life.told):
                continue
            if not self._ledger.unprotected.issuperset(without):
                raise Violation(f"{life.key} lives, no journal has any of {list(life.told)}", life.key, *life.told)
            self._excuse("lost_and_deleted")

    def _left_behind(self, allocation: str, thing: GridObject) -> None:
        owner = AllocationId.parse(allocation).owner
        address = str(thing.fields["ipv4addr"])
        computer = self._of_boot(owner)
        if computer:
            text = f"nothing left behind: {address} is {allocation}, of which {computer.node} knows nothing"
            raise Violation(text, allocation, address)
        if owner.node == hash_node(stranger.NODE) or self._is_away_for_good(owner):
            self._excuse("node_away")
            return
        if allocation in self._ledger.overwritten and hash_node(str(thing.extattrs.get("Location"))) != owner.node:
            self._excuse("label_overwritten")
            return
        if self.cloned.get(owner.node) == owner.cluster:
            self._excuse("needs_a_person")
            return
        text = f"nothing left behind: {address} is {allocation}, of a boot that is over"
        raise Violation(text, allocation, address)

    def _is_away_for_good(self, owner: Owner) -> bool:
        """Whether its node exists no more, and no coordinator is told so, since there are several."""
        return any(
            computer.is_gone and computer.swarm.are_several and hash_node(computer.node) == owner.node
            for computer in self._ledger.computers
        )

    def _of_boot(self, owner: Owner) -> Computer | None:
        for computer in self._ledger.computers:
            its = (hash_node(computer.node), hash_machine(computer.serial), hash_boot(computer.boot_id))
            if computer.is_up and its == (owner.node, owner.machine, owner.boot):
                return computer
        return None
