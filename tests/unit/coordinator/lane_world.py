"""Tasks for a lane, each called by a name, and what a grid answers to them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from coordinator.core.networks import Network
from coordinator.grid.allocation_object import pack
from coordinator.grid.calls import Answered, Call
from coordinator.grid.operations import Create, Deleted, Found, Operation, Reply, Search, Written
from coordinator.grid.writer import Writer
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.task import Task
from coordinator.provision.definitions_task import DefinitionsTask
from coordinator.provision.objects import Provider
from coordinator.tasks.create_task import CreateTask
from coordinator.tasks.delete_task import DeleteTask
from coordinator.tasks.label_task import LabelTask
from coordinator.tasks.references import References
from protocol.attributes import TYPES
from protocol.wire.allocation_id import Owner, hash_driver, hash_node
from protocol.wire.values import Label

NETWORK = Network("default", "10.55.0.0/24", None, "pods")
CLUSTER = "c0ffee000000"
WRITER = Writer(CLUSTER, "prod-1")
REFERENCES = References(are_allowed=True)
PROVIDER = Provider((CLUSTER,), "prod-1")


def an_id(name: str, node: str = "n1") -> str:
    """The id that was drawn for what the test calls by this name."""
    owner = Owner(CLUSTER, hash_node(node), "2" * 8, "3" * 8, hash_driver("infoblox"), "5" * 8)
    return str(owner.draw(sha256(name.encode()).hexdigest()[:12]))


def an_add(name: str, node: str = "n1", network: Network = NETWORK, *, for_reserve: bool = False) -> CreateTask:
    """A create, named in the label of its object."""
    return CreateTask(
        WRITER,
        "admin",
        an_id(name, node),
        node=node,
        network=network,
        label_text=pack(Label(container_id=name, ifname="eth0")),
        mac=None,
        for_reserve=for_reserve,
    )


def a_look_up(name: str) -> CreateTask:
    """A create that looks first."""
    add = an_add(name)
    add.is_looking = True
    return add


def a_label(name: str, *, mac: str | None = None) -> LabelTask:
    """A label for the object of an id."""
    label = Label(container_id=name, ifname="eth0", mac=mac)
    return LabelTask(WRITER, "admin", an_id(name), REFERENCES, node="n1", label=label, mac=mac)


def a_removal(name: str, due_s: float = 0.0, node: str = "n1") -> DeleteTask:
    """A deletion, due at a time."""
    return DeleteTask(WRITER, "admin", an_id(name, node), REFERENCES, due_s)


def a_lane() -> Lane:
    """A lane that has found out that it may use `request`."""
    lane = Lane(256)
    lane.handle(Submitted((DefinitionsTask(PROVIDER),), 0.0))
    (call,) = calls(lane.proceed(0.0))
    (defined,) = [Found(tuple({"_ref": "x", "name": name} for name in TYPES)) for _ in call.operations]
    lane.handle(Answered(call.id, [defined], 0.1))
    return lane


def calls(commands: list[object]) -> list[Call]:
    """The calls among the commands."""
    return [command for command in commands if isinstance(command, Call)]


def submit(lane: Lane, *tasks: Task[Any], now_s: float = 1.0) -> list[object]:
    """Works arrive together."""
    lane.handle(Submitted(tasks, now_s))
    return list(lane.proceed(now_s))


def allocation_of(operation: Operation) -> str:
    """Which id the operation is about."""
    if isinstance(operation, Create):
        return str(operation.data["extattrs"]["Allocation ID"]["value"])
    return operation.criteria["*Allocation ID"]


def owners(call: Call, names: str | list[str]) -> list[str]:
    """Which of these names the call's operations are about, in their order."""
    known = {an_id(name): name for name in names}
    return [known[allocation_of(operation)] for operation in call.operations]


def a_written(allocation: str, address: str = "10.55.0.2", subnet: str = NETWORK.subnet) -> Written:
    """The grid's reply to a create."""
    found = {"_ref": "fixedaddress/x", "ipv4addr": address, "network": subnet, "network_view": "default"}
    return Written({**found, "extattrs": {"Allocation ID": {"value": allocation}}})


def an_answer(operation: Operation) -> Reply:
    """What a grid that holds nothing yet, and whatever is deleted, answers."""
    if isinstance(operation, Create):
        subnet = str(operation.data.get("network", ""))
        if "Allocation ID" not in operation.data["extattrs"]:
            return Written({"_ref": f"{operation.object_type}/x", **operation.data})
        return a_written(allocation_of(operation), subnet.replace(".0/24", ".2"), subnet)
    return Found(()) if isinstance(operation, Search) else Deleted({"_ref": "fixedaddress/x"})


def answered(call: Call, now_s: float) -> Answered:
    """The call has ended well."""
    return Answered(call.id, [an_answer(each) for each in call.operations], now_s)
