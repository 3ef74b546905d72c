"""What the grid must know before it can give addresses: definitions, views, networks, gateways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

from coordinator import objects
from coordinator.attachment_work import COMMIT_LATE_S, as_problem
from coordinator.errors import (
    ApprovalNeeded,
    GatewayHeldByPod,
    NetworkMissing,
    NetworkNotOurs,
    OutcomeUnknown,
    ViewMissing,
)
from coordinator.networks import Network
from coordinator.objects import FixedAddress, read_eas, read_fixed_address
from coordinator.operations import (
    Found,
    Object,
    Operation,
    Reply,
    Unreadable,
    UpdateFound,
    Written,
    is_scheduled,
)
from coordinator.ownership import (
    CMP_TYPE_VALUE,
    EA_TYPES,
    NETWORK_NAME,
    NO_VM_ID,
    VM_ID,
    VM_NAME,
    Eas,
    Owner,
)
from coordinator.refusals import Kind, Refusal
from coordinator.work import Failed, Priority, Work

CREATES_MAX: Final = 4
"""How often something that a search does not show is created, refused or unanswered each time."""


@dataclass(frozen=True)
class Defined:
    """Which of our extensible attributes are still undefined, as far as this user can see."""

    missing: tuple[str, ...]
    created: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """The network can give addresses. `created` and `remarks` are for the log."""

    created: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """One page of the cluster's addresses; `next_page` is the work that reads the one after it."""

    hits: tuple[Object, ...]
    next_page: ListWork | None

    @cached_property
    def addresses(self) -> list[FixedAddress]:
        """What can be read of the page, which takes about as long as the grid takes to send it."""
        return _readable(self.hits)

    @property
    def unreadable(self) -> int:
        """How many objects of the page are no fixed addresses as they should be."""
        return len(self.hits) - len(self.addresses)


@dataclass(frozen=True)
class Reassigned:
    """The object at the address is now its rightful holder's."""


class _Apart(Work):
    """Work that shares no call, so that a refusal is always its own."""

    apart = True

    def doubtful(self, now_s: float) -> object | None:
        return self.unknown(now_s)


