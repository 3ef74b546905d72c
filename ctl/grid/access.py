"""Looks at what the user may do at all: log in, in this version, with `request`; and how logins are treated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import requests

from ctl.failures import Failed
from ctl.grid.findings import Finding, note, right, unknown, wrong
from ctl.grid.place import Place
from ctl.grid.wapi import Wapi

NEWER_REMEDY: Final = "Name one of them with --wapi-version (2.5 is enough)"
REQUEST_REMEDY: Final = (
    "Let the user's group use it (docs/grid.md, 'With and without request'); without it one coordinator alone may "
    "write, elected by --leader-elect under Kubernetes"
)


def log_in(wapi: Wapi, place: Place) -> Iterator[Finding]:
    """Whether the user is let in, and the version is spoken. Raises `Failed` where nothing else can be asked."""
    try:
        answer = wapi.ask("GET", "", {"_schema": "1"})
    except Failed as problem:
        yield wrong("login", str(problem), "See --grid-host and --wapi-port")
        raise
    if answer.status == requests.codes.unauthorized:
        yield wrong("login", f"the grid refuses user {place.username} or the password", "See --wapi-password-file")
        raise Failed("the login is refused")
    if answer.status == requests.codes.forbidden:
        yield wrong(
            "login",
            f"the grid forbids user {place.username} the API, or this machine after wrong passwords",
            "Give the user's admin group access to the API; wait some minutes after wrong passwords",
        )
        raise Failed("the login is forbidden")
    if answer.content is None:
        remedy = "--grid-host must be the active grid master, by a name that follows it"
        yield wrong("login", f"what answers is no WAPI (HTTP status {answer.status})", remedy)
        raise Failed("no grid master answers")
    if not answer.is_granted:
        yield wrong("WAPI version", f"{place.version}: {answer.reason}", NEWER_REMEDY)
        raise Failed("the version is refused")
    yield right("login", f"user {place.username} is let in")
    versions = answer.content.get("supported_versions") if isinstance(answer.content, dict) else None
    yield _version(place.version, [str(each) for each in versions] if isinstance(versions, list) else [])


def _version(asked: str, spoken: list[str]) -> Finding:
    if not spoken:
        return right("WAPI version", f"{asked} is spoken")
    newest = max(spoken, key=lambda text: [int(part) for part in text.split(".") if part.isdigit()])
    if asked not in spoken:
        return wrong("WAPI version", f"{asked} is not spoken; up to {newest} are", NEWER_REMEDY)
    return right("WAPI version", f"{asked} is spoken, as are others up to {newest}")


def may_request(wapi: Wapi) -> Finding:
    """Whether many operations may go in one call."""
    look = {"method": "GET", "object": "networkview", "args": {"_max_results": "1"}}
    answer = wapi.ask("POST", "request", None, [look])
    if answer.is_granted:
        return right("request", "may be used")
    return note("request", f"may not be used: {answer.reason}", REQUEST_REMEDY)


def logins(wapi: Wapi) -> Iterator[Finding]:
    """How long a session lasts, and what wrong passwords lead to."""
    answer = wapi.ask("GET", "grid", {"_return_fields": "name,security_setting,lockout_setting"})
    found = answer.content[0] if answer.is_granted and isinstance(answer.content, list) and answer.content else {}
    security, lockout = _part(found, "security_setting"), _part(found, "lockout_setting")
    if not security:
        yield unknown("session", "the grid does not tell this user its settings")
    else:
        yield right(
            "session", f"ends after {security.get('session_timeout', 'an unknown number of')} s without a call"
        )
        if security.get("disable_concurrent_login"):
            yield note(
                "session",
                "a second login of the same user ends the first (Disable Concurrent Login)",
                "Switch it off, or give each coordinator, and yourself, a user of its own",
            )
    if lockout.get("enable_sequential_failed_login_attempts_lockout"):
        times, minutes = lockout.get("sequential_attempts"), lockout.get("failed_lockout_duration")
        yield note(
            "lockout",
            f"after {times} wrong passwords the user is locked out for {minutes} minutes",
            "Change the password in the Secret and in the grid together; the coordinator tries a wrong one once a "
            "minute at most, then ever more seldom",
        )
    elif lockout:
        yield right("lockout", "wrong passwords lock nobody out")


def _part(found: Any, name: str) -> dict[str, Any]:
    part = found.get(name) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else {}
