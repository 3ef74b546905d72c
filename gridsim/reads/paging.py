"""The pages of a long list of hits.

The first page fixes which objects the following pages list, in what order; each page shows the objects as they
are when it is asked for. So an object created meanwhile is missed, one deleted meanwhile is left out.
"""

from __future__ import annotations

from typing import Any

from gridsim.database.refusals import invalid_value, protocol_error
from gridsim.database.schema import ObjectType
from gridsim.database.state import Cursor, State
from gridsim.database.store import GridObject
from gridsim.reads.pool_view import looked_up
from gridsim.reads.projection import shown

CURSORS_MAX = 256


def first_page(
    state: State, kind: ObjectType, hits: list[GridObject], names: tuple[str, ...], size: int
) -> dict[str, Any]:
    """Return the first page, with the id of the next one if there is more.

    Raises Refusal (400) for pages larger than the grid makes.
    """
    size_max = state.faults.page_size_max
    if size_max and size > size_max:
        raise protocol_error(f"_paging requires _max_results between 1 and {size_max}")
    return _page(state, kind, Cursor(kind.name, tuple(hit.key for hit in hits), names, size, 0))


def page(state: State, kind: ObjectType, page_id: str) -> dict[str, Any]:
    """Return the page of that id.

    Raises Refusal (400) when the id is unknown or so old that it was dropped.
    """
    cursor = state.cursors.get(page_id)
    if cursor is None or cursor.kind != kind.name:
        raise invalid_value("_page_id", page_id)
    return _page(state, kind, cursor)


def _page(state: State, kind: ObjectType, cursor: Cursor) -> dict[str, Any]:
    behind = cursor.position + cursor.size
    things = (looked_up(state, cursor.kind, key) for key in cursor.keys[cursor.position : behind])
    answer: dict[str, Any] = {
        "result": [shown(state, kind, thing, cursor.names) for thing in things if thing is not None]
    }
    if behind < len(cursor.keys):
        answer["next_page_id"] = _kept(state, cursor.advanced(behind))
    return answer


def _kept(state: State, cursor: Cursor) -> str:
    state.pages_made += 1
    page_id = f"789c{state.pages_made:012x}"
    state.cursors[page_id] = cursor
    while len(state.cursors) > CURSORS_MAX:
        del state.cursors[next(iter(state.cursors))]
    return page_id
