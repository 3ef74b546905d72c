"""Makes of the changes of allocations who had an address from when until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from protocol.admin.history import ChangeRecord


@dataclass(frozen=True)
class Tenure:
    """One allocation: it serves one attachment in its life. Times are RFC 3339 in UTC, empty where not known.

    `ready` is since when a node kept it for its next pod, `held` since when a pod had it, `ended` until when,
    `free` since when the grid has it no more. `is_present`: the grid has it now.
    """

    address: str
    view: str
    network: str
    allocation: str
    node: str = ""
    pod: str = ""
    container: str = ""
    ifname: str = ""
    mac: str = ""
    ready: str = ""
    held: str = ""
    ended: str = ""
    free: str = ""
    lost_to: str = ""
    why: str = ""
    is_present: bool = False

    @property
    def was_held(self) -> bool:
        """Whether any pod is known to have had it."""
        return bool(self.held or self.container)

    @property
    def begun(self) -> str:
        """When it begins, as far as is known."""
        return self.ready or self.held

    def may_have(self, time: str) -> bool:
        """Whether the grid had it for a node or a pod at this time, as far as is known."""
        until = self.free or self.ended
        return self.begun <= time and (not until or time < until)


def tenures(changes: Iterable[ChangeRecord]) -> list[Tenure]:
    """One for each allocation, in the order in which they begin, or end where that is not known."""
    found: dict[str, Tenure] = {}
    for each in changes:
        known = found.get(each.allocation) or Tenure(each.address, each.view, each.network, each.allocation)
        found[each.allocation] = _with(known, each)
    return sorted(found.values(), key=lambda each: (each.begun or each.ended or each.free or "Z", each.address))


def at(all_of_them: Iterable[Tenure], time: str) -> list[Tenure]:
    """Those of this time: of each address the last that had begun, since its end may not be known."""
    found: dict[tuple[str, str], Tenure] = {}
    for each in all_of_them:
        if each.may_have(time):
            found[each.view, each.address] = each
    return list(found.values())


def _with(tenure: Tenure, change: ChangeRecord) -> Tenure:
    named = replace(
        tenure,
        node=change.node or tenure.node,
        pod=change.pod or tenure.pod,
        container=change.container or tenure.container,
        ifname=change.ifname or tenure.ifname,
        mac=change.mac or tenure.mac,
        why=change.why or tenure.why,
    )
    time = change.time
    match change.event:
        case "ready":
            named = replace(named, ready=tenure.ready or time)
        case "held":
            named = replace(named, held=tenure.held or time)
        case "let_go":
            # A label is late at times: a pod may have ended before it was known to have begun.
            named = replace(named, ended=tenure.ended or time, held=min(tenure.held, time))
        case "lost":
            named = replace(named, ended=tenure.ended or time, lost_to=change.why)
        case "gone":
            named = replace(named, free=time)
        case "present":
            named = replace(named, is_present=True)
    return named
