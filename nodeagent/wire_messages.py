"""The journal's records as messages to the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.outcomes import Address
from nodeagent.journal_records import Record
from protocol import messages
from protocol.messages import (
    Allocate,
    Enrol,
    Hello,
    Holding,
    Interface,
    Interfaces,
    Release,
    ReleaseReason,
)
from protocol.paging import pages_of

RELEASE_BUDGET_MS: Final = 3_600_000
"""An answer to a release is of use whenever it comes; this only bounds what the coordinator keeps."""


def allocate(record: Record, network: Network, journal_id: str, now_ms: int, budget_ms: int) -> Allocate:
    """Ask for the addresses of an asked attachment."""
    return Allocate(
        id=record.request_id,
        attachment=_attachment(record.attachment),
        seq=record.seq,
        journal_id=journal_id,
        attempt=record.attempt,
        first_sent_ms_ago=max(0, now_ms - record.since_ms),
        budget_ms=max(0, budget_ms),
        network=messages.NetworkAsk(
            name=network.name,
            view=network.view,
            subnet=network.subnet,
            gateway=network.gateway,
            is_gateway=network.is_gateway,
        ),
        mac=record.mac,
        pod=messages.Pod(name=record.pod.name, namespace=record.pod.namespace, uid=record.pod.uid),
        released_ms_ago=None if record.released_ms is None else max(0, now_ms - record.released_ms),
    )


def release(record: Record, journal_id: str, now_ms: int, attempt: int) -> Release:
    """Say that a releasing attachment is gone."""
    asked_ms = record.unanswered_ask_ms
    return Release(
        id=record.request_id,
        attachment=_attachment(record.attachment),
        seq=record.seq,
        journal_id=journal_id,
        attempt=attempt,
        first_sent_ms_ago=max(0, now_ms - record.since_ms),
        budget_ms=RELEASE_BUDGET_MS,
        reason=record.reason or ReleaseReason.DEL,
        view=record.view or (record.network.view if record.network else None),
        subnet=record.subnet or (record.network.subnet if record.network else None),
        unanswered_ask_ms_ago=None if asked_ms is None else max(0, now_ms - asked_ms),
    )


def holding(record: Record, network: Network) -> Holding:
    """A held attachment, as a hello lists it."""
    return Holding(
        attachment=_attachment(record.attachment),
        seq=record.seq,
        network_name=network.name,
        view=record.view or "",
        subnet=record.subnet or "",
        addresses=[
            messages.Address(address=address.address, gateway=address.gateway) for address in record.addresses
        ],
    )


def hello(holdings: Sequence[Holding], boot_id: str, journal_id: str, release: str, greeting: str) -> list[Hello]:
    """The pages of a hello, at least one; `greeting` is what their ids begin with."""
    pages = pages_of(holdings)
    return [
        Hello(
            id=f"{greeting}-{page}",
            boot_id=boot_id,
            journal_id=journal_id,
            page=page,
            last=page == len(pages) - 1,
            holdings=page_holdings,
            release=release,
        )
        for page, page_holdings in enumerate(pages)
    ]


def enrol(message_id: str, node: str, boot_id: str, token: str) -> Enrol:
    """Ask for a ticket by token."""
    return Enrol(id=message_id, node=node, boot_id=boot_id, token=SecretStr(token))


def interfaces(request_id: str, seen: Sequence[Interface], unreadable: int) -> list[Interfaces]:
    """What the node's namespaces hold, in pages, at least one."""
    pages = pages_of(seen)
    return [
        Interfaces(
            id=request_id,
            page=page,
            last=page == len(pages) - 1,
            interfaces=page_interfaces,
            unreadable=unreadable if page == 0 else 0,
        )
        for page, page_interfaces in enumerate(pages)
    ]


def attachment_of(attachment: messages.Attachment) -> AttachmentId:
    """The identity in a message, as the agent's parts know it."""
    return AttachmentId(attachment.container_id, attachment.ifname)


def addresses_of(allocated: messages.Allocated) -> tuple[Address, ...]:
    """The addresses in a message, as the agent's parts know them."""
    return tuple(Address(address.address, address.gateway) for address in allocated.addresses)


def _attachment(attachment: AttachmentId) -> messages.Attachment:
    return messages.Attachment(container_id=attachment.container_id, ifname=attachment.ifname)
