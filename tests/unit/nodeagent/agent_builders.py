"""Builders for the tests of the agent's values and machines."""

from __future__ import annotations

from typing import Any

from request_builders import ADDRESS, C1, PODS, an_add_request

from nodeagent.attachment_machine import Attachments
from nodeagent.cni.request import CheckRequest
from nodeagent.commands import Command, DropRelease, Persist, ReadMac, Reply, Transmit
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.outcomes import Granted
from nodeagent.events import (
    Added,
    Answered,
    Checked,
    Deleted,
    LinkRaised,
    MacRead,
    Persisted,
    Started,
)
from nodeagent.journal_records import Record, State
from protocol import messages
from protocol.messages import Allocate, Allocated, Declined, NetworkAsk, ReleaseReason

BOOT = "boot-1"
JOURNAL = "journal-1"
NOW_S = 1000.0
MAC = "02:00:00:00:00:01"
GRANTED = Granted((ADDRESS,), wapi_calls=1)
GRANTED_FROM_JOURNAL = Granted((ADDRESS,), wapi_calls=0)


def an_add(caller: int = 1, now_s: float = NOW_S, **changes: Any) -> Added:
    return Added(now_s, caller, f"r-{caller}", an_add_request(**changes))


def a_del(caller: int = 9, now_s: float = NOW_S, attachment: AttachmentId = C1) -> Deleted:
    return Deleted(now_s, caller, f"r-{caller}", attachment)


def a_check(previous: tuple[str, ...] | None = None, network: Network = PODS) -> Checked:
    return Checked(NOW_S, 7, CheckRequest("1.0.0", C1, network, previous))


def a_record(state: State = State.ASKED, **changes: Any) -> Record:
    facts: dict[str, Any] = {
        "attachment": C1,
        "state": state,
        "seq": 1,
        "attempt": 1,
        "since_ms": int(NOW_S * 1000),
        "boot_id": BOOT,
        "request_id": "r-1",
        "network": PODS,
        "mac": MAC,
    }
    if state is State.ASKED:
        facts["unanswered_ask_ms"] = int(NOW_S * 1000)
    else:
        facts |= {"view": "default", "subnet": "10.55.0.0/24", "addresses": (ADDRESS,)}
    if state in (State.RELEASING, State.RELEASED):
        facts |= {"seq": 2, "request_id": "r-9", "reason": ReleaseReason.DEL}
    return Record(**{**facts, **changes})


def an_allocate(**changes: Any) -> Allocate:
    facts: dict[str, Any] = {
        "id": "r-1",
        "attachment": messages.Attachment(container_id="c1", ifname="eth0"),
        "seq": 1,
        "journal_id": JOURNAL,
        "attempt": 1,
        "first_sent_ms_ago": 0,
        "budget_ms": 55_000,
        "network": NetworkAsk(name="pods"),
        "mac": MAC,
    }
    return Allocate(**{**facts, **changes})


def an_allocated(seq: int = 1, request_id: str = "r-1", now_s: float = NOW_S) -> Answered:
    message = Allocated(
        id=request_id,
        attachment=messages.Attachment(container_id="c1", ifname="eth0"),
        seq=seq,
        view="default",
        subnet="10.55.0.0/24",
        addresses=[messages.Address(address="10.55.0.2/24", gateway="10.55.0.1")],
        wapi_calls=1,
    )
    return Answered(now_s, message)


def a_declined(request_id: str = "r-1", now_s: float = NOW_S, *, settled: bool = True) -> Answered:
    facts = {"code": 11, "msg": "exhausted", "details": "Wait for releases"}
    return Answered(now_s, Declined(id=request_id, kind="try_again", settled=settled, **facts))


class Machine:
    """An attachments machine that was started."""

    def __init__(
        self,
        *records: Record,
        connected: bool = True,
        reached: bool = True,
        last_seq: int = 0,
        served: bool = False,
    ) -> None:
        self.machine = Attachments(BOOT, JOURNAL)
        seq = max([last_seq, *(record.seq for record in records)])
        self.started = self.machine.handle(Started(NOW_S, records, seq, reached, served))
        self.raised = self.machine.handle(LinkRaised(NOW_S)) if connected else []

    def handle(self, event: Any) -> list[Command]:
        return self.machine.handle(event)

    def sent(self) -> Machine:
        """With an ADD by caller 1 that the coordinator has."""
        self.handle(an_add())
        self.handle(MacRead(NOW_S, 1, MAC))
        self.handle(Persisted(NOW_S, 1))
        return self

    def held(self) -> Machine:
        """With an ADD by caller 1 that was answered."""
        self.sent()
        self.handle(an_allocated())
        self.handle(Persisted(NOW_S, 2))
        return self


ASKED = Persist(1, a_record())
HELD = Persist(2, a_record(State.HELD))
READ_MAC = ReadMac(1, "eth0", None, shares_mac=False)
DROP = DropRelease(C1)
ASK = Transmit(an_allocate())
REPLY = Reply(1, GRANTED)
