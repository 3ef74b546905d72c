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
    429: "TooManyRequests",
}


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

    @property
    def permission(self) -> tuple[str, str, str]:
        """Verb, API group and resource, by which RBAC decides."""
        parts = self.path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else "", parts[3:])
        names = rest[2:] if rest[:1] == ["namespaces"] and len(rest) > 2 else rest
        if self.method in ("POST", "PUT"):
            verb = "create" if self.method == "POST" else "update"
        elif len(names) > 1:
            verb = "get"
        else:
            verb = "watch" if is_true(self.query, "watch") else "list"
        return verb, group, names[0] if names else ""

    @property
    def wants_metadata(self) -> bool:
        """Whether the caller asks for metadata alone."""
        return "as=PartialObjectMetadata" in self.accept


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter says yes."""
    return query.get(name) in ("1", "true")
