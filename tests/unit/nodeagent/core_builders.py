"""Builders for the tests of the agent's core: values of one node, in one boot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from nodeagent.attachments.machine import Attachments
from nodeagent.domain.allocation import Allocation, Attachment, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod, Want
from nodeagent.domain.effects import Effect, Note, ReadMac, Transmit
from nodeagent.domain.events import AddAsked, Event, MacRead, Received, SessionBegan
from nodeagent.domain.outcomes import Address, Granted
from nodeagent.domain.wire import wire_label
from nodeagent.errors import JournalUnwritable
from nodeagent.journal.contents import Changes, Contents, Identity
from nodeagent.journal.rows import Rows
from protocol.wire import values
from protocol.wire.allocation_id import Owner
from protocol.wire.messages import Allocate, Allocated, Declined, DeclineKind, LetGo, ToAgent
from protocol.wire.values import LetGoRow, NetworkAsk

CLUSTER = "c0c0c0c0c0c0"
JOURNAL = "0a0a0a0a"
MACHINE = "11112222"
UNNAMED = Identity("boot-1", MACHINE, "node-1", "infoblox", JOURNAL)
IDENTITY = replace(UNNAMED, cluster=CLUSTER)
NOW_S = 1000.0

C1 = AttachmentId("c1", "eth0")
C2 = AttachmentId("c2", "eth0")
PODS = Network("pods")
NAMESPACE = Namespace("/run/netns/t", 4026532001)
OTHER_NAMESPACE = Namespace("/run/netns/o", 4026532002)
MAC = "02:00:00:00:00:01"
SEAL = "5ea1" * 8
READ_MAC = ReadMac(1, "eth0")
LABEL = Label(C1, Pod("web-1", "shop", "u-1"), MAC, NAMESPACE)


def owner(journal: str = JOURNAL, **changes: str) -> Owner:
    """The owner of this node's ids, or that of another journal."""
    known = replace(IDENTITY, journal=journal).owner()
    assert known
    return replace(known, **changes)


def an_id(number: int, journal: str = JOURNAL, **changes: str) -> str:
    """An id that the journal drew."""
    return f"{owner(journal, **changes)}-{number:012x}"


def an_allocation(number: int = 1, state: State = State.HELD, **changes: Any) -> Allocation:
    """An allocation of the network `pods`; from *held* on it bears a label that the grid shows."""
    label = None if state is State.READY else changes.pop("label", LABEL)
    row = Allocation(
        id=changes.pop("id", an_id(number)),
        network=PODS,
        view="default",
        subnet="10.55.0.0/24",
        address=f"10.55.0.{number + 1}",
        seal=SEAL,
        state=state,
        gateway="10.55.0.254",
        label=label,
        is_labelled=label is not None,
        was_held=state is not State.READY,
    )
    return replace(row, **changes)


def some_rows(*allocations: Allocation, identity: Identity = IDENTITY, **more: Any) -> Rows:
    """The rows of a journal that holds these; what is held or lost is its attachment's."""
    attachments = {
        row.label.attachment: Attachment(row.label.attachment, (row.id,), row.label.namespace)
        for row in allocations
        if row.label and row.state in (State.HELD, State.LOST)
    }
    return Rows(Contents(identity, {row.id: row for row in allocations}, attachments, **more))


def drawing(first: int = 100) -> Callable[[], str]:
    """Draws 12 hexadecimal digits: numbers from `first` on."""
    numbers = count(first)
    return lambda: f"{next(numbers):012x}"


WELCOME = SessionBegan(reserve=0, allocations_max=1024, clusters=frozenset({CLUSTER}))


