"""A request to the stub, and what is answered to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.kubernetes_stub.cluster import Object

REASONS: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
}
_WRITES: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class Answer:
    """Status code with the JSON body."""

    code: int
    body: Object


def status(code: int, message: str, reason: str = "") -> Answer:
    """A Status object, which is how the API server says no."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or REASONS.get(code, "InternalError"),
        "code": code,
    }
    return Answer(code, body)


@dataclass(frozen=True)
class Asked:
    """A request, as far as the answer depends on it."""

    method: str
    path: str
    query: Mapping[str, str]
    accept: str = ""
    body: bytes = b""
    content_type: str = ""

    @property
    def permission(self) -> tuple[str, str, str]:
        """Verb, API group and resource, by which RBAC decides."""
        parts, names = self.path.strip("/").split("/"), self._names
        group = "" if parts[0] == "api" else parts[1] if len(parts) > 1 else ""
        if self.method in _WRITES:
            verb = _WRITES[self.method]
        elif len(names) > 1:
            verb = "get"
        else:
            verb = "watch" if is_true(self.query, "watch") else "list"
        return verb, group, names[0] if names else ""

    @property
    def object_name(self) -> str:
        """The name of the one object that is asked for, by which RBAC decides too; empty where there is none."""
        return self._names[1] if len(self._names) > 1 else ""

    @property
    def namespace(self) -> str:
        """The namespace in which it is asked for; empty for what lies in none."""
        return self._rest[1] if len(self._rest) > 2 and self._rest[0] == "namespaces" else ""

    @property
    def _rest(self) -> list[str]:
        parts = self.path.strip("/").split("/")
        return parts[2:] if parts[0] == "api" else parts[3:]

    @property
    def _names(self) -> list[str]:
        return self._rest[2:] if self.namespace else self._rest

    @property
    def wants_metadata(self) -> bool:
        """Whether the caller asks for metadata alone."""
        return "as=PartialObjectMetadata" in self.accept


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter says yes."""
    return query.get(name) in ("1", "true")
