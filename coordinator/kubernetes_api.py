"""Asks the Kubernetes API server about tokens and pods.

Each question has a connection of its own: they are rare, and so neither a rotated certificate authority nor a
connection that died in the meantime matters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator.claims import PodFacts, TokenFacts
from coordinator.errors import EnrolmentUnavailable

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 7.0
EXTRA: Final = "authentication.kubernetes.io/"
_CAUSE_LENGTH_MAX: Final = 300


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _User(_Model):
    username: str = ""
    extra: dict[str, list[str]] | None = None

    def claim(self, name: str) -> str | None:
        """The claim's value, where it has exactly one."""
        values = (self.extra or {}).get(EXTRA + name) or []
        return values[0] if len(values) == 1 else None


class _ReviewStatus(_Model):
    authenticated: bool = False
    user: _User = _User()
    audiences: list[str] | None = None
    error: str = ""


class _Review(_Model):
    status: _ReviewStatus


class _Metadata(_Model):
    uid: str


class _PodSpec(_Model):
    node: Annotated[str | None, Field(alias="nodeName")] = None


class _Pod(_Model):
    metadata: _Metadata
    spec: _PodSpec


M = TypeVar("M", bound=_Model)


class KubernetesApi:
    """The API server at `url`; `credentials` holds our `token` and its `ca.crt`, both read anew each time."""

    def __init__(self, url: str, credentials: Path) -> None:
        self._url = url
        self._credentials = credentials

    def review(self, token: str, audience: str) -> TokenFacts:
        """Whose token it is. Raises `EnrolmentUnavailable` when there is no answer."""
        body = {
            "kind": "TokenReview",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"token": token, "audiences": [audience]},
        }
        reply = self._exchange("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        status = _read(_Review, reply).status
        return TokenFacts(
            authenticated=status.authenticated,
            username=status.user.username,
            audiences=tuple(status.audiences or ()),
            node=status.user.claim("node-name"),
            pod_name=status.user.claim("pod-name"),
            pod_uid=status.user.claim("pod-uid"),
            error=status.error[:_CAUSE_LENGTH_MAX],
        )

    def pod(self, namespace: str, name: str) -> PodFacts | None:
        """The pod of this name, None where there is none. Raises `EnrolmentUnavailable`."""
        reply = self._exchange("GET", f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name, safe='')}", None)
        if reply.status_code == requests.codes.not_found:
            return None
        pod = _read(_Pod, reply)
        return PodFacts(pod.metadata.uid, pod.spec.node)

    def _exchange(self, method: str, path: str, body: Any) -> requests.Response:
        try:
            token = (self._credentials / "token").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise EnrolmentUnavailable(cause=f"{self._credentials / 'token'} cannot be read") from None
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.request(
                    method,
                    self._url + path,
                    json=body,
                    headers={"Authorization": f"Bearer {token}"},
                    verify=str(self._credentials / "ca.crt"),
                    timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                    allow_redirects=False,
                )
        except (requests.RequestException, OSError, ValueError) as error:
            raise EnrolmentUnavailable(cause=_cause(error)) from None


def _read(model: type[M], reply: requests.Response) -> M:
    if reply.status_code not in (requests.codes.ok, requests.codes.created):
        raise EnrolmentUnavailable(cause=f"HTTP {reply.status_code}: {_message(reply)}"[:_CAUSE_LENGTH_MAX])
    try:
        return model.model_validate_json(reply.content)
    except ValidationError:
        raise EnrolmentUnavailable(cause="its reply cannot be read") from None


def _message(reply: requests.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return reply.reason or ""


def _cause(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no reply in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not of the authority in ca.crt"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"[:_CAUSE_LENGTH_MAX]
