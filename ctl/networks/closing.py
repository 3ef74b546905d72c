"""Closes a configuration file to new pods, in such a way that the runtime can still detach those that it has.

Without any configuration containerd refuses to stop pods: taking the file away first would keep them for ever.
"""

from __future__ import annotations

import json
from typing import Any


def uses_driver(data: bytes, driver_name: str) -> bool:
    """Whether a file, by whomever, takes addresses from our driver, in whatever depth."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return bool(_with_closed(fields, driver_name, closed=True) != _with_closed(fields, driver_name, closed=False))


def close(data: bytes, driver_name: str) -> bytes:
    """The file with every ipam section of ours closed; the same bytes where there is nothing to close."""
    fields = json.loads(data)
    closed = _with_closed(fields, driver_name, closed=True)
    return data if closed == fields else json.dumps(closed, indent=2, ensure_ascii=False).encode() + b"\n"


def _with_closed(value: Any, driver_name: str, *, closed: bool) -> Any:
    if isinstance(value, list):
        return [_with_closed(item, driver_name, closed=closed) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_closed(item, driver_name, closed=closed) for key, item in value.items()}
    ipam = changed.get("ipam")
    if isinstance(ipam, dict) and ipam.get("type") == driver_name:
        changed["ipam"] = {**ipam, "closed": closed}
    return changed
