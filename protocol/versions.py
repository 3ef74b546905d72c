"""Which version of the agent-coordinator protocol this side speaks."""

from __future__ import annotations

PROTOCOL_VERSION = 1
"""Spoken by this release. The next version will also speak the one before it (docs/protocol.md)."""


def is_spoken(version: object) -> bool:
    """Whether a message that carries `version` can be understood here."""
    return type(version) is int and version == PROTOCOL_VERSION
