"""Which node a ServiceAccount token speaks for, from what the API server says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.core.errors import TokenRefused

REFUSAL_LENGTH_MAX: Final = 300
"""How much a refusal says of a token: its claims may be of any length."""


@dataclass(frozen=True)
class TokenRules:
    """What a token must be: for this audience, of this ServiceAccount (NAMESPACE:NAME)."""

    audience: str
    service_account: str

    @property
    def namespace(self) -> str:
        """Where the agents' pods are."""
        return self.service_account.partition(":")[0]

    @property
    def username(self) -> str:
        """The ServiceAccount as the API server names a user."""
        return f"system:serviceaccount:{self.service_account}"


@dataclass(frozen=True)
class TokenFacts:
    """What a TokenReview says. Claims that the token lacks are None."""

    authenticated: bool
    username: str
    audiences: tuple[str, ...]
    node: str | None
    pod_name: str | None
    pod_uid: str | None
    error: str


@dataclass(frozen=True)
class PodFacts:
    """What matters of a pod."""

    uid: str
    node: str | None


@dataclass(frozen=True)
class PodAsk:
    """The token names a pod and no node: that pod's node decides."""

    namespace: str
    name: str
    uid: str


def judge(facts: TokenFacts, rules: TokenRules) -> str | PodAsk:
    """The token's node, or the pod to ask for. Raises `TokenRefused`, saying which claim is wrong."""
    if not facts.authenticated:
        raise refused(rules, facts.error or "the API server does not authenticate it")
    # An API server that knows nothing of audiences accepts a token for anybody; it then names none.
    if rules.audience not in facts.audiences:
        raise refused(rules, f"it is for {', '.join(facts.audiences) or 'no audience'}")
    if facts.username != rules.username:
        raise refused(rules, f"it belongs to {facts.username or 'nobody'}")
    if facts.node:
        return facts.node
    if facts.pod_name and facts.pod_uid:
        return PodAsk(rules.namespace, facts.pod_name, facts.pod_uid)
    raise refused(rules, "it is bound to no pod")


def node_of_pod(pod: PodFacts | None, ask: PodAsk, rules: TokenRules) -> str:
    """The node of the pod that the token names. Raises `TokenRefused` where there is none."""
    if pod is None or pod.uid != ask.uid:
        raise refused(rules, f"its pod {ask.namespace}/{ask.name} is gone")
    if not pod.node:
        raise refused(rules, f"its pod {ask.namespace}/{ask.name} is on no node")
    return pod.node


def refused(rules: TokenRules, cause: str) -> TokenRefused:
    """The refusal with its remedy."""
    cause = cause[:REFUSAL_LENGTH_MAX]
    return TokenRefused(audience=rules.audience, service_account=rules.service_account, cause=cause)
