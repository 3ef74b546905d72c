"""The execution of one operation: read, create, update, delete or function call."""

from __future__ import annotations

from typing import Any

from gridsim.database.calls import Call
from gridsim.database.object_types import CLOUD_KINDS, object_type, schema_index
from gridsim.database.references import invalid_reference, parse_reference, reference
from gridsim.database.refusals import Forbidden, not_found, protocol_error, unknown_field, unknown_type
from gridsim.database.schema import ObjectType
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects import addresses, networks, writes
from gridsim.reads import arguments, paging, pool_view, projection, search
from gridsim.reads.arguments import Arguments

_MADE_BY_POST = 201
_SCHEDULED = "scheduledtask"


def execute(state: State, call: Call) -> tuple[int, Any]:
    """Carry out one operation; returns the status with the JSON answer.

    Raises Refusal when the grid will not, Forbidden when the user may not use the object type.
    """
    if not call.target:
        return 200, _schema_index(state, call)
    name, _, rest = call.target.partition("/")
    if not rest and (call.method in ("PUT", "DELETE") or name.startswith("##STATE:")):
        raise invalid_reference(call.target)
    if name == state.faults.unknown_type:
        raise unknown_type(name)
    kind = object_type(name, call.version)
    if state.is_cloud_user and kind.name not in CLOUD_KINDS:
        raise Forbidden(call.target)
    if rest:
        return _on_object(state, kind, _referred(state, call.target), call)
    match call.method:
        case "GET":
            return 200, _searched(state, kind, call)
        case "POST":
            return _created(state, kind, call)
    raise protocol_error(f"Unknown method: {call.method}")


def _schema_index(state: State, call: Call) -> Any:
    given, _ = arguments.split(call.arguments)
    if call.method != "GET" or not given.schema:
        raise protocol_error("Unknown object type ()")
    return schema_index(call.version, state.versions)


def _referred(state: State, target: str) -> GridObject:
    kind, key = parse_reference(target)
    thing = pool_view.looked_up(state, kind, key)
    if thing is None:
        raise not_found(f"Reference {target} not found")
    return thing


def _on_object(state: State, kind: ObjectType, thing: GridObject, call: Call) -> tuple[int, Any]:
    given, _ = arguments.split(call.arguments)
    match call.method:
        case "GET":
            _, pairs = arguments.split((*call.arguments, *_body_pairs(call)))
            if pairs:
                raise unknown_field(pairs[0][0])
            return 200, _shaped(given, projection.shown(state, kind, thing, projection.chosen_fields(kind, given)))
        case "PUT":
            names = projection.chosen_fields(kind, given)
            if state.faults.approval:
                return _MADE_BY_POST, _shaped(given, _scheduled(thing.ref))
            after = writes.update(state, kind, thing, _data(call))
            return 200, _written(state, kind, after, given, names)
        case "DELETE":
            if state.faults.approval:
                return _MADE_BY_POST, _shaped(given, _scheduled(thing.ref))
            writes.delete(state, kind, thing)
            return 200, _shaped(given, thing.ref)
    return 200, _shaped(given, _function(state, thing, call, given))


def _function(state: State, thing: GridObject, call: Call, given: Arguments) -> Any:
    match given.function:
        case "next_available_ip":
            return addresses.function_reply(state, thing, call.body)
        case "next_available_network":
            return networks.function_reply(state, thing, call.body)
    raise protocol_error(f"Function {given.function} is unknown for {thing.kind}")


def _searched(state: State, kind: ObjectType, call: Call) -> Any:
    given, data = arguments.split((*call.arguments, *_body_pairs(call)))
    if given.schema:
        return kind.as_json(call.version)
    if given.function is not None:
        raise protocol_error(f"Function {given.function} illegal with this method")
    if given.page_id is not None:
        return paging.page(state, kind, given.page_id)
    names = projection.chosen_fields(kind, given)
    hits = search.find(state, kind, search.conditions(state, kind, data))
    if given.paging:
        return paging.first_page(state, kind, hits, names, given.results_max)
    found = [projection.shown(state, kind, hit, names) for hit in search.limited(hits, given.results_max)]
    return _shaped(given, found)


def _created(state: State, kind: ObjectType, call: Call) -> tuple[int, Any]:
    given, _ = arguments.split(call.arguments)
    if given.function is not None:
        raise protocol_error(f"A reference is needed for the function {given.function}")
    names = projection.chosen_fields(kind, given)
    made = writes.create(state, kind, _data(call))
    if state.faults.approval:
        state.store.undo()
        return _MADE_BY_POST, _shaped(given, _scheduled(made.ref))
    return _MADE_BY_POST, _written(state, kind, made, given, names)


def _written(state: State, kind: ObjectType, thing: GridObject, given: Arguments, names: tuple[str, ...]) -> Any:
    return _shaped(given, projection.shown(state, kind, thing, names) if given.wants_fields else thing.ref)


def _shaped(given: Arguments, answer: Any) -> Any:
    return {"result": answer} if given.as_object else answer


def _scheduled(ref: str) -> str:
    return reference(_SCHEDULED, f"dns.scheduled_task${ref}", "PENDING_APPROVAL")


def _data(call: Call) -> dict[str, Any]:
    if call.body is not None and not isinstance(call.body, dict):
        raise protocol_error("Invalid value for the body: an object is expected")
    _, pairs = arguments.split(call.arguments)
    return {**dict(pairs), **(call.body or {})}


def _body_pairs(call: Call) -> tuple[tuple[str, Any], ...]:
    if call.body is None:
        return ()
    if not isinstance(call.body, dict):
        raise protocol_error("Invalid value for the body: an object is expected")
    return tuple(call.body.items())
