"""An administrator of the grid who deletes and edits objects of pods, and restores what was deleted."""

from __future__ import annotations

from random import Random

from gridsim.database.refusals import Refusal
from gridsim.database.store import GridObject
from gridsim.model import Grid
from tests.sim.ledger import FOREIGN_ID, Ledger
from tests.sim.story import Story
from tests.sim.swarm import WITHOUT_REQUEST

_RESTORED = ("ipv4addr", "mac", "match_client", "name", "comment")


class Admin:
    """His deeds, each about the object of a sandbox that lives, or about what lies in the recycle bin."""

    def __init__(self, grid: Grid, ledger: Ledger, random: Random, story: Story) -> None:
        self._grid = grid
        self._ledger = ledger
        self._random = random
        self._story = story
        self._wiped: dict[str, str] = {}
        """The ids that he has removed from objects, by their keys."""

    def deletes(self, thing: GridObject | None = None) -> None:
        """He deletes an object."""
        if thing := thing or self._choose():
            self._delete(thing)

    def takes(self, thing: GridObject | None = None) -> None:
        """He deletes an object, and uses its address for a thing of his own."""
        if thing := thing or self._choose():
            self._delete(thing)
            address = str(thing.fields["ipv4addr"])
            self._grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED", "name": "printer"})

    def edits_label(self) -> None:
        """He writes something else where people read which pod has the address."""
        if thing := self._choose():
            self.writes_label(thing, self._random.choice(("wiped", "overwritten", "comment")))

    def writes_label(self, thing: GridObject, kind: str) -> None:
        """He wipes an object's label, or writes something else over it or its comment."""
        allocation = _id_of(thing)
        self._tell(allocation, f"edits the label ({kind})")
        if kind == "wiped":
            self._edit(thing, {"extattrs-": {"VM ID": {}, "VM Name": {}}})
            return
        self._ledger.overwritten.add(allocation)
        change = {"comment": "mine"} if kind == "comment" else {"extattrs+": {"VM ID": {"value": "somebody"}}}
        self._edit(thing, change)

    def edits_id(self) -> None:
        """He removes an id, or writes another one over it: a stranger's, or one that somebody has or had."""
        thing = self._choose()
        if thing is None:
            return
        allocation = _id_of(thing)
        others = [each for each in self._ledger.objects if each != allocation]
        removed = [_id_of(each) for each in self._ledger.removed if _id_of(each) not in self._ledger.objects]
        kind = self._random.choice(("none", "foreign", "living", "removed"))
        other = self._random.choice({"living": others, "removed": removed}.get(kind) or [FOREIGN_ID])
        self.writes_over(thing, kind, other)

    def writes_over(self, thing: GridObject, kind: str, other: str) -> None:
        """He writes the id `other` on an object, or none."""
        allocation = _id_of(thing)
        self._tell(allocation, f"writes over the id: {'' if kind == 'none' else other}")
        self._ledger.forget(allocation)
        self._ledger.overwritten.add(other)
        self._ledger.stamped.setdefault(other, set()).add(thing.key)
        if other in self._ledger.objects:
            self._ledger.confused[other] = thing.key
        if kind == "none":
            self._wiped[thing.key] = allocation
            self._edit(thing, {"extattrs-": {"Allocation ID": {}}})
        else:
            self._edit(thing, {"extattrs+": {"Allocation ID": {"value": other}}})

    def restores(self, thing: GridObject | None = None) -> None:
        """He restores something from the recycle bin, which the grid refuses where its address is taken."""
        if not self._ledger.removed:
            return
        thing = thing or self._random.choice(self._ledger.removed)
        fields = {name: thing.fields[name] for name in _RESTORED if thing.fields.get(name)}
        eas = {name: {"value": value} for name, value in thing.extattrs.items()}
        if _id_of(thing) in self._ledger.objects:
            return
        try:
            self._grid.create("fixedaddress", {**fields, "extattrs": eas})
        except Refusal:
            return
        self._ledger.stamped.setdefault(_id_of(thing), set()).add(thing.key)
        self._story.mark("admin_restored")
        self._tell(_id_of(thing), f"restores {thing.fields['ipv4addr']}")
        self._ledger.written(None)

    def corrects(self) -> None:
        """He is told of ids that stand on two objects, and deletes those on which he has written them.

        Where nothing is written by reference he is also told of ids that he has removed, and writes them again.
        """
        if self._grid.faults.user_kind in WITHOUT_REQUEST:
            self._write_again()
        for thing in list(self._grid.store.of_kind("fixedaddress")):
            allocation = _id_of(thing)
            first = self._ledger.objects.get(allocation)
            is_second = allocation in self._ledger.confused and first is not None and thing.key != first.key
            if is_second and thing.key in self._ledger.stamped.get(allocation, set()):
                self._tell(allocation, "corrects what he has written over another id")
                self._grid.delete(thing.ref)
        self._ledger.confused.clear()
        self._ledger.written(None)

    def _write_again(self) -> None:
        for key, allocation in self._wiped.items():
            thing = self._grid.store.get("fixedaddress", key)
            if thing and not thing.extattrs.get("Allocation ID") and allocation not in self._ledger.objects:
                self._tell(allocation, "writes the id again that he has removed")
                self._edit(thing, {"extattrs+": {"Allocation ID": {"value": allocation}}})

    def _choose(self) -> GridObject | None:
        """The object of a sandbox that lives."""
        told = [each for life in self._ledger.lives if life.is_live for each in life.told]
        objects = [self._ledger.objects[each] for each in told if each in self._ledger.objects]
        return self._random.choice(objects) if objects else None

    def _delete(self, thing: GridObject) -> None:
        self._tell(_id_of(thing), f"deletes {thing.fields['ipv4addr']}")
        self._ledger.forget(_id_of(thing))
        self._grid.delete(thing.ref)
        self._ledger.written(None)

    def _edit(self, thing: GridObject, change: dict[str, object]) -> None:
        self._grid.update(thing.ref, change)
        self._ledger.written(None)

    def _tell(self, allocation: str, text: str) -> None:
        self._story.tell(allocation, "admin", text)


def _id_of(thing: GridObject) -> str:
    return str(thing.extattrs.get("Allocation ID", ""))
