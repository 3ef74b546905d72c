"""The switches that make the simulated grid misbehave, or read an undocumented point the other way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USER_KINDS = ("superuser", "ordinary", "cloud", "no-request")

_CHOICES: dict[str, tuple[Any, ...]] = {
    "user_kind": USER_KINDS,
    "request_atomicity": ("all", "stop", "continue"),
    "request_status": (200, 201),
    "request_reply": ("list", "object"),
    "get_element": ("list", "object", "flattened"),
    "no_hit": ("400", "404", "literal", "previous"),
    "unknown_view_search": ("empty", "error"),
    "reservation_mac": ("zeros", "absent"),
    "next_available": ("lowest", "random"),
    "duid_conflict": ("used", "duplicate"),
}
_COUNTED = frozenset(
    {
        "status_503",
        "status_500_after_commit",
        "cut_before_commit",
        "cut_after_commit",
        "late_commit_count",
        "hang",
        "html_200",
        "html_404",
        "func_conflicts",
    }
)
UNTIL_CHANGED = -1


class BadFault(ValueError):
    """A switch that does not exist, or a value that it cannot take; the message names the switch."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The state of every switch; the defaults are a healthy grid in its strict reading.

    Counted switches name how many of the next calls are hit (-1: all until changed). With `only_containing`
    they pass over calls whose URL or body lacks that text.
    """

    only_containing: str = ""
    # transport
    status_503: int = 0
    status_500_after_commit: int = 0
    cut_before_commit: int = 0
    cut_after_commit: int = 0
    late_commit_count: int = 0
    late_commit_s: float = 5.0
    hang: int = 0
    html_200: int = 0
    html_404: int = 0
    latency_ms: float = 0.0
    op_latency_ms: float = 0.0
    close_connections: bool = False
    request_size_max: int = 0
    # logins
    session_timeout_s: float = 600.0
    expire_sessions: bool = False
    lockout_after: int = 0
    # users
    user_kind: str = "superuser"
    approval: bool = False
    no_permission: str = ""
    invisible: str = ""
    unknown_type: str = ""
    # readings of the request object
    request_atomicity: str = "all"
    request_sees_earlier: bool = True
    request_status: int = 201
    request_reply: str = "list"
    get_element: str = "list"
    no_hit: str = "400"
    negative_max_results_in_request: bool = True
    # readings of the data
    page_size_max: int = 1000
    unknown_view_search: str = "error"
    reservation_mac: str = "zeros"
    next_available: str = "lowest"
    duid_conflict: str = "used"
    func_conflicts: int = 0

    def changed(self, changes: Mapping[str, Any]) -> Faults:
        """Return these switches with some changed.

        Raises BadFault for an unknown name or an impossible value.
        """
        return dataclasses.replace(self, **{name: _checked(name, value) for name, value in changes.items()})

    def is_set(self, name: str) -> bool:
        """Tell whether a counted switch still has calls to hit."""
        return bool(getattr(self, name))

    def hits(self, name: str, text: str) -> bool:
        """Tell whether a counted switch hits a call with that text."""
        return self.is_set(name) and self.only_containing in text

    def spent(self, name: str) -> Faults:
        """Return these switches after a counted one has hit once."""
        left: int = getattr(self, name)
        return self if left == UNTIL_CHANGED else self.changed({name: max(0, left - 1)})

    def as_json(self) -> dict[str, Any]:
        """Return the switches as the control surface shows them."""
        return dataclasses.asdict(self)


_DEFAULTS = Faults().as_json()


def _checked(name: str, value: Any) -> Any:
    if name not in _DEFAULTS:
        raise BadFault(f"unknown switch: {name}")
    if name == "no_hit":
        value = str(value)
    if name in _CHOICES:
        return _one_of(name, value)
    default = _DEFAULTS[name]
    if isinstance(default, bool | str):
        if type(value) is not type(default):
            raise BadFault(f"{name}: expected {type(default).__name__}, not {value!r}")
        return value
    return _number(name, value, type(default))


def _one_of(name: str, value: Any) -> Any:
    if value not in _CHOICES[name] or isinstance(value, bool):
        raise BadFault(f"{name}: expected one of {', '.join(map(str, _CHOICES[name]))}, not {value!r}")
    return value


def _number(name: str, value: Any, kind: type[int] | type[float]) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value != int(value)):
        raise BadFault(f"{name}: expected a number, not {value!r}")
    if value < (UNTIL_CHANGED if name in _COUNTED else 0):
        raise BadFault(f"{name}: {value!r} is too small")
    return kind(value)
