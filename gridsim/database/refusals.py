"""The refusals that a grid answers, in the shape that clients see.

Every refusal is a JSON object with `Error`, `code` plus `text`; only the refusals of the web server in front
of the database are HTML.
"""

from __future__ import annotations

_CLASSES = {
    "Client.Ibap.Proto": ("AdmConProtoError", ""),
    "Client.Ibap.Proto.JSONDecoding": ("AdmConProtoError", ""),
    "Client.Ibap.Data": ("AdmConDataError", "IBDataError: IB.Data"),
    "Client.Ibap.Data.Conflict": ("AdmConDataError", "IBDataConflictError: IB.Data.Conflict"),
    "Client.Ibap.Data.NotFound": ("AdmConDataNotFoundError", ""),
}


class Refusal(Exception):
    """The grid's definite no: nothing of the refused operation was applied.

    `status` is the HTTP status, `code` the machine-readable class, `text` the sentence for people.
    """

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def body(self) -> dict[str, str]:
        """Return the JSON body of the reply."""
        kind, inner = _CLASSES[self.code]
        error = f"{kind}: None ({inner}:{self.text})" if inner else f"{kind}: {self.text}"
        return {"Error": error, "code": self.code, "text": self.text}


class Forbidden(Exception):
    """The web server's no (403, HTML): the user's group may not use this object by API."""


def protocol_error(text: str) -> Refusal:
    """Return the refusal of a call that is wrong in form."""
    return Refusal(400, "Client.Ibap.Proto", text)


def json_error(text: str) -> Refusal:
    """Return the refusal of a body that is no JSON."""
    return Refusal(400, "Client.Ibap.Proto.JSONDecoding", f"JSON Decoding: {text}")


def data_error(text: str) -> Refusal:
    """Return the refusal of a well-formed call that the data forbids."""
    return Refusal(400, "Client.Ibap.Data", text)


def conflict(text: str) -> Refusal:
    """Return the refusal of a write that contradicts what the grid holds."""
    return Refusal(400, "Client.Ibap.Data.Conflict", text)


def not_found(text: str) -> Refusal:
    """Return the 404 for a reference or a view that does not exist."""
    return Refusal(404, "Client.Ibap.Data.NotFound", text)


def unknown_field(name: str) -> Refusal:
    """Return the refusal of a field or argument that does not exist."""
    return protocol_error(f"Unknown argument/field: '{name}'")


def unknown_type(name: str) -> Refusal:
    """Return the refusal of an object type that does not exist."""
    return protocol_error(f"Unknown object type ({name})")


def invalid_value(field: str, value: object) -> Refusal:
    """Return the refusal of a value that the field cannot hold."""
    return protocol_error(f'Invalid value for {field}: "{value}"')


def operation_not_allowed(operation: str, kind: str) -> Refusal:
    """Return the refusal of an operation that the object type does not have."""
    return protocol_error(f"Operation {operation} not allowed for {kind}")


def unknown_view(name: object) -> Refusal:
    """Return the 404 for a network view that does not exist."""
    return not_found(f"Network View {name} not found")


def missing_parent() -> Refusal:
    """Return the refusal of an object whose network is missing or invisible to the user."""
    return conflict("The action is not allowed. A parent was not found.")
