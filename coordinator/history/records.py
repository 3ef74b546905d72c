"""A change as one line of JSON, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from coordinator.core.changes import Change
from coordinator.grid.allocation_object import AllocationObject, unpack
from protocol.admin.history import ChangeRecord

PRESENT = "present"
"""The event of what is so now."""


@dataclass(frozen=True)
class Writer:
    """Who records: the cluster's name, and the coordinator's."""

    cluster: str
    coordinator: str

    def of_change(self, change: Change, wall_s: float) -> ChangeRecord:
        """A change that happened at this time of day, in seconds since 1970."""
        return ChangeRecord(
            time=stamp(wall_s),
            event=change.kind.value,
            address=change.address,
            view=change.view,
            network=change.subnet,
            network_name=change.network_name,
            node=change.node,
            allocation=change.allocation,
            why=change.why[:1000],
            cluster=self.cluster,
            coordinator=self.coordinator,
            **_names(change.label_text),
        )

    def of_object(self, seen: AllocationObject, wall_s: float) -> ChangeRecord:
        """What the grid is known to hold now."""
        return ChangeRecord(
            time=stamp(wall_s),
            event=PRESENT,
            address=seen.address,
            view=seen.view,
            network=seen.subnet,
            network_name=seen.network_name,
            node=seen.node,
            allocation=seen.allocation,
            cluster=self.cluster,
            coordinator=self.coordinator,
            **_names(seen.label_text),
        )


def encode(record: ChangeRecord) -> bytes:
    """One line, with its end. What is not known is left out."""
    return json.dumps(record.model_dump(exclude_defaults=True), separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> ChangeRecord | None:
    """None for a line that is damaged."""
    try:
        return ChangeRecord.model_validate_json(line)
    except ValidationError:
        return None


def stamp(wall_s: float) -> str:
    """A time of day as RFC 3339 in UTC, to the millisecond, such as 2026-11-30T19:21:13.123Z."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _names(label_text: str) -> dict[str, str]:
    if not label_text:
        return {}
    label = unpack(label_text)
    return {
        "pod": "/".join(part for part in (label.pod_namespace, label.pod) if part),
        "container": label.container_id,
        "ifname": label.ifname,
        "mac": label.mac or "",
    }
