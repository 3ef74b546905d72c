"""Looks at the view and the networks that pods shall have, and at the attributes that objects bear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ctl.grid.findings import Finding, note, right, wrong
from ctl.grid.wapi import DEFINITION, Wapi
from protocol import attributes

NETWORK_FIELDS: Final = "network,network_view,extattrs,members,utilization,cloud_info"
FULL_PERCENT: Final = 80
STEPS_OF_PERCENT: Final = 10
"""The grid tells thousandths."""


@dataclass(frozen=True)
class Plan:
    """What pods shall use: a view, its networks; and what the attributes are called."""

    view: str
    networks: tuple[str, ...]
    cluster: str
    may_create: bool
    called: Mapping[str, str]


def definitions(wapi: Wapi, called: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each attribute is there, with a type that takes our values."""
    for standard, name in called.items():
        kind = attributes.TYPES[standard]
        found = wapi.get(DEFINITION, {"name": name, "_return_fields": "name,type,list_values"})
        subject = f"attribute {name}"
        if not found:
            remedy = "A superuser defines it: 'cni-infoblox grid prepare' prints how, or does it with --apply"
            yield wrong(subject, "is not defined", remedy)
        elif there := attributes.misfit(found[0], kind):
            yield wrong(
                subject, f"has type {there}, must be {kind}", f"Take another name: --ea '{standard}=OTHER'"
            )
        else:
            yield right(subject, f"is defined, {found[0].get('type')}")


def networks(wapi: Wapi, plan: Plan) -> Iterator[Finding]:
    """The view, then each network."""
    if not wapi.get("networkview", {"name": plan.view, "_return_fields": "name"}):
        yield _missing(f"view {plan.view}", plan, "is not there, or this user may not see it")
        return
    yield right(f"view {plan.view}", "is there")
    if not plan.networks:
        yield note("networks", "none was named", "Name those of your network configurations with --network")
    for cidr in plan.networks:
        yield from _network(wapi, plan, cidr)


def _missing(subject: str, plan: Plan, found: str) -> Finding:
    if plan.may_create:
        return note(subject, f"{found}: the coordinator makes it", "It needs read/write permission for that")
    return wrong(
        subject, found, "Create it, or let the user see it (docs/network-team.md), or use --create-networks true"
    )


def _network(wapi: Wapi, plan: Plan, cidr: str) -> Iterator[Finding]:
    subject, place = f"network {cidr}", {"network": cidr, "network_view": plan.view}
    found = wapi.get("network", {**place, "_return_fields": NETWORK_FIELDS})
    if not found:
        if wapi.get("networkcontainer", {**place, "_return_fields": "network"}):
            yield wrong(
                subject, "is a network container, which holds networks and no addresses", "Name a network in it"
            )
        else:
            yield _missing(subject, plan, "is not there, or this user may not see it")
        return
    network = found[0]
    yield _ownership(subject, network, plan)
    yield from _use(subject, network)
    if wapi.get("range", {**place, "_return_fields": "start_addr"}):
        yield note(
            subject, "has DHCP ranges: their addresses are never given to pods", "Remove ranges that nobody uses"
        )
    if network.get("members"):
        yield note(
            subject,
            f"has DHCP members ({len(network['members'])}): each address with a MAC makes the grid show the "
            "'restart required' banner",
            "Take the members away, or use --reservations-only true (docs/network-team.md)",
        )
    scope = (network.get("cloud_info") or {}).get("delegated_scope", "NONE")
    if scope != "NONE":
        remedy = "Use a network that is delegated to no member, or a user of the cloud API"
        yield wrong(subject, f"is delegated to a Cloud Platform member ({scope})", remedy)


def _ownership(subject: str, network: Mapping[str, Any], plan: Plan) -> Finding:
    borne = network.get("extattrs") or {}
    name, tenant, kind = (
        str(borne.get(plan.called[each], {}).get("value", ""))
        for each in ("Network Name", "Tenant ID", "CMP Type")
    )
    if name:
        return right(subject, f"is for network configurations whose name is {name}")
    if tenant == plan.cluster and kind == "Kubernetes":
        return right(subject, f"is for cluster {tenant}")
    return wrong(
        subject,
        "is not for pods: it bears no name of a network configuration",
        f"Set its extensible attribute '{plan.called['Network Name']}' to the 'name' of the network configuration",
    )


def _use(subject: str, network: Mapping[str, Any]) -> Iterator[Finding]:
    told = network.get("utilization")
    if not isinstance(told, int):
        return
    percent = told / STEPS_OF_PERCENT
    text = f"{percent:.1f} % is used, as the grid counts now and then"
    yield note(subject, text, "Plan for a larger one") if percent >= FULL_PERCENT else right(subject, text)
