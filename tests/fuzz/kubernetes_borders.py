"""What the Kubernetes API server may answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from coordinator.api_server import ApiServer
from coordinator.claims import PodAsk, TokenRules, judge, node_of_pod
from coordinator.kubernetes_api import KubernetesApi
from protocol.errors import Problem
from tests.fuzz.border import check_told

RULES = TokenRules("cni-infoblox", "kube-system:cni-infoblox-agent")


class _Answering(ApiServer):
    """Answers every question with the same bytes."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__("https://api.example", Path("/nonexistent"))
        self._reply = requests.Response()
        self._reply.status_code = status
        self._reply._content = content

    @contextmanager
    def exchange(self, *args: Any, **kwargs: Any) -> Iterator[requests.Response]:
        yield self._reply


def read_api_reply(data: bytes) -> None:
    """A status with a body, in answer to a TokenReview and to a question about a pod."""
    status, _, body = data.partition(b"\n")
    code = int(status) if status.isdigit() and len(status) == 3 else 200
    api = KubernetesApi(_Answering(code, body))
    for ask in (_review, _pod):
        try:
            assert isinstance(ask(api), str)
        except Problem as problem:
            check_told(problem)


def _review(api: KubernetesApi) -> str:
    found = judge(api.review("token", RULES.audience), RULES)
    return found if isinstance(found, str) else node_of_pod(api.pod(found.namespace, found.name), found, RULES)


def _pod(api: KubernetesApi) -> str:
    return node_of_pod(api.pod("kube-system", "agent-x"), PodAsk("kube-system", "agent-x", "uid-x"), RULES)
