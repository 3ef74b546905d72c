"""The rows in which something is absent, silent, slow, full, lost, or says no."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import requests

from demo.daemons import Daemon
from tests.matrix.row import Course, Fault, Trouble
from tests.matrix.site import Site
from tests.matrix.verbs import TWO_AGENTS_S, UNANSWERED_S, AddAgainWithoutJournal, StatusOfANodeThatCannot, Verb

EVERY: Final = -1
LATE_COMMIT_S: Final = 5.0
SMALL: Final[Mapping[str, str]] = {"subnet": "10.66.0.0/29", "gateway": "10.66.0.1"}
PODS_OF_SMALL: Final = 5
LONG_ABSENT_S: Final = 180.0


@dataclass(frozen=True)
class Between:
    """Trouble that has a beginning and an end, of which no daemon dies."""

    begin: Callable[[], object]
    end: Callable[[], object]

    def died(self) -> bool:
        """Never."""
        return False


# The grid


def misbehaves(**switches: object) -> Callable[[Site], Trouble]:
    """The grid does so until told otherwise, or with the next call alone."""

    def make(site: Site) -> Trouble:
        off = dict.fromkeys(switches, 0)
        return Between(
            lambda: site.cluster.grid.set_faults(**switches), lambda: site.cluster.grid.set_faults(**off)
        )

    return make


def commits_late(site: Site) -> Trouble:
    """The grid carries out the next call seconds after its connection was lost."""
    switches = {"late_commit_count": 1, "late_commit_s": LATE_COMMIT_S}
    set_faults = site.cluster.grid.set_faults
    return Between(lambda: set_faults(**switches), lambda: set_faults(late_commit_count=0))


def grid_refuses_connections(site: Site) -> Trouble:
    """Nobody listens there."""
    return Between(site.to_grid.close, site.to_grid.open)


def session_expires(site: Site) -> Trouble:
    """The cookie is worth nothing any more."""
    return Between(lambda: site.cluster.grid.set_faults(expire_sessions=True), lambda: None)


def password_is_wrong(site: Site) -> Trouble:
    """The coordinator was started with a password that is not the grid's."""

    number = site.struck

    def restart(**password: str) -> None:
        site.running(number).stop()
        site.cluster.start_coordinator(replica=number, **password)

    return Between(lambda: restart(password="another"), restart)


def locked_out(site: Site) -> Trouble:
    """Somebody at the coordinator's address gave a wrong password: the grid serves nobody from there any more."""
    grid = site.cluster.grid

    def begin() -> None:
        grid.set_faults(lockout_after=1)
        url = f"https://127.0.0.1:{grid.port}/wapi/v2.7/networkview"
        answer = requests.get(url, auth=("admin", "wrong"), verify=grid.certificate, timeout=5)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED

    return Between(begin, lambda: grid.set_faults(lockout_after=0))


class Fillers:
    """The network has no address left."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._containers: list[str] = []

    def begin(self) -> None:
        """Add pods until there is room for none."""
        while not self._containers or self._site.addresses(self._containers[-1]):
            assert len(self._containers) <= PODS_OF_SMALL
            self._containers.append(self._site.new_container("fills"))
            self._site.add(self._containers[-1], **SMALL)

    def died(self) -> bool:
        """Never."""
        return False

    def end(self) -> None:
        """They go."""
        for container in self._containers:
            assert self._site.delete(container, **SMALL).ok


# The daemons, and the way between them


def stands_still(daemon_of: Callable[[Site], Daemon]) -> Callable[[Site], Trouble]:
    """A daemon is stopped by SIGSTOP."""

    def make(site: Site) -> Trouble:
        process = daemon_of(site).process
        return Between(lambda: process.send_signal(signal.SIGSTOP), lambda: process.send_signal(signal.SIGCONT))

    return make


def absent(daemon_of: Callable[[Site], Daemon]) -> Callable[[Site], Trouble]:
    """A daemon was ended; it is started again when the row is over."""
    return lambda site: Between(daemon_of(site).stop, site.make_whole)


def agent_long_absent(site: Site) -> Trouble:
    """The agent has been down for minutes, by the age of the file that it touches while it is well."""

    def begin() -> None:
        agent_of(site).stop()
        then_s = time.time() - LONG_ABSENT_S
        os.utime(site.node.socket_dir / "infoblox.alive", (then_s, then_s))

    return Between(begin, site.make_whole)


def both_are_killed(site: Site) -> Trouble:
    """SIGKILL for both; new ones start at once."""
    number = site.struck

    def begin() -> None:
        agent_of(site).kill()
        site.running(number).kill()
        site.node.launch_agent()
        site.cluster.start_coordinator(replica=number)

    return Between(begin, lambda: None)


def connection_is_cut(site: Site) -> Trouble:
    """The connection between agent and coordinator ends."""
    return Between(site.cut_ways, lambda: None)


def way_is_silent(site: Site) -> Trouble:
    """Between agent and coordinator nothing passes any more, nor does a connection end."""
    return Between(site.silence_ways, site.open_ways)


def key_is_unknown(site: Site) -> Trouble:
    """The coordinator does not know the agent's key."""
    known = site.cluster.keys / "coordinator" / "authorized" / f"{site.node.name}.key"
    kept, number = site.cluster.directory / known.name, site.struck

    def begin() -> None:
        agent_of(site).stop()
        site.running(number).stop()
        known.rename(kept)
        site.cluster.start_coordinator(replica=number)
        site.node.start_agent()

    return Between(begin, lambda: kept.rename(known))


