"""Asks the Kubernetes API server about tokens and pods."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator.cluster.api_server import CAUSE_LENGTH_MAX, OBJECT_BYTES_MAX, ApiServer, NoAnswer
from coordinator.cluster.token_claims import PodFacts, TokenFacts
from coordinator.core.errors import EnrolmentUnavailable
from protocol.texts import Scrubbed

READ_TIMEOUT_S: Final = 7.0
EXTRA: Final = "authentication.kubernetes.io/"


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _User(_Model):
    username: Scrubbed = ""
    extra: dict[str, list[Scrubbed]] | None = None

    def claim(self, name: str) -> str | None:
        """The claim's value, where it has exactly one."""
        values = (self.extra or {}).get(EXTRA + name) or []
        return values[0] if len(values) == 1 else None


class _ReviewStatus(_Model):
    authenticated: bool = False
    user: _User = _User()
    audiences: list[Scrubbed] | None = None
    error: Scrubbed = ""


class _Review(_Model):
    status: _ReviewStatus


class _Metadata(_Model):
    uid: Scrubbed


class _PodSpec(_Model):
    node: Annotated[Scrubbed | None, Field(alias="nodeName")] = None


class _Pod(_Model):
    metadata: _Metadata
    spec: _PodSpec


M = TypeVar("M", bound=_Model)


class KubernetesApi:
    """Single questions to the API server."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def review(self, token: str, audience: str) -> TokenFacts:
        """Whose token it is. Raises `EnrolmentUnavailable` when there is no answer."""
        body = {
            "kind": "TokenReview",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"token": token, "audiences": [audience]},
        }
        review = self._ask(_Review, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        if review is None:
            raise EnrolmentUnavailable(cause="it has no TokenReview")
        status = review.status
        return TokenFacts(
            authenticated=status.authenticated,
            username=status.user.username,
            audiences=tuple(status.audiences or ()),
            node=status.user.claim("node-name"),
            pod_name=status.user.claim("pod-name"),
            pod_uid=status.user.claim("pod-uid"),
            error=status.error[:CAUSE_LENGTH_MAX],
        )

    def pod(self, namespace: str, name: str) -> PodFacts | None:
        """The pod of this name, None where there is none. Raises `EnrolmentUnavailable`."""
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name, safe='')}"
        pod = self._ask(_Pod, "GET", path, None)
        return None if pod is None else PodFacts(pod.metadata.uid, pod.spec.node)

    def _ask(self, model: type[M], method: str, path: str, body: Any) -> M | None:
        """What is there; None for HTTP 404."""
        try:
            with self._server.exchange(
                method, path, READ_TIMEOUT_S, body=body, bytes_max=OBJECT_BYTES_MAX
            ) as reply:
                if reply.status_code == requests.codes.not_found:
                    return None
                reply.check()
                return model.model_validate_json(reply.content())
        except NoAnswer as silence:
            raise EnrolmentUnavailable(cause=silence.cause) from None
        except ValidationError:
            raise EnrolmentUnavailable(cause="its reply cannot be read") from None
