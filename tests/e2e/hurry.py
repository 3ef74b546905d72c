"""Daemons whose minutes are seconds, in the words of the tests."""

from __future__ import annotations

import sys
from pathlib import Path

HURRIED = Path(__file__).with_name("hurried_daemon.py")
SILENCE_S = 4.0
"""Instead of the minute, or half of it, after which a boot, a journal or an agent counts as silent."""

COORDINATOR = {
    "coordinator.nodes.boots:SILENCE_S": SILENCE_S,
    "coordinator.nodes.boots:TWICE_APART_S": 1.0,
    "coordinator.nodes.sessions:UNHEARD_S": SILENCE_S,
    "coordinator.nodes.sessions:SILENT_S": SILENCE_S,
    "coordinator.tasks.references:SETTLED_S": SILENCE_S,
}
PATIENCE_S = 10.0
"""Instead of the 56 s after which an ADD without a coordinator is answered."""
IMPATIENT = {"nodeagent.attachments.add:ADD_ANSWER_S": PATIENCE_S}

AGENT = {"nodeagent.link.session:PING_AFTER_S": 0.5, "nodeagent.attachments.vanished:LOOK_EVERY_S": 1.0}


def coordinator_in_a_hurry() -> list[str]:
    """A coordinator for which a silence of `SILENCE_S` is what a minute's is for others."""
    return _hurried("coordinator", COORDINATOR)


def agent_in_a_hurry(*flags: str) -> list[str]:
    """An agent that is heard often enough for that coordinator, and looks for namespaces every second."""
    return [*_hurried("agent", AGENT), *flags]


def impatient_agent() -> list[str]:
    """An agent that tells an ADD soon that there is no coordinator."""
    return _hurried("agent", IMPATIENT)


def _hurried(daemon: str, constants: dict[str, float]) -> list[str]:
    return [sys.executable, str(HURRIED), daemon, *(f"{name}={value}" for name, value in constants.items()), "--"]
