"""What the Kubernetes API server may answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from coordinator.cluster.api_server import ApiServer, Reply
from coordinator.cluster.kubernetes_api import KubernetesApi
from coordinator.cluster.token_claims import PodAsk, TokenRules, judge, node_of_pod
from coordinator.grid.reply_bounds import ReplyBounds
from protocol.errors import Problem
from tests.fuzz.border import check_told

RULES = TokenRules("cni-infoblox", "kube-system:cni-infoblox-agent")


class _Answering(ApiServer):
    """Answers every question with the same bytes."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__("https://api.example", Path("/nonexistent"), time.monotonic, "tests")
        self._response = requests.Response()
        self._response.status_code = status
        self._response._content, self._response._content_consumed = content, True

    @contextmanager
    def exchange(self, *args: Any, **kwargs: Any) -> Iterator[Reply]:
        yield Reply(self._response, ReplyBounds(time.monotonic))


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