class Core:
    """An attachments machine over rows; whoever tests it sees effects, commits and drops turns."""

    def __init__(self, *allocations: Allocation, reserve: int = 0, is_connected: bool = True, **more: Any) -> None:
        was_served = more.pop("was_served", False)
        limit = more.pop("allocations_max", 1024)
        self.rows = some_rows(*allocations, **more)
        self.machine = Attachments(self.rows, drawing(), NOW_S, was_served=was_served)
        self.at_welcome: list[Effect] = []
        if is_connected:
            self.at_welcome = self.handle(replace(WELCOME, reserve=reserve, allocations_max=limit))
            self.commit()

    def handle(self, event: Event, now_s: float = NOW_S) -> list[Effect]:
        """What is to be done about the event; what is noted of an address says whose it is."""
        effects = self.machine.handle(event, now_s)
        for effect in effects:
            if isinstance(effect, Note) and {"allocation", "address"} <= effect.fields.keys():
                assert effect.fields.keys() >= {"network", "pod", "request"}, effect
        return effects

    def receive(self, message: ToAgent, now_s: float = NOW_S) -> list[Effect]:
        """What is to be done about a message of the coordinator."""
        return self.handle(Received(message), now_s)

    def commit(self) -> Changes:
        """End the turn well: what is in the journal now."""
        changes = self.rows.changes()
        self.rows.commit()
        self.machine.committed()
        return changes

    def drop(self, now_s: float = NOW_S) -> list[Effect]:
        """End the turn with a journal that cannot be written."""
        self.rows.drop()
        return self.machine.dropped(JournalUnwritable(path="/j", cause="full"), now_s)

    def asked(self, caller: int = 1) -> Core:
        """An ADD of C1 has been asked for."""
        self.handle(an_add(caller))
        self.handle(MacRead(caller, MAC))
        self.commit()
        return self

    def held(self, caller: int = 1) -> Core:
        """An ADD of C1 has been answered."""
        self.asked(caller)
        self.receive(an_allocated())
        self.commit()
        return self


def an_add(caller: int = 1, attachment: AttachmentId = C1, **changes: Any) -> AddAsked:
    """An ADD of the pod `web-1`; it wants any address of `network`, where `wants` does not say otherwise."""
    wants = (Want(changes.pop("network", PODS)),)
    known = AddAsked(caller, f"r-{caller}", attachment, wants, NAMESPACE, LABEL.pod)
    return replace(known, **changes)


def an_allocate(number: int = 100, caller: int = 1, **changes: Any) -> Transmit:
    """The ask for C1's address."""
    fields: dict[str, Any] = {
        "id": f"r-{caller}",
        "wants": [values.Want(allocation=an_id(number), network=NetworkAsk(name="pods"))],
        "budget_ms": 55_000,
        "label": wire_label(LABEL),
        **changes,
    }
    return Transmit(Allocate(**fields))


def a_refill(number: int, **changes: Any) -> Transmit:
    """An ask for the reserve of the network `pods`, under this id and the next number's request id."""
    fields: dict[str, Any] = {
        "id": f"reserve-{number + 1:012x}",
        "wants": [values.Want(allocation=an_id(number), network=NetworkAsk(name="pods"))],
        "budget_ms": 60_000,
        "for_reserve": True,
        "ready": 0,
        **changes,
    }
    return Transmit(Allocate(**fields))


def an_allocated(number: int = 100, **changes: Any) -> Allocated:
    """The coordinator's answer: 10.55.0.101 for the id of number 100."""
    fields: dict[str, Any] = {
        "id": "r-1",
        "allocation": an_id(number),
        "view": "default",
        "subnet": "10.55.0.0/24",
        "address": f"10.55.0.{number + 1}",
        "seal": SEAL,
        "gateway": "10.55.0.254",
        "wapi_calls": 1,
        **changes,
    }
    return Allocated(**fields)


def a_declined(number: int | None = 100, **changes: Any) -> Declined:
    """The coordinator's refusal of an ask."""
    fields: dict[str, Any] = {
        "id": "r-1",
        "allocation": None if number is None else an_id(number),
        "kind": DeclineKind.TRY_AGAIN,
        "code": 11,
        "msg": "exhausted",
        "details": "Wait for releases",
        **changes,
    }
    return Declined(**fields)


def granted(number: int = 100, wapi_calls: int = 0) -> Granted:
    """The answer to an ADD whose allocation has this number."""
    return Granted((Address(f"10.55.0.{number + 1}/24", "10.55.0.254"),), (an_id(number),), wapi_calls)


def never_used(*numbers: int, draw: int) -> list[Transmit]:
    """What is said of ids that nobody waits for any more; `draw` is the number of the first message."""
    return [
        Transmit(
            LetGo(
                id=f"go-{draw + place:012x}",
                allocations=[LetGoRow(allocation=an_id(number), family=4, age_ms=0, was_held=False)],
            )
        )
        for place, number in enumerate(numbers)
    ]
