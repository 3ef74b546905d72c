"""Tries what the coordinator will do: makes a reservation in each network, labels it, deletes it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ctl.grid.findings import Finding, right, unknown, wrong
from ctl.grid.spaces import Plan
from ctl.grid.wapi import Wapi

NAME: Final = "cni-infoblox-grid-check"
COMMENT: Final = "a trial of 'cni-infoblox grid check', deleted at once"
PERMISSION: Final = (
    "Give the user's group read/write permission for this network (docs/network-team.md, 'Permissions'); on a "
    "grid with cloud licence it must be a cloud API user"
)


def untried(_: Wapi, plan: Plan) -> Iterator[Finding]:
    """What is to be said where nothing may be tried."""
    for cidr in plan.networks:
        yield unknown(f"write in {cidr}", "not tried", "--try makes a reservation there and deletes it again")


def attempt(wapi: Wapi, plan: Plan) -> Iterator[Finding]:
    """Each network in turn; one that cannot be written is one finding."""
    for cidr in plan.networks:
        yield from _attempt(wapi, plan, cidr)


def _attempt(wapi: Wapi, plan: Plan, cidr: str) -> Iterator[Finding]:
    subject = f"write in {cidr}"
    body = {
        "ipv4addr": f"func:nextavailableip:{cidr},{plan.view}",
        "network_view": plan.view,
        "match_client": "RESERVED",
        "mac": "00:00:00:00:00:00",
        "name": NAME,
        "comment": COMMENT,
        "extattrs": _values(plan),
    }
    made = wapi.ask("POST", "fixedaddress", {"_return_fields": "ipv4addr"}, body)
    reference = made.content.get("_ref", "") if made.is_granted and isinstance(made.content, dict) else ""
    if isinstance(made.content, str) and made.content.startswith("scheduledtask/"):
        reference = made.content
    if reference.startswith("scheduledtask/"):
        yield wrong(subject, "changes of this user need approval", "Take its group out of the approval workflow")
    elif not made.is_granted or not reference:
        yield wrong(subject, f"no reservation can be made: {made.reason}", PERMISSION)
    else:
        yield from _undo(wapi, plan, subject, str(made.content.get("ipv4addr", "")), reference)


def _undo(wapi: Wapi, plan: Plan, subject: str, address: str, reference: str) -> Iterator[Finding]:
    label = {"extattrs+": {plan.called["VM Name"]: {"value": f"{NAME}/labelled"}}}
    labelled = wapi.ask("PUT", reference, None, label)
    # A reference names an address: only what still bears our comment is the object that was made.
    there = wapi.ask("GET", reference, {"_return_fields": "comment"})
    ours = isinstance(there.content, dict) and there.content.get("comment") == COMMENT
    gone = wapi.ask("DELETE", reference) if ours else there
    if not (ours and gone.is_granted):
        remedy = f"Delete the reservation {NAME} at {address} by hand, then: {PERMISSION}"
        yield wrong(subject, f"what was made cannot be deleted: {gone.reason}", remedy)
    elif not labelled.is_granted:
        yield wrong(subject, f"what was made cannot be changed: {labelled.reason}", PERMISSION)
    else:
        yield right(subject, f"a reservation was made at {address}, labelled and deleted")


def _values(plan: Plan) -> dict[str, Any]:
    """All attributes, so that one is found that this user may not write; no cluster takes this id for its own."""
    values = {
        "Allocation ID": NAME,
        "Tenant ID": NAME,
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
        "Location": NAME,
        "VM ID": NAME,
        "VM Name": NAME,
        "Interface Name": "eth0",
        "Network Name": NAME,
    }
    return {plan.called[standard]: {"value": value} for standard, value in values.items()}
