"""The grid as the coordinators of all clusters reach it, with what other people have in it."""

from __future__ import annotations

from random import Random
from typing import Final

from coordinator.grid.operations import HttpCall
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_node
from tests.sim import datacentre
from tests.sim.story import Story
from tests.sim.timeline import Timeline
from tests.simulation.swarm import Plan, Swarm

NOBODYS_CLUSTER: Final = "0123456789ab"
"""A cluster with our name of which nobody in this world is."""


class DataCentre(datacentre.DataCentre):
    """Ways in which calls end are those of the other world."""

    def __init__(self, timeline: Timeline, random: Random, story: Story, swarm: Swarm) -> None:
        super().__init__(timeline, random, story, swarm)  # type: ignore[arg-type]
        self._started_s: list[float] = []

    def exchange(self, who: object, call: HttpCall, read_timeout_s: float, done: datacentre.Done) -> None:
        """Make a coordinator's call."""
        if "_paging" not in call.query:
            self._started_s.append(self._timeline.now_s)
        super().exchange(who, call, read_timeout_s, done)

    def take(self, address: str) -> None:
        """An administrator uses an address for a thing of his own."""
        self.grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED", "name": "printer"})

    def count_calls(self, from_s: float, until_s: float) -> int:
        """How many calls were made in this time, but for the pages of listings."""
        return sum(from_s <= started_s <= until_s for started_s in self._started_s)

    def _furnish(self, plan: Plan) -> None:
        """The network, if an administrator made it, with objects that look like ours and are not."""
        if not plan.is_made:
            return
        base = plan.subnet.rpartition(".")[0]
        self.grid.create("network", {"network": plan.subnet, "extattrs": {"Network Name": {"value": plan.name}}})
        owner = Owner(NOBODYS_CLUSTER, hash_node("n0"), "5" * 8, hash_boot("b"), hash_driver("infoblox"), "7" * 8)
        labels = {"Tenant ID": "blue", "CMP Type": "Kubernetes", "Location": "n0", "VM ID": "h0c1"}
        namesake = {**labels, "Allocation ID": str(owner.draw("3" * 12)), "Interface Name": "eth0"}
        for number, eas in ((3, namesake), (5, labels)):
            wrapped = {name: {"value": value} for name, value in eas.items()}
            reserved = {"ipv4addr": f"{base}.{number}", "match_client": "RESERVED", "extattrs": wrapped}
            self.grid.create("fixedaddress", reserved)
