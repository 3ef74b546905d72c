"""Reads and writes one Lease at the Kubernetes API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

import requests
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from coordinator.cluster.api_server import OBJECT_BYTES_MAX, ApiServer, NoAnswer
from coordinator.lease.record import Absent, Answer, Conflict, Create, Found, Record, Silence, Step, Update
from protocol.texts import Scrubbed, parse_json

API_VERSION: Final = "coordination.k8s.io/v1"
PATH: Final = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def _text(value: Any) -> Any:
    return "" if value is None else value


def _number(value: Any) -> Any:
    return 0 if value is None else value


_Text = Annotated[Scrubbed, BeforeValidator(_text)]
_Number = Annotated[int, BeforeValidator(_number), Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class _Spec(_Part):
    holder: Annotated[_Text, Field(alias="holderIdentity")] = ""
    duration_s: Annotated[_Number, Field(alias="leaseDurationSeconds")] = 0
    acquired: Annotated[_Text, Field(alias="acquireTime")] = ""
    renewed: Annotated[_Text, Field(alias="renewTime")] = ""
    transitions: Annotated[_Number, Field(alias="leaseTransitions")] = 0


class _Metadata(_Part):
    version: Annotated[Scrubbed, Field(alias="resourceVersion", min_length=1)]


class _Lease(_Part):
    metadata: _Metadata
    spec: _Spec = _Spec()

    def found(self) -> Found:
        """As the election sees it."""
        spec = self.spec
        record = Record(spec.holder, spec.duration_s, spec.acquired, spec.renewed, spec.transitions)
        return Found(record, self.metadata.version)


class LeaseApi:
    """The Lease `name` of a namespace, for one thread. `silence_s` bounds the wait for an answer."""

    def __init__(self, server: ApiServer, namespace: str, name: str, silence_s: float) -> None:
        self._server = server
        self._name = name
        self._namespace = namespace
        self._silence_s = silence_s
        self._last: Mapping[str, Any] = {}
        """The object as it was answered last: what others have written on it stays."""

    def take(self, step: Step) -> Answer:
        """Take a step of the election."""
        collection = PATH.format(namespace=quote(self._namespace, safe=""))
        path = f"{collection}/{quote(self._name, safe='')}"
        try:
            if isinstance(step, Create):
                return self._exchange("POST", collection, self._body({"name": self._name}, {}, step.record))
            if isinstance(step, Update):
                metadata = {**self._last.get("metadata", {}), "resourceVersion": step.version}
                spec = self._last.get("spec") or {}
                return self._exchange("PUT", path, self._body(metadata, spec, step.record))
            return self._exchange("GET", path, None)
        except NoAnswer as silence:
            return Silence(silence.cause, silence.code)
        except (ValueError, RecursionError):
            return Silence("its reply cannot be read")

    def _exchange(self, method: str, path: str, body: Any) -> Answer:
        """Raises `NoAnswer`, and ValueError or RecursionError for a reply that is no Lease."""
        bounded = {"body": body, "bytes_max": OBJECT_BYTES_MAX}
        with self._server.exchange(method, path, self._silence_s, **bounded) as reply:
            if reply.status_code == requests.codes.conflict:
                return Conflict()
            if reply.status_code == requests.codes.not_found and method != "POST":
                return Absent()
            reply.check()
            told = parse_json(reply.content())
            found = _Lease.model_validate(told).found()
            self._last = told
            return found

    def _body(self, metadata: Mapping[str, Any], spec: Mapping[str, Any], record: Record) -> Mapping[str, Any]:
        written = {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": int(record.duration_s),
            "acquireTime": record.acquired,
            "renewTime": record.renewed,
            "leaseTransitions": record.transitions,
        }
        return {
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {**metadata, "namespace": self._namespace},
            "spec": {**spec, **written},
        }
