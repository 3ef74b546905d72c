"""What the journal says of one attachment, with the changes that its life allows.

    asked      the coordinator may have been asked for an address
    held       the attachment has its addresses
    releasing  the attachment is gone, the grid may still hold its addresses
    released   the grid holds nothing of it; kept for a while as a tombstone

`seq`, `attempt`, `since_ms`, `request_id` belong to the verb under way: to the ADD in asked and held, to
the DEL afterwards. Times are CLOCK_BOOTTIME, so they mean something only within the boot `boot_id`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from nodeagent.domain.outcomes import Address
from protocol.messages import ReleaseReason

RESEND_ATTEMPT: Final = 2
"""From this attempt on another coordinator may have heard of it; the one that is asked looks at the grid first."""


class State(StrEnum):
    """Where an attachment is in its life."""

    ASKED = "asked"
    HELD = "held"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True)
class Record:
    """The journal's knowledge of one attachment."""

    attachment: AttachmentId
    state: State
    seq: int
    attempt: int
    since_ms: int
    boot_id: str
    request_id: str
    network: Network | None = None
    pod: Pod = field(default_factory=Pod)
    namespace: Namespace | None = None
    """Where it lives; None where the journal of an earlier release did not say."""
    mac: str | None = None
    view: str | None = None
    subnet: str | None = None
    addresses: tuple[Address, ...] = ()
    reason: ReleaseReason | None = None
    unanswered_ask_ms: int | None = None
    """When the newest allocate left, where it or an earlier one has no answer."""
    unclaimed_ms: int | None = None
    """Since when nobody waits for this attachment, although no DEL came."""
    released_ms: int | None = None
    """When it was released before, where it holds no address again since."""


def answered(record: Record) -> Record:
    """The record of an asked attachment whose newest allocate was answered, which says nothing of earlier ones."""
    return record if record.attempt > 1 else replace(record, unanswered_ask_ms=None)


def held(record: Record, view: str, subnet: str, addresses: tuple[Address, ...]) -> Record:
    """The record of an asked attachment that got its addresses."""
    return replace(
        answered(record), state=State.HELD, view=view, subnet=subnet, addresses=addresses, released_ms=None
    )


def releasing(record: Record, seq: int, request_id: str, reason: ReleaseReason, now_ms: int) -> Record:
    """The record of an attachment that is gone, whatever it was before.

    Where it was released already without holding an address since, that earlier release may still be carried out.
    """
    return replace(
        record,
        state=State.RELEASING,
        seq=seq,
        attempt=1 if record.released_ms is None else RESEND_ATTEMPT,
        since_ms=now_ms,
        request_id=request_id,
        reason=reason,
        unclaimed_ms=None,
    )


def last_released_ms(record: Record | None) -> int | None:
    """When the attachment was released, for an ADD that comes after `record`."""
    if record is None:
        return None
    if record.state is State.RELEASING:
        return record.since_ms
    return record.released_ms


def moved_to_boot(record: Record, boot_id: str) -> Record:
    """The same record in the clock of another boot: what happened before it is as old as the boot at least."""
    unanswered = None if record.unanswered_ask_ms is None else 0
    released = None if record.released_ms is None else 0
    return replace(
        record,
        boot_id=boot_id,
        since_ms=0,
        unanswered_ask_ms=unanswered,
        unclaimed_ms=None,
        released_ms=released,
    )


def released(record: Record, now_ms: int) -> Record:
    """The tombstone."""
    released_ms = last_released_ms(record)
    return replace(record, state=State.RELEASED, since_ms=now_ms, unanswered_ask_ms=None, released_ms=released_ms)


COLUMNS: Final[Mapping[str, str]] = {
    "container_id": "TEXT NOT NULL",
    "ifname": "TEXT NOT NULL",
    "state": "TEXT NOT NULL",
    "seq": "INTEGER NOT NULL",
    "attempt": "INTEGER NOT NULL",
    "since_ms": "INTEGER NOT NULL",
    "boot_id": "TEXT NOT NULL",
    "request_id": "TEXT NOT NULL",
    "network": "TEXT",
    "pod": "TEXT NOT NULL",
    "mac": "TEXT",
    "view": "TEXT",
    "subnet": "TEXT",
    "addresses": "TEXT NOT NULL",
    "reason": "TEXT",
    "unanswered_ask_ms": "INTEGER",
    "unclaimed_ms": "INTEGER",
    "namespace": "TEXT",
    "released_ms": "INTEGER",
}
"""The journal's table, in this order."""


def encode(record: Record) -> tuple[Any, ...]:
    """The row of `record`."""
    return (
        record.attachment.container_id,
        record.attachment.ifname,
        record.state.value,
        record.seq,
        record.attempt,
        record.since_ms,
        record.boot_id,
        record.request_id,
        None if record.network is None else json.dumps(asdict(record.network)),
        json.dumps(asdict(record.pod)),
        record.mac,
        record.view,
        record.subnet,
        json.dumps([asdict(address) for address in record.addresses]),
        None if record.reason is None else record.reason.value,
        record.unanswered_ask_ms,
        record.unclaimed_ms,
        None if record.namespace is None else json.dumps(asdict(record.namespace)),
        record.released_ms,
    )


def decode(row: tuple[Any, ...]) -> Record:
    """The record of `row`, each value of its type. Raises ValueError, TypeError or KeyError when it is damaged."""
    columns = dict(zip(COLUMNS, row, strict=True))
    texts = {name: columns[name] for name in _AS_JSON if columns[name] is not None}
    columns["attachment"] = {name: columns.pop(name) for name in ("container_id", "ifname")}
    try:
        return _RECORD.validate_python({**columns, **{name: json.loads(text) for name, text in texts.items()}})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except RecursionError:
        raise ValueError("lists in lists without end") from None


_AS_JSON: Final = ("network", "pod", "namespace", "addresses")
_RECORD: Final = TypeAdapter(Record)
