"""The fields that all object types share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.refusals import invalid_value
from gridsim.database.state import State
from gridsim.database.store import GridObject

COMMENT_MAX = 256


def check_comment(data: Mapping[str, Any]) -> None:
    """Refuse a comment that is too long, or has blanks at its ends."""
    comment = data.get("comment", "")
    if not isinstance(comment, str) or len(comment) > COMMENT_MAX or comment != comment.strip():
        raise invalid_value("comment", comment)


def updated(state: State, before: GridObject, data: Mapping[str, Any], *names: str) -> GridObject:
    """Return an object with the named fields plus its attributes changed by a write.

    Raises Refusal for bad attributes.
    """
    extattrs = attributes.merged(state, before.kind, before.extattrs, data)
    return dataclasses.replace(before, fields={**before.fields, **only(data, *names)}, extattrs=extattrs)


def only(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the named fields of a write, as far as it has them."""
    return {name: data[name] for name in names if name in data}
