"""An allocation: one address that the grid holds under an id that its journal drew, and used once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from protocol.family import Family


class State(StrEnum):
    """What a journal says of an allocation. What is merely asked for is in no journal."""

    READY = "ready"
    """In the reserve: nobody has ever had it."""
    HELD = "held"
    """Its address was, or is about to be, told to the runtime of an attachment."""
    ADOPTED = "adopted"
    """Another journal of this boot drew its id: in use until shown otherwise, given to nobody."""
    LOST = "lost"
    """The grid gave its address to somebody else while it was held or adopted."""
    LET_GO = "let_go"
    """Never used again; it stays until the grid is known to have it no more."""


RESERVE: Final = "reserve"
"""What stands for the pod of an allocation that no attachment is known to have."""

CLAIMS: Final = (State.READY, State.HELD, State.ADOPTED)
"""What a hello names as this node's."""
IN_USE: Final = (State.HELD, State.ADOPTED, State.LOST)
"""What a pod may have."""


@dataclass(frozen=True, slots=True)
class Label:
    """What people read on the object in the grid: which attachment has the address.

    `request` is of the plugin's last request about it, for the log; it makes no label another one.
    """

    attachment: AttachmentId
    pod: Pod = field(default_factory=Pod)
    mac: str | None = None
    namespace: Namespace | None = None
    request: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Allocation:
    """One allocation, as its row in the journal has it.

    `network`: the configuration for which it was asked. `view`, `subnet`, `address`, `gateway`, `seal`: as the
    coordinator told them. `is_labelled`: the grid is known to show `label`. `was_held`: a pod may have had it.
    `let_go_s`: since when nobody uses it (CLOCK_BOOTTIME). `lost_to`: who has the address now, for people.
    """

    id: str
    network: Network
    view: str
    subnet: str
    address: str
    seal: str
    state: State
    gateway: str | None = None
    label: Label | None = None
    is_labelled: bool = False
    was_held: bool = False
    let_go_s: float = 0.0
    lost_to: str = ""

    @property
    def cidr(self) -> str:
        """The address with the prefix length of its subnet, as a CNI result has it."""
        return f"{self.address}/{self.subnet.partition('/')[2]}"

    @property
    def family(self) -> Family:
        """That of its address."""
        return Family.of(self.address)

    def log_fields(self) -> dict[str, object]:
        """What a log line about this allocation names; the logger adds the node."""
        fields: dict[str, object] = {
            "allocation": self.id,
            "address": self.address,
            "network": self.subnet,
            "network_name": self.network.name,
        }
        if self.label is None:
            return fields | {"pod": RESERVE, "request": ""}
        return fields | {
            "container": self.label.attachment.container_id,
            "ifname": self.label.attachment.ifname,
            "pod": str(self.label.pod),
            "request": self.label.request,
        }


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment that was answered: its allocations in the order of its result, and where it lives."""

    id: AttachmentId
    allocations: tuple[str, ...]
    namespace: Namespace | None
