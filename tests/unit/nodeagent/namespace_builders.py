"""Builders for the tests of what becomes of attachments whose namespace is gone."""

from __future__ import annotations

from agent_builders import NOW_S, a_record
from request_builders import NAMESPACE

from nodeagent.commands import Command, Persist
from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.domain.presence import Directory, Sight
from nodeagent.events import Event, NamespacesSeen
from nodeagent.journal_records import State
from protocol.messages import ReleaseReason

DIRECTORY = Directory(25, 900)
C2 = AttachmentId("c2", "eth0")
OTHER = Namespace("/run/netns/u", 4026532002)
HELD = a_record(State.HELD, namespace=NAMESPACE)
NEIGHBOUR = a_record(State.HELD, attachment=C2, seq=3, namespace=OTHER)


def seen(look: int, *missing: Namespace, present: tuple[Namespace, ...] = (), now_s: float = NOW_S) -> Event:
    """A look that shows some namespaces at their place, and nothing at that of others."""
    sights = [Sight(each, DIRECTORY, each.inode) for each in present] + [
        Sight(each, DIRECTORY) for each in missing
    ]
    return NamespacesSeen(now_s, look, tuple(sights))


def releases(commands: list[Command]) -> list[tuple[AttachmentId, ReleaseReason | None]]:
    """What is released by these commands, and why."""
    records = [command.record for command in commands if isinstance(command, Persist)]
    return [(record.attachment, record.reason) for record in records if record.state is State.RELEASING]
