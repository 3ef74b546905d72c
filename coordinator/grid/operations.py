"""WAPI operations as values: how each is sent, alone or inside the object `request`, with what comes back.

The object `request` carries many operations in one call. Nobody has promised the exact shape of its reply: a
search may be answered by a list, by its only hit, or by its hits spread among the other elements, none at all
for a search without hits. So a reply is believed only when each element is what its operation asked for; anything
else is `Unreadable`, which the lane treats like a reply that was lost.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard
from urllib.parse import quote, urlencode

from protocol.family import subnet_of

_ADDRESSES: Final = frozenset({"ipv6addr", "network", "ip_address"})
"""The search arguments that are addresses or subnets of IPv6."""

Object = Mapping[str, Any]
"""A WAPI object as JSON; `_ref` is valid inside one call only."""


@dataclass(frozen=True)
class Search:
    """GET with search arguments: `*NAME` searches an extensible attribute.

    `NAME:` searches regardless of upper case, `NAME~` by a regular expression.
    """

    object_type: str
    criteria: Mapping[str, str]
    return_fields: tuple[str, ...]


@dataclass(frozen=True)
class Create:
    """POST of a new object."""

    object_type: str
    data: Mapping[str, Any]
    return_fields: tuple[str, ...]


@dataclass(frozen=True)
class DeleteFound:
    """Delete the one object that the search finds; refused by the grid when there is none, or more than one."""

    object_type: str
    criteria: Mapping[str, str]
    return_fields: tuple[str, ...]


@dataclass(frozen=True)
class UpdateFound:
    """Update the one object that the search finds; refused by the grid when there is none, or more than one."""

    object_type: str
    criteria: Mapping[str, str]
    return_fields: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadPage:
    """One page of a listing, always in a call of its own."""

    object_type: str
    criteria: Mapping[str, str]
    return_fields: tuple[str, ...]
    page_id: str | None = None
    page_objects_max: int = 1000


Operation = Search | Create | DeleteFound | UpdateFound | ReadPage
Conditional = DeleteFound | UpdateFound


@dataclass(frozen=True)
class Found:
    """What a search found; for a page, `next_page_id` where more follow."""

    hits: tuple[Object, ...]
    next_page_id: str | None = None


@dataclass(frozen=True)
class Written:
    """The object as the grid has it after a create or an update."""

    object: Object


@dataclass(frozen=True)
class Deleted:
    """The object that was deleted, as the search in the same call found it."""

    object: Object


Reply = Found | Written | Deleted


class Unreadable(Exception):
    """A reply from which the outcome of the operations cannot be told."""


@dataclass(frozen=True)
class HttpCall:
    """One HTTP call, relative to the versioned WAPI address."""

    method: str
    path: str
    query: str = ""
    body: Any = None


WRITES: Final = (Create, DeleteFound, UpdateFound)


def is_write(operation: Operation) -> bool:
    """Whether the operation changes the grid."""
    return isinstance(operation, WRITES)


def is_scheduled(found: Object) -> bool:
    """Whether the grid only scheduled a create, since the user's changes need approval."""
    return str(found["_ref"]).startswith("scheduledtask/")


def is_object(element: Any) -> TypeGuard[Object]:
    """Whether an element of a reply is an object of the grid."""
    return isinstance(element, dict) and isinstance(element.get("_ref"), str)


def is_deletion(operation: DeleteFound, result: Any) -> bool:
    """Whether the reply to a deletion says that it was carried out, not only scheduled."""
    return isinstance(result, str) and result.startswith(operation.object_type + "/")


def cost(operation: Operation) -> int:
    """How many elements of a `request` the operation takes."""
    return 2 if isinstance(operation, Conditional) else 1


def as_request(operations: Sequence[Operation]) -> HttpCall:
    """One call of the object `request` that carries all operations, each with a state variable of its own."""
    body = [element for n, operation in enumerate(operations) for element in _elements(operation, f"ref_{n}")]
    return HttpCall("POST", "request", body=body)


def as_call(operation: Search | Create | ReadPage) -> HttpCall:
    """The operation as an ordinary call of its own."""
    fields = ",".join(operation.return_fields)
    if isinstance(operation, Create):
        query = urlencode({"_return_fields": fields}, quote_via=quote)
        return HttpCall("POST", operation.object_type, query, operation.data)
    arguments = {**operation.criteria, "_return_fields": fields}
    if isinstance(operation, ReadPage):
        arguments |= {
            "_paging": "1",
            "_return_as_object": "1",
            "_max_results": str(operation.page_objects_max),
        }
        if operation.page_id is not None:
            arguments["_page_id"] = operation.page_id
    return HttpCall("GET", operation.object_type, urlencode(arguments, quote_via=quote))


def search_of(operation: Conditional) -> HttpCall:
    """The search half of a conditional write, where `request` cannot be used."""
    return as_call(Search(operation.object_type, operation.criteria, operation.return_fields))


def write_of(operation: Conditional, reference: str) -> HttpCall:
    """The other half: a write to the object that the search has just found."""
    if isinstance(operation, DeleteFound):
        return HttpCall("DELETE", reference)
    query = urlencode({"_return_fields": ",".join(operation.return_fields)}, quote_via=quote)
    return HttpCall("PUT", reference, query, operation.data)


