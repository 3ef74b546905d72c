"""The control surface under `/sim/`, with which tests steer the simulator.

It needs no login, its calls are not WAPI calls: they are neither recorded nor hit by faults.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from gridsim.database.faults import BadFault
from gridsim.database.refusals import Refusal
from gridsim.http.exchange import HttpReply, HttpRequest, json_reply
from gridsim.http.wapi import Wapi

PREFIX = "/sim/"
_WAIT_S_MAX = 120.0


class BadControl(ValueError):
    """A control request that cannot be understood; the message says why."""


def control_reply(wapi: Wapi, request: HttpRequest) -> HttpReply:
    """Answer one request of the control surface; what it cannot understand is a 400 with `error`."""
    action = _ACTIONS.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        return json_reply(404, {"error": f"no such control: {request.method} {request.path}"})
    try:
        return json_reply(200, action(wapi, request))
    except (BadFault, BadControl) as error:
        return json_reply(400, {"error": str(error)})
    except Refusal as refusal:
        return json_reply(refusal.status, {"error": refusal.text, **refusal.body()})


def _get_faults(wapi: Wapi, request: HttpRequest) -> Any:
    with wapi.model() as grid:
        return grid.faults.as_json()


def _put_faults(wapi: Wapi, request: HttpRequest) -> Any:
    return wapi.change_faults(_body(request)).as_json()


def _get_calls(wapi: Wapi, request: HttpRequest) -> Any:
    text = _argument(request, "since", "1")
    if not text.isdigit():
        raise BadControl(f"since: expected a number, not {text!r}")
    records, following = wapi.log.since(int(text))
    return {
        "calls": [record.as_json() for record in records],
        "next": following,
        "received": wapi.log.received,
    }


def _get_objects(wapi: Wapi, request: HttpRequest) -> Any:
    with wapi.model() as grid:
        return grid.objects(_argument(request, "type", "fixedaddress"))


def _post_objects(wapi: Wapi, request: HttpRequest) -> Any:
    body = _body(request)
    kind, data = body.get("type"), body.get("data")
    several: list[Any] = data if isinstance(data, list) else [data]
    if not isinstance(kind, str) or not all(isinstance(one, dict) for one in several):
        raise BadControl("expected an object with type (text) plus data (object, or a list of them)")
    with wapi.model() as grid:
        refs = [grid.create(kind, one) for one in several]
    return {"_ref": refs if isinstance(data, list) else refs[0]}


def _put_objects(wapi: Wapi, request: HttpRequest) -> Any:
    with wapi.model() as grid:
        return {"_ref": grid.update(_argument(request, "ref"), _body(request))}


def _delete_objects(wapi: Wapi, request: HttpRequest) -> Any:
    ref = _argument(request, "ref")
    with wapi.model() as grid:
        grid.delete(ref)
    return {"_ref": ref}


def _wait(wapi: Wapi, request: HttpRequest) -> Any:
    body = _body(request)
    number, timeout_s = body.get("calls"), body.get("timeout_s", 10.0)
    if not isinstance(number, int) or not isinstance(timeout_s, int | float):
        raise BadControl("expected calls (number) with timeout_s (number)")
    is_finished_meant = body.get("finished") is True
    wait = wapi.log.wait_finished if is_finished_meant else wapi.log.wait_received
    return {"reached": wait(number, min(timeout_s, _WAIT_S_MAX)), "received": wapi.log.received}


def _get_restart(wapi: Wapi, request: HttpRequest) -> Any:
    with wapi.model() as grid:
        return {"needed": grid.store.needs_restart}


def _release(wapi: Wapi, request: HttpRequest) -> Any:
    wapi.release()
    return {}


_ACTIONS: dict[tuple[str, str], Callable[[Wapi, HttpRequest], Any]] = {
    ("GET", "faults"): _get_faults,
    ("PUT", "faults"): _put_faults,
    ("GET", "calls"): _get_calls,
    ("GET", "objects"): _get_objects,
    ("POST", "objects"): _post_objects,
    ("PUT", "objects"): _put_objects,
    ("DELETE", "objects"): _delete_objects,
    ("GET", "restart"): _get_restart,
    ("POST", "wait"): _wait,
    ("POST", "release"): _release,
}


def _argument(request: HttpRequest, name: str, default: str | None = None) -> str:
    values = parse_qs(request.query).get(name)
    if values:
        return values[0]
    if default is None:
        raise BadControl(f"missing argument: {name}")
    return default


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise BadControl(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadControl("the body is no JSON object")
    return body
