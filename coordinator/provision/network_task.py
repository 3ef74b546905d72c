"""Makes sure that a network of the grid can give addresses: its view, the network itself, its gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from coordinator.core.attributes import CMP_TYPE_VALUE, read
from coordinator.core.errors import (
    ApprovalNeeded,
    GatewayHeld,
    NetworkIsContainer,
    NetworkMissing,
    NetworkNotOurs,
    NotVisible,
    OutcomeUnknown,
    ViewMissing,
)
from coordinator.core.networks import Network
from coordinator.grid.operations import Found, Object, Operation, Reply, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Failed, Priority
from coordinator.provision.objects import Provider
from coordinator.provision.task import CREATES_MAX, TaskApart
from protocol.errors import Problem


@dataclass(frozen=True)
class Prepared:
    """The network can give addresses. `created` and `remarks` are for the log.

    `is_served` tells that DHCP members of the grid serve it, which have to learn of each MAC.
    """

    created: tuple[str, ...]
    remarks: tuple[str, ...]
    is_served: bool = False


class _Step(Enum):
    FIND_VIEW = auto()
    CREATE_VIEW = auto()
    FIND_NETWORK = auto()
    FIND_CONTAINER = auto()
    CREATE_NETWORK = auto()
    CREATE_GATEWAY = auto()
    FIND_USE = auto()


_CREATES: Final = (_Step.CREATE_VIEW, _Step.CREATE_NETWORK, _Step.CREATE_GATEWAY)


class NetworkTask(TaskApart[Prepared | Failed]):
    """Makes sure that a network can give addresses. Ends `Prepared` or `Failed`.

    View, network and gateway are looked up; what is missing is made, when that is allowed; what exists is used
    when its extensible attributes allow it. A gateway that anything but a pod of ours occupies is reserved
    already: a router's own record is the usual case. `objection` says why nothing may be made now.
    """

    priority = Priority.PREPARE

    def __init__(
        self,
        provider: Provider,
        user: str,
        network: Network,
        *,
        may_create: bool,
        objection: Callable[[], Problem | None],
    ) -> None:
        super().__init__()
        self.network = network
        self._provider = provider
        self._user = user
        self._may_create = may_create
        self._objection = objection
        self._step = _Step.FIND_VIEW
        self._gateway_refusal: Refusal | None = None
        self._creates_in_vain = 0
        self._created: list[str] = []
        self._remarks: list[str] = []
        self._is_served = False

    def operations(self) -> tuple[Operation, ...]:
        provider, view, network = self._provider, self.network.view, self.network
        gateway = network.gateway or ""
        find_gateway = (provider.find_at(view, gateway),) if gateway else ()
        steps: dict[_Step, tuple[Operation, ...]] = {
            _Step.FIND_VIEW: (provider.find_view(view),),
            _Step.CREATE_VIEW: (provider.create_view(view),),
            _Step.FIND_NETWORK: (provider.find_network(network), *find_gateway),
            _Step.FIND_CONTAINER: (provider.find_container(network),),
            _Step.CREATE_NETWORK: (provider.create_network(network),),
            _Step.CREATE_GATEWAY: (provider.create_gateway(network, gateway),),
            _Step.FIND_USE: (provider.find_use(view, gateway), *find_gateway),
        }
        return steps[self._step]

    def answered(self, replies: Sequence[Reply], now_s: float) -> Prepared | Failed | None:
        handlers = {
            _Step.FIND_VIEW: self._view_looked_up,
            _Step.FIND_NETWORK: self._network_looked_up,
            _Step.FIND_CONTAINER: self._container_looked_up,
            _Step.FIND_USE: self._use_looked_up,
        }
        handler = handlers.get(self._step)
        if handler is None:
            return self._created_one(replies)
        outcome = handler([reply for reply in replies if isinstance(reply, Found)])
        is_to_be_used = isinstance(outcome, Prepared) or self._step in _CREATES
        if is_to_be_used and (problem := self._objection()):
            return Failed(problem)
        return outcome

    def refused(self, refusal: Refusal, now_s: float) -> Prepared | Failed | None:
        if self._step is _Step.CREATE_GATEWAY:
            self._gateway_refusal = refusal
            self._step = _Step.FIND_USE
            return None
        if refusal.kind is not Kind.EXISTS or self._step not in (_Step.CREATE_VIEW, _Step.CREATE_NETWORK):
            return Failed(as_problem(refusal, self._action(), self._user))
        self._creates_in_vain += 1
        if self._step is _Step.CREATE_NETWORK:
            self._step = _Step.FIND_CONTAINER
            return None
        return self._find_again(f"view {self.network.view}")

    def _find_again(self, what: str) -> Failed | None:
        """It exists: somebody else was faster, or it is where this user cannot see it."""
        if self._creates_in_vain >= CREATES_MAX:
            return Failed(NotVisible(what=what, user=self._user))
        self._step = _Step.FIND_VIEW
        return None

    def unknown(self, now_s: float) -> Prepared | Failed | None:
        self._creates_in_vain += self._step in _CREATES
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

    def _view_looked_up(self, replies: Sequence[Found]) -> Prepared | Failed | None:
        if replies[0].hits:
            self._step = _Step.FIND_NETWORK
            return None
        if not self._may_create:
            return Failed(ViewMissing(view=self.network.view))
        self._step = _Step.CREATE_VIEW
        return None

    def _network_looked_up(self, replies: Sequence[Found]) -> Prepared | Failed | None:
        if not replies[0].hits:
            self._step = _Step.CREATE_NETWORK if self._may_create else _Step.FIND_CONTAINER
            return None
        found = replies[0].hits[0]
        if not self._provider.may_use(found, self.network.name):
            return Failed(self._not_ours(found))
        if (called := self._provider.network_name(found)) != self.network.name:
            self._remarks.append(f"{self._provider.names.network_name} is {called!r}")
        self._is_served = bool(found.get("members"))
        if self.network.gateway is None:
            return self._prepared()
        return self._gateway_looked_up(replies[1])

    def _container_looked_up(self, replies: Sequence[Found]) -> Prepared | Failed | None:
        subnet, view = self.network.subnet, self.network.view
        if replies[0].hits:
            return Failed(NetworkIsContainer(subnet=subnet, view=view))
        if not self._may_create:
            return Failed(NetworkMissing(subnet=subnet, view=view))
        return self._find_again(f"network {subnet} of view {view}")

    def _gateway_looked_up(self, found: Found) -> Prepared | Failed | None:
        if not found.hits:
            self._step = _Step.CREATE_GATEWAY
            return None
        if holder := self._provider.holder(found.hits[0]):
            gateway = self.network.gateway
            return Failed(GatewayHeld(gateway=gateway, holder=holder.text, allocation=holder.allocation))
        return self._prepared()

    def _use_looked_up(self, replies: Sequence[Found]) -> Prepared | Failed | None:
        use, fixed = replies
        if fixed.hits:
            return self._gateway_looked_up(fixed)
        if any(hit.get("status") == "USED" for hit in use.hits):
            self._remarks.append(f"gateway {self.network.gateway} is occupied by another object")
            return self._prepared()
        refusal = self._gateway_refusal or Refusal(Kind.OTHER, "")
        return Failed(as_problem(refusal, f"reserve gateway {self.network.gateway}", self._user))

    def _created_one(self, replies: Sequence[Reply]) -> Prepared | Failed | None:
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
        return Prepared(tuple(self._created), tuple(self._remarks), self._is_served)

    def _not_ours(self, found: Object) -> NetworkNotOurs:
        eas, names = read(found.get("extattrs")), self._provider.names
        present = ", ".join(f"{name}={', '.join(values)}" for name, values in sorted(eas.items())) or "none"
        return NetworkNotOurs(
            subnet=self.network.subnet,
            view=self.network.view,
            name=self.network.name,
            name_attribute=names.network_name,
            tenant=self._provider.cluster_name,
            tenant_attribute=names.tenant_id,
            cmp_attribute=names.cmp_type,
            cmp_type=CMP_TYPE_VALUE,
            present=present,
        )
