"""`cni-infoblox grid check`: looks, before the first pod, whether a grid is fit for the coordinator.

It looks with the coordinator's user at login, WAPI version, `request`, attributes, view, networks and the
certificate, and says how to mend what is wrong. With --try it makes a reservation in each network, labels it and
deletes it again: that shows the user's permissions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from typing import Final

from ctl.failures import BadArgument, Failed
from ctl.grid import access, certificate, place, spaces, trial
from ctl.grid.findings import Finding, Verdict, document, table, wrong
from ctl.grid.place import Place, Surroundings
from ctl.grid.wapi import Wapi
from ctl.terminal.output import Output
from ctl.terminal.progress import Progress
from protocol import attributes

EXIT_CODES: Final = {0: "nothing is wrong", 1: "something is wrong", 2: "the command line is wrong"}

Writing = Callable[[Wapi, spaces.Plan], Iterator[Finding]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    place.add_arguments(parser, "the coordinator's user")
    add = parser.add_argument
    add("--network", action="append", metavar="CIDR", help="a network that pods shall use; repeat")
    add("--network-view", metavar="NAME", help="the view that it is in (default)")
    add("--cluster-name", metavar="NAME", help="the cluster's name (cluster-1)")
    add("--create-networks", metavar="true|false", help="whether the coordinator may make what is missing (true)")
    add(
        "--try",
        dest="is_trial",
        action="store_true",
        help="make a reservation in each network, and delete it again",
    )
    add("--output", choices=("table", "json"), default="table", help="%(default)s, or json")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 where something is wrong."""
    surroundings = Surroundings(arguments)
    at, plan, password = surroundings.place(), _plan(surroundings), surroundings.password()
    with at.open(password) as wapi, Progress("asking the grid"):
        findings = list(_look(at, plan, wapi, trial.attempt if arguments.is_trial else trial.untried))
    lines = [f"grid {at.base}, user {at.username}", *table(findings)]
    Output(arguments.output).show({"grid": at.base, "findings": document(findings)}, lines)
    return 1 if any(each.verdict is Verdict.WRONG for each in findings) else 0


def _look(at: Place, plan: spaces.Plan, wapi: Wapi, write: Writing) -> Iterator[Finding]:
    """As much as can be looked at: who is not let in sees nothing more. `write` says whether it can be written."""
    try:
        yield from certificate.look(at, time.time())
    except Failed as problem:
        yield wrong(certificate.SUBJECT, str(problem), "See --grid-host, --wapi-port and --ssl-verify")
        return
    try:
        yield from access.log_in(wapi, at)
    except Failed:
        return
    yield access.may_request(wapi)
    yield from access.logins(wapi)
    yield from _unless_failed("attributes", spaces.definitions(wapi, plan.called))
    yield from _unless_failed("networks", spaces.networks(wapi, plan))
    yield from _unless_failed("write", write(wapi, plan))


def _unless_failed(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except Failed as problem:
        yield wrong(subject, str(problem), "See docs/network-team.md, 'Permissions'")


def _plan(surroundings: Surroundings) -> spaces.Plan:
    networks = surroundings.get_list("network")
    for cidr in networks:
        try:
            IPv4Network(cidr)
        except ValueError as error:
            raise BadArgument(f"--network {cidr[:40]!r}: {error}") from None
    return spaces.Plan(
        view=surroundings.get("network_view") or "default",
        networks=tuple(networks),
        cluster=surroundings.get("cluster_name") or "cluster-1",
        may_create=surroundings.get("create_networks").lower() != "false",
        called=renamed(surroundings.get_list("ea")),
    )


def renamed(texts: list[str]) -> dict[str, str]:
    """What each of the nine attributes is called on this grid. Raises `BadArgument`."""
    try:
        return attributes.renamed(texts)
    except ValueError as error:
        raise BadArgument(f"--ea: {error}") from None
