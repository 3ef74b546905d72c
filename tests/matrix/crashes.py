"""The rows in which a daemon kills itself at a named step, and a new one takes its place at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from coordinator.core.crash_points import CRASH_POINTS as COORDINATOR_CRASH_POINTS
from demo.daemons import Daemon, DaemonFailed
from nodeagent.crash_points import CRASH_POINTS as AGENT_CRASH_POINTS
from tests.matrix.row import Course, Fault
from tests.matrix.site import Site
from tests.matrix.verbs import TWO_AGENTS_S

LAUNCHER: Final = (sys.executable, str(Path(__file__).parents[1] / "dying_daemon.py"))
START_TIMEOUT_S: Final = 60.0
REACHED_WITHIN_S: Final = 1.0
"""How long after its answer a call may still bring a daemon to a step."""


@dataclass(frozen=True)
class _Life:
    """A daemon that will die. `replaced` is set when another one runs in its place."""

    daemon: Daemon
    died: threading.Event
    replaced: threading.Event


class Crash:
    """One daemon; `launch` starts one that will die, `replace` an ordinary one."""

    def __init__(self, launch: Callable[[], Daemon], replace: Callable[[], Daemon]) -> None:
        self._launch = launch
        self._replace = replace
        self._life: _Life | None = None
        self._is_over = False

    def begin(self) -> None:
        """A daemon that dies at the step takes the place of an ordinary one."""
        if self._life and not self._life.died.is_set():
            return
        life = self._life = _Life(self._launch(), threading.Event(), threading.Event())
        threading.Thread(target=self._watch, args=(life,), daemon=True).start()
        self._wait_until_it_serves(life)

    def died(self) -> bool:
        """Whether it has come to its step. Then another one runs already."""
        assert self._life
        return self._life.died.wait(REACHED_WITHIN_S) and self._life.replaced.wait(START_TIMEOUT_S)

    def end(self) -> None:
        """An ordinary daemon takes its place, if it has not died."""
        assert self._life
        self._is_over = True
        if self._life.died.is_set():
            assert self._life.replaced.wait(START_TIMEOUT_S)
            return
        self._life.daemon.stop()
        self._replace()

    def _watch(self, life: _Life) -> None:
        life.daemon.process.wait()
        if self._is_over:
            return
        life.died.set()
        self._replace()
        life.replaced.set()

    def _wait_until_it_serves(self, life: _Life) -> None:
        try:
            life.daemon.wait_until(
                lambda line: line.get("event") in ("serving", "started"), "start", START_TIMEOUT_S
            )
        except DaemonFailed:
            if not life.died.wait(REACHED_WITHIN_S):
                raise


def agent_crash(site: Site, step: str) -> Crash:
    """The agent dies."""
    return Crash(partial(_dying_agent, site, step), site.node.start_agent)


def agent_crash_over_a_file(site: Site, step: str) -> Crash:
    """The agent dies when it comes back to a DEL that was written down for it."""

    def launch() -> Daemon:
        container = site.new_container("waits")
        assert site.add(container).ok
        assert site.node.agent
        site.wait_until_released()
        site.node.agent.stop()
        assert site.delete(container).ok
        return site.node.launch_agent(launcher=[*LAUNCHER, "agent", step])

    return Crash(launch, site.node.start_agent)


def coordinator_crash(site: Site, step: str) -> Crash:
    """The coordinator dies."""
    number = site.struck

    def launch() -> Daemon:
        site.running(number).stop()
        return site.cluster.launch_coordinator(launcher=[*LAUNCHER, "coordinator", step], replica=number)

    return Crash(launch, partial(site.cluster.start_coordinator, replica=number))


def _dying_agent(site: Site, step: str) -> Daemon:
    assert site.node.agent
    site.wait_until_released()
    site.node.agent.stop()
    return site.node.launch_agent(launcher=[*LAUNCHER, "agent", step])


def crashes() -> list[Fault]:
    """All of them."""
    return [*map(_of_agent, AGENT_CRASH_POINTS), *map(_of_coordinator, COORDINATOR_CRASH_POINTS)]


def _of_agent(step: str) -> Fault:
    crash = agent_crash_over_a_file if step.startswith("pending:") else agent_crash
    return Fault("agent", step, partial(crash, step=step), Course.ANEW, add_limit_s=TWO_AGENTS_S)


def _of_coordinator(step: str) -> Fault:
    return Fault("coordinator", step, partial(coordinator_crash, step=step), Course.ANEW)