class DefinitionsWork(_Apart):
    """Looks for the definitions of our extensible attributes; creates those that are missing, if it may.

    A user who may not see definitions gets an empty answer, so what seems to be missing is only reported.
    """

    priority = Priority.START
    patient = True

    def __init__(self) -> None:
        super().__init__()
        self._missing: list[str] = []
        self._created: list[str] = []
        self._creates_lost = 0
        self._searching = True

    def operations(self) -> tuple[Operation, ...]:
        if self._searching:
            return tuple(objects.find_definition(name) for name in EA_TYPES)
        return (objects.create_definition(self._missing[0]),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        if not self._searching:
            self._created.append(self._missing.pop(0))
            return None if self._missing else self._outcome()
        found = zip(EA_TYPES, replies, strict=True)
        self._missing = [name for name, reply in found if isinstance(reply, Found) and not reply.hits]
        self._searching = False
        return None if self._missing else self._outcome()

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if refusal.kind is not Kind.EXISTS or self._searching:
            return self._outcome()
        self._missing.pop(0)
        return None if self._missing else self._outcome()

    def unknown(self, now_s: float) -> object | None:
        self._creates_lost += not self._searching
        self._searching = True
        return self._outcome() if self._creates_lost >= CREATES_MAX else None

    def _outcome(self) -> Defined:
        return Defined(tuple(self._missing), tuple(self._created))


class ListWork(_Apart):
    """Reads one page of the cluster's addresses. Ends `Listed`, or `Failed`."""

    priority = Priority.LIST
    patient = True

    def __init__(self, owner: Owner, user: str) -> None:
        super().__init__()
        self._owner = owner
        self._user = user
        self._page_id: str | None = None

    def operations(self) -> tuple[Operation, ...]:
        return (objects.list_addresses(self._owner, self._page_id),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if not isinstance(reply, Found):
            return self.unknown(now_s)
        self._page_id = reply.next_page_id
        return Listed(reply.hits, self if self._page_id else None)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        return Failed(as_problem(refusal, "list the cluster's addresses", self._user))

    def unknown(self, now_s: float) -> object | None:
        return None


class ReassignWork(_Apart):
    """Gives the object at an address to who holds that address already. Ends `Reassigned` or `Failed`.

    `Reassigned` says only that nothing more can be done here: whoever goes on looks first.
    """

    priority = Priority.PREPARE

    def __init__(self, user: str, address: str, operation: UpdateFound) -> None:
        super().__init__()
        self.address = address
        self._user = user
        self._operation = operation
        self._tries = 0
        self.endangered_until_s = 0.0
        """Until then the write may still come by reference, whoever has the address by then."""

    def operations(self) -> tuple[Operation, ...]:
        return (self._operation,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if isinstance(reply, Written) and is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        return Reassigned()

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if refusal.kind is Kind.UNSEARCHABLE and objects.BY_COMMENT in self._operation.criteria:
            self._operation = objects.whatever_its_comment(self._operation)
            return None
        # After a try of unknown outcome there may be nothing left under the wrong identity.
        if self._tries:
            return Reassigned()
        return Failed(as_problem(refusal, f"give {self.address} back to its holder", self._user))

    def unknown(self, now_s: float) -> object | None:
        self._tries += 1
        if self.is_sent_separately:
            self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        return None


class _Step(Enum):
    FIND_VIEW = auto()
    CREATE_VIEW = auto()
    FIND_NETWORK = auto()
    CREATE_NETWORK = auto()
    CREATE_GATEWAY = auto()
    FIND_USE = auto()


class NetworkWork(_Apart):
    """Makes sure that a network can give addresses. Ends `Prepared` or `Failed`.

    View, network and gateway are looked up; what is missing is made, when that is allowed; what exists is used
    when its extensible attributes allow it. A gateway that anything but a pod of ours occupies is reserved
    already: a router's own record is the usual case.
    """

    priority = Priority.PREPARE

    def __init__(self, owner: Owner, user: str, network: Network, *, may_create: bool) -> None:
        super().__init__()
        self.network = network
        self._owner = owner
        self._user = user
        self._may_create = may_create
        self._step = _Step.FIND_VIEW
        self._gateway_refusal: Refusal | None = None
        self._creates_in_vain = 0
        self._created: list[str] = []
        self._remarks: list[str] = []

    def operations(self) -> tuple[Operation, ...]:
        view, network = self.network.view, self.network
        gateway = network.gateway or ""
        find_gateway = (objects.find_at(view, gateway),) if gateway else ()
        steps: dict[_Step, tuple[Operation, ...]] = {
            _Step.FIND_VIEW: (objects.find_view(view),),
            _Step.CREATE_VIEW: (objects.create_view(self._owner, view),),
            _Step.FIND_NETWORK: (objects.find_network(network), *find_gateway),
            _Step.CREATE_NETWORK: (objects.create_network(self._owner, network),),
            _Step.CREATE_GATEWAY: (objects.create_gateway(self._owner, network, gateway),),
            _Step.FIND_USE: (objects.find_use(view, gateway), *find_gateway),
        }
        return steps[self._step]

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        handlers = {
            _Step.FIND_VIEW: self._view_looked_up,
            _Step.FIND_NETWORK: self._network_looked_up,
            _Step.FIND_USE: self._use_looked_up,
        }
        if handler := handlers.get(self._step):
            return handler([reply for reply in replies if isinstance(reply, Found)])
        return self._created_one(replies)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if self._step is _Step.CREATE_GATEWAY:
            self._gateway_refusal = refusal
            self._step = _Step.FIND_USE
            return None
        if refusal.kind is Kind.EXISTS and self._step in (_Step.CREATE_VIEW, _Step.CREATE_NETWORK):
            # Somebody else was faster, or it exists where this user cannot see it.
            self._creates_in_vain += 1
            if self._creates_in_vain < CREATES_MAX:
                self._step = _Step.FIND_VIEW
                return None
        return Failed(as_problem(refusal, self._action(), self._user))

    def unknown(self, now_s: float) -> object | None:
        self._creates_in_vain += self._step in (_Step.CREATE_VIEW, _Step.CREATE_NETWORK, _Step.CREATE_GATEWAY)
        if self._creates_in_vain >= CREATES_MAX:
            return Failed(OutcomeUnknown(action=self._action()))
        self._step = _Step.FIND_VIEW
        return None

    def _action(self) -> str:
        actions = {
            _Step.CREATE_VIEW: f"create view {self.network.view}",
            _Step.CREATE_NETWORK: f"create network {self.network.subnet}",
            _Step.CREATE_GATEWAY: f"reserve gateway {self.network.gateway}",
        }
        return actions.get(self._step, f"look up network {self.network.subnet}")

    def _view_looked_up(self, replies: Sequence[Found]) -> object | None:
        if replies[0].hits:
            self._step = _Step.FIND_NETWORK
            return None
        if not self._may_create:
            return Failed(ViewMissing(view=self.network.view))
        self._step = _Step.CREATE_VIEW
        return None

    def _network_looked_up(self, replies: Sequence[Found]) -> object | None:
        if not replies[0].hits:
            if not self._may_create:
                return Failed(NetworkMissing(subnet=self.network.subnet, view=self.network.view))
            self._step = _Step.CREATE_NETWORK
            return None
        eas = read_eas(replies[0].hits[0].get("extattrs"))
        if not self._owner.may_use_network(eas, self.network.name):
            return Failed(self._not_ours(eas))
        if eas.get(NETWORK_NAME) != self.network.name:
            self._remarks.append(f"Network Name is {eas.get(NETWORK_NAME)!r}")
        if self.network.gateway is None:
            return self._prepared()
        return self._gateway_looked_up(replies[1])

    def _gateway_looked_up(self, found: Found) -> object | None:
        if not found.hits:
            self._step = _Step.CREATE_GATEWAY
            return None
        eas = read_eas(found.hits[0].get("extattrs"))
        if not (self._owner.is_owner(eas) and eas.get(VM_ID, NO_VM_ID) != NO_VM_ID):
            return self._prepared()
        holder = eas.get(VM_NAME) or eas[VM_ID]
        return Failed(GatewayHeldByPod(gateway=self.network.gateway, holder=holder))

    def _use_looked_up(self, replies: Sequence[Found]) -> object | None:
        use, fixed = replies
        if fixed.hits:
            return self._gateway_looked_up(fixed)
        if any(hit.get("status") == "USED" for hit in use.hits):
            self._remarks.append(f"gateway {self.network.gateway} is occupied by another object")
            return self._prepared()
        refusal = self._gateway_refusal or Refusal(Kind.OTHER, "")
        return Failed(as_problem(refusal, f"reserve gateway {self.network.gateway}", self._user))

    def _created_one(self, replies: Sequence[Reply]) -> object | None:
        (reply,) = replies
        if not isinstance(reply, Written):
            return self.unknown(0.0)
        if is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        if self._step is _Step.CREATE_VIEW:
            self._created.append(f"view {self.network.view}")
            self._step = _Step.CREATE_NETWORK
            return None
        if self._step is _Step.CREATE_NETWORK:
            self._created.append(f"network {self.network.subnet}")
            if self.network.gateway is None:
                return self._prepared()
            self._step = _Step.CREATE_GATEWAY
            return None
        self._created.append(f"gateway {self.network.gateway}")
        return self._prepared()

    def _prepared(self) -> Prepared:
        return Prepared(tuple(self._created), tuple(self._remarks))

    def _not_ours(self, eas: Eas) -> NetworkNotOurs:
        present = ", ".join(f"{name}={value}" for name, value in sorted(eas.items())) or "none"
        return NetworkNotOurs(
            subnet=self.network.subnet,
            view=self.network.view,
            name=self.network.name,
            tenant=self._owner.cluster_name,
            cmp_type=CMP_TYPE_VALUE,
            present=present,
        )


def _readable(hits: Sequence[Object]) -> list[FixedAddress]:
    readable = []
    for hit in hits:
        try:
            readable.append(read_fixed_address(hit))
        except Unreadable:
            continue
    return readable