def read_reply(operation: Search | Create | ReadPage, body: Any) -> Reply:
    """The reply to a call made by `as_call`. Raises `Unreadable`."""
    if isinstance(operation, ReadPage):
        if not isinstance(body, dict):
            raise Unreadable("a page that is no object")
        page_id = body.get("next_page_id")
        return Found(_objects(body.get("result")), str(page_id) if page_id else None)
    if isinstance(operation, Search):
        return Found(_objects(body))
    return read_written(body)


def read_written(body: Any) -> Written:
    """What a create or an update is answered by. Raises `Unreadable`."""
    return Written(_object(body))


def read_request_reply(operations: Sequence[Operation], body: Any) -> list[Reply]:
    """The replies to a call made by `as_request`, one for each operation. Raises `Unreadable`."""
    elements = deque(body if isinstance(body, list) else [body])
    replies = [_take_reply(operation, elements) for operation in operations]
    if elements:
        raise Unreadable("more replies than operations")
    return replies


def matches(criteria: Mapping[str, str], found: Object) -> bool:
    """Whether an object is what the search arguments ask for; all of them must be among its return fields."""
    return all(_matches(found, name, wanted) for name, wanted in criteria.items())


def _elements(operation: Operation, variable: str) -> list[dict[str, Any]]:
    arguments: dict[str, str] = {"_return_fields": ",".join(operation.return_fields)}
    if isinstance(operation, Create):
        return [
            {
                "method": "POST",
                "object": operation.object_type,
                "data": dict(operation.data),
                "args": arguments,
            }
        ]
    search: dict[str, Any] = {
        "method": "GET",
        "object": operation.object_type,
        "data": dict(operation.criteria),
        "args": arguments,
    }
    if not isinstance(operation, Conditional):
        return [search]
    # More than one hit must refuse the call: which of them the state variable would hold is nowhere promised.
    search |= {"assign_state": {variable: "_ref"}, "args": {**arguments, "_max_results": "-1"}}
    write: dict[str, Any] = {"object": f"##STATE:{variable}:##", "enable_substitution": True}
    if isinstance(operation, DeleteFound):
        return [search, {"method": "DELETE", **write}]
    return [search, {"method": "PUT", **write, "data": dict(operation.data), "args": arguments}]


def _take_reply(operation: Operation, elements: deque[Any]) -> Reply:
    if isinstance(operation, Create):
        return read_written(_take(elements))
    hits = _take_hits(operation, elements)
    if not isinstance(operation, Conditional):
        return Found(hits)
    if len(hits) != 1:
        raise Unreadable(f"{len(hits)} hits of a conditional write")
    result = _take(elements)
    if isinstance(operation, UpdateFound):
        return read_written(result)
    if not is_deletion(operation, result):
        raise Unreadable("a deletion that is not answered by a reference")
    return Deleted(hits[0])


def _take_hits(operation: Search | Conditional | ReadPage, elements: deque[Any]) -> tuple[Object, ...]:
    if not elements:
        return ()
    if isinstance(elements[0], list):
        hits = _objects(elements.popleft())
        if not all(_is_hit(operation, hit) for hit in hits):
            raise Unreadable("a hit that is not what was searched for")
        return hits
    # What follows the hit of a conditional write is that write's own answer, which looks like one more hit.
    hits_max = 1 if isinstance(operation, Conditional) else len(elements)
    spread: list[Object] = []
    while elements and len(spread) < hits_max and is_object(elements[0]) and _is_hit(operation, elements[0]):
        spread.append(elements.popleft())
    return tuple(spread)


def _is_hit(operation: Search | Conditional | ReadPage, found: Object) -> bool:
    return found["_ref"].partition("/")[0] == operation.object_type and matches(operation.criteria, found)


def _take(elements: deque[Any]) -> Any:
    if not elements:
        raise Unreadable("fewer replies than operations")
    return elements.popleft()


def ea_texts(value: Any) -> tuple[str, ...]:
    """The values of an extensible attribute, which may have several, as texts."""
    return tuple(str(each) for each in value) if isinstance(value, list) else (str(value),)


def _matches(found: Object, name: str, wanted: str) -> bool:
    if name.endswith(":"):
        return any(each.casefold() == wanted.casefold() for each in _texts(found, name[:-1]))
    if name.endswith("~"):
        return any(re.search(wanted, each) for each in _texts(found, name[:-1]))
    texts = _texts(found, name)
    return wanted in texts or (name in _ADDRESSES and any(_is_same_address(wanted, each) for each in texts))


def _is_same_address(wanted: str, text: str) -> bool:
    """Whether two addresses or subnets of IPv6 are the same: the grid may spell them otherwise than we do."""
    try:
        return ":" in wanted and subnet_of(wanted) == subnet_of(text)
    except ValueError:
        return False


def _texts(found: Object, name: str) -> tuple[str, ...]:
    if not name.startswith("*"):
        return (str(found.get(name)),)
    eas = found.get("extattrs")
    wrapped = eas.get(name[1:]) if isinstance(eas, dict) else None
    return ea_texts(wrapped.get("value")) if isinstance(wrapped, dict) else ()


def _object(element: Any) -> Object:
    if isinstance(element, str) and element.startswith("scheduledtask/"):
        return {"_ref": element}
    if not is_object(element):
        raise Unreadable("an element that is no object")
    return element


def _objects(elements: Any) -> tuple[Object, ...]:
    if not isinstance(elements, list):
        raise Unreadable("hits that are no list")
    return tuple(_object(element) for element in elements)