def journal_is_lost(site: Site) -> Trouble:
    """The agent was killed, its directory of this boot emptied, and it came back."""

    def begin() -> None:
        agent_of(site).kill()
        for path in site.node.run_dir.iterdir():
            path.unlink()
        site.node.start_agent()
        site.wait_until_connected()

    return Between(begin, lambda: None)


def journal_is_not_written(site: Site) -> Trouble:
    """The agent can write no byte of any file, as on a file system that is full."""

    def limit(size: int) -> Callable[[], object]:
        return lambda: resource.prlimit(agent_of(site).pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return Between(limit(0), limit(resource.RLIM_INFINITY))


def agent_of(site: Site) -> Daemon:
    """The agent that runs now, or ran last."""
    assert site.node.agent
    return site.node.agent


def coordinator_of(site: Site) -> Daemon:
    """The coordinator that the row speaks of, while all is well."""
    return site.running(site.struck)


LONG_DOWN: Final[Mapping[str, type[Verb]]] = {"STATUS": StatusOfANodeThatCannot}
FORGOTTEN: Final[Mapping[str, type[Verb]]] = {"repeated ADD": AddAgainWithoutJournal}

FAULTS: Final = (
    Fault("grid", "refuses connections", grid_refuses_connections),
    Fault("grid", "takes calls and never answers", misbehaves(hang=EVERY)),
    Fault("grid", "answers 503", misbehaves(status_503=EVERY)),
    Fault("grid", "answers with a web page", misbehaves(html_200=EVERY)),
    Fault("grid", "refuses the login (401)", password_is_wrong),
    Fault("grid", "has locked our address out (403)", locked_out),
    Fault("grid", "has forgotten the session, once", session_expires, Course.ANEW),
    Fault("grid", "does not get the next call", misbehaves(cut_before_commit=1), Course.ANEW),
    Fault("grid", "writes, but the reply is lost, once", misbehaves(cut_after_commit=1), Course.ANEW),
    Fault("grid", "writes, but every reply to a write is lost", misbehaves(cut_after_commit=EVERY)),
    Fault("grid", "writes, but answers 500, once", misbehaves(status_500_after_commit=1), Course.ANEW),
    Fault("grid", "writes 5 s after the connection was lost, once", commits_late, Course.ANEW),
    Fault("grid", "has no address left in the network", Fillers, Course.IN_TURN, ipam=SMALL),
    Fault("daemons", "coordinator absent", absent(coordinator_of)),
    Fault("daemons", "coordinator stands still (SIGSTOP)", stands_still(coordinator_of)),
    Fault("daemons", "agent absent", absent(agent_of), add_limit_s=UNANSWERED_S),
    Fault(
        "daemons",
        "agent absent for more than two minutes",
        agent_long_absent,
        instead=LONG_DOWN,
        add_limit_s=UNANSWERED_S,
    ),
    Fault("daemons", "agent stands still (SIGSTOP)", stands_still(agent_of), add_limit_s=UNANSWERED_S),
    Fault(
        "daemons",
        "both killed, and started again at once",
        both_are_killed,
        Course.ANEW,
        add_limit_s=TWO_AGENTS_S,
    ),
    Fault("daemons", "connection between them cut, once", connection_is_cut, Course.ANEW),
    Fault("daemons", "nothing passes between them", way_is_silent),
    Fault("daemons", "agent's key unknown to the coordinator", key_is_unknown),
    Fault("daemons", "agent's journal cannot be written", journal_is_not_written),
    Fault("daemons", "agent's journal lost", journal_is_lost, instead=FORGOTTEN),
)
