"""The `request` object, which carries several operations in one call.

Values pass from one operation to later ones through state variables: `assign_state` files fields of the first
hit, `##STATE:name:##` is replaced in operations that enable substitution. Whether the whole is a transaction,
what a search without a hit assigns, plus the shape of the reply are undocumented, hence switches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridsim.database.calls import Call
from gridsim.database.refusals import (
    Forbidden,
    Refusal,
    data_error,
    not_found,
    operation_not_allowed,
    protocol_error,
    unknown_field,
)
from gridsim.database.state import State
from gridsim.operations import execute

_VARIABLE = re.compile(r"##STATE:([^:#]+):##")
_LISTED = re.compile(r"(?P<name>.+)\[(?P<place>\d+)\]")
_SINGLE_KEYS = frozenset({"method", "object", "data", "args"})
_LIST_KEYS = _SINGLE_KEYS | {"assign_state", "enable_substitution", "discard"}
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE"})
_MISSING = object()


def run(state: State, call: Call) -> tuple[int, Any]:
    """Carry out all operations of a `request`; returns the status with the JSON answer.

    Raises the Refusal of the first operation that fails, without saying which one it was. Unless another
    reading is switched on, no operation is applied then; undoing them is left to the caller.
    """
    if call.method != "POST":
        raise operation_not_allowed({"GET": "read", "PUT": "update"}.get(call.method, "delete"), "request")
    if call.arguments:
        raise unknown_field(call.arguments[0][0])
    state.unseen = None if state.faults.request_sees_earlier else set()
    try:
        if isinstance(call.body, dict):
            answer = execute(state, _call(state, call.body, _SINGLE_KEYS, call.version))[1]
            return state.faults.request_status, answer
        return state.faults.request_status, _run_list(state, call)
    finally:
        state.unseen = None


def _run_list(state: State, call: Call) -> Any:
    if not isinstance(call.body, list) or not call.body:
        raise protocol_error("Invalid value for the body of a request: a list of operations is expected")
    run_under_way = _Run(state, call.version)
    is_transaction = state.faults.request_atomicity == "all"
    failure: Refusal | Forbidden | None = None
    for operation in call.body:
        try:
            run_under_way.step(operation)
        except (Refusal, Forbidden) as refusal:
            if is_transaction:
                raise
            state.store.undo()
            failure = failure or refusal
            if state.faults.request_atomicity == "stop":
                break
        if not is_transaction:
            state.store.commit()
    if failure is not None:
        raise failure
    answers = run_under_way.answers
    return answers[0] if state.faults.request_reply == "object" and len(answers) == 1 else answers


def _call(state: State, operation: Any, known: frozenset[str], version: str) -> Call:
    if not isinstance(operation, dict):
        raise protocol_error("Invalid value for an operation: an object is expected")
    for key in operation:
        if key not in known:
            raise unknown_field(key)
    method, target = operation.get("method"), operation.get("object")
    if not isinstance(method, str) or method not in _METHODS:
        raise protocol_error(f"Invalid value for method: {method}")
    if not isinstance(target, str) or not target:
        raise protocol_error("field for create missing: object")
    if target.partition("/")[0] in ("request", "logout"):
        raise operation_not_allowed("create", target)
    given = _mapping(operation.get("args", {}), "args")
    return Call(method, target, tuple(_read_arguments(state, given)), operation.get("data"), version)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise protocol_error(f"Invalid value for {name}: an object is expected")
    return value


def _read_arguments(state: State, given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    honours_negative = state.faults.negative_max_results_in_request
    return [
        (name, value)
        for name, value in given.items()
        if honours_negative or name != "_max_results" or not str(value).startswith("-")
    ]


@dataclass(slots=True)
class _Run:
    state: State
    version: str
    variables: dict[str, Any] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)

    def step(self, operation: Any) -> None:
        """Carry out one operation of a list."""
        if isinstance(operation, dict) and operation.get("method") == "STATE:ASSIGN":
            self.variables.update(_mapping(operation.get("data"), "data"))
            return
        if isinstance(operation, dict) and operation.get("method") == "STATE:DISPLAY":
            self.answers.append(dict(self.variables))
            return
        if isinstance(operation, dict) and operation.get("enable_substitution"):
            operation = {
                key: self._substituted(value) if key in ("object", "data", "args") else value
                for key, value in operation.items()
            }
        call = _call(self.state, operation, _LIST_KEYS, self.version)
        _, answer = execute(self.state, call)
        if "assign_state" in operation:
            self._assign(answer, operation["assign_state"])
        if not operation.get("discard"):
            self._keep(call, answer)

    def _keep(self, call: Call, answer: Any) -> None:
        reading = self.state.faults.get_element
        if call.method != "GET" or not isinstance(answer, list) or reading == "list":
            self.answers.append(answer)
        elif reading == "flattened":
            self.answers.extend(answer)
        else:
            self.answers.append(answer[0] if len(answer) == 1 else answer)

    def _assign(self, answer: Any, assigned: Any) -> None:
        assigned = _mapping(assigned, "assign_state")
        hits = answer["result"] if isinstance(answer, dict) and "result" in answer else answer
        if hits == []:
            self._assign_nothing(assigned)
            return
        first = hits[0] if isinstance(hits, list) else hits
        for variable, name in assigned.items():
            self.variables[variable] = _field(first, str(name))

    def _assign_nothing(self, assigned: Mapping[str, Any]) -> None:
        names = ", ".join(assigned)
        match self.state.faults.no_hit:
            case "400":
                raise data_error(f"Cannot assign state {names}: the search has no result.")
            case "404":
                raise not_found(f"Cannot assign state {names}: object not found")
            case "literal":
                for variable in assigned:
                    self.variables.pop(variable, None)

    def _substituted(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._filled(key): self._substituted(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._substituted(inner) for inner in value]
        if not isinstance(value, str):
            return value
        whole = _VARIABLE.fullmatch(value)
        if whole is not None and whole[1] in self.variables:
            return self.variables[whole[1]]
        return self._filled(value)

    def _filled(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: str(self.variables.get(found[1], found[0])), text)


def _field(shown: Any, name: str) -> Any:
    if isinstance(shown, str):
        value: Any = shown if name == "_ref" else _MISSING
    elif name.startswith("*"):
        value = shown.get("extattrs", {}).get(name[1:], {}).get("value", _MISSING)
    elif (listed := _LISTED.fullmatch(name)) is not None:
        values = shown.get(listed["name"])
        place = int(listed["place"])
        value = values[place] if isinstance(values, list) and place < len(values) else _MISSING
    else:
        value = shown.get(name, _MISSING)
    if value is _MISSING:
        raise protocol_error(f"Field for assign_state is not returned: {name}")
    return value
