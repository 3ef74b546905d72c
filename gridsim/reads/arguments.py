"""The arguments of a call that begin with an underscore."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from gridsim.database.calls import Pairs
from gridsim.database.refusals import invalid_value, protocol_error, unknown_field

_IGNORED = ("_proxy_search", "_inheritance", "_schema", "_schema_version", "_method", "_return_type")
_IGNORED_PREFIXES = ("_schedinfo.", "_approvalinfo.")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call asks for besides its data; `return_fields` None means the base fields."""

    return_fields: tuple[str, ...] | None = None
    more_fields: tuple[str, ...] | None = None
    results_max: int = -1000
    as_object: bool = False
    paging: bool = False
    page_id: str | None = None
    function: str | None = None
    schema: bool = False

    @property
    def wants_fields(self) -> bool:
        """Tell whether a write shall answer with an object instead of a bare reference."""
        return self.return_fields is not None or self.more_fields is not None


def split(pairs: Iterable[tuple[str, Any]]) -> tuple[Arguments, Pairs]:
    """Separate the underscore arguments from the data.

    Raises Refusal (400) for an unknown argument, a bad value, or a combination that is not allowed.
    """
    arguments = Arguments()
    data: list[tuple[str, Any]] = []
    for name, value in pairs:
        if name.startswith("_") and name != "_ref":
            arguments = _with(arguments, name, value)
        else:
            data.append((name, value))
    return _consistent(arguments), tuple(data)


def _with(arguments: Arguments, name: str, value: Any) -> Arguments:
    if name in _IGNORED or name.startswith(_IGNORED_PREFIXES):
        return replace(arguments, schema=arguments.schema or name == "_schema")
    match name:
        case "_return_fields":
            changed = replace(arguments, return_fields=_names(value))
        case "_return_fields+":
            changed = replace(arguments, more_fields=_names(value))
        case "_max_results":
            changed = replace(arguments, results_max=_number(value))
        case "_return_as_object":
            changed = replace(arguments, as_object=_flag(name, value))
        case "_paging":
            changed = replace(arguments, paging=_flag(name, value))
        case "_page_id":
            changed = replace(arguments, page_id=str(value))
        case "_function":
            changed = replace(arguments, function=str(value))
        case _:
            raise unknown_field(name)
    return changed


def _consistent(arguments: Arguments) -> Arguments:
    if arguments.return_fields is not None and arguments.more_fields is not None:
        raise protocol_error("_return_fields and _return_fields+ are mutually exclusive")
    if arguments.paging and arguments.page_id is None:
        if not arguments.as_object:
            raise protocol_error("_paging requires _return_as_object")
        if arguments.results_max < 0:
            raise protocol_error("_paging requires a positive _max_results")
    return arguments


def _names(value: Any) -> tuple[str, ...]:
    return tuple(name.strip() for name in str(value).split(",") if name.strip())


def _number(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise invalid_value("_max_results", value) from None
    if number == 0:
        raise invalid_value("_max_results", value)
    return number


def _flag(name: str, value: Any) -> bool:
    if str(value).lower() in ("1", "true"):
        return True
    if str(value).lower() in ("0", "false"):
        return False
    raise invalid_value(name, value)
