"""The thread that has tokens reviewed, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Protocol

from coordinator.cluster.token_claims import PodAsk, PodFacts, TokenFacts, TokenRules, judge, node_of_pod
from coordinator.core.errors import EnrolmentUnavailable
from daemon.internal_errors import InternalErrors
from protocol.errors import Problem

PATIENCE_S: Final = 20.0
"""A token that has waited this long is not asked about any more: its agent sends it again."""


@dataclass(frozen=True)
class Review:
    """Find out which node this token speaks for; `Reviewed` with the same key answers."""

    key: bytes
    token: str
    asked_at_s: float

    def __repr__(self) -> str:
        return f"Review(key={self.key!r})"


@dataclass(frozen=True)
class Reviewed:
    """The token's node, or why there is none."""

    key: bytes
    found: str | Problem


class Api(Protocol):
    """What can be asked of the API server; all raise `EnrolmentUnavailable`."""

    def review(self, token: str, audience: str) -> TokenFacts:
        """Whose token it is."""
        ...

    def pod(self, namespace: str, name: str) -> PodFacts | None:
        """The pod, None where there is none."""
        ...


class Reviewer:
    """Takes reviews, hands back what was found through `deliver`, which must be safe to call from this thread."""

    def __init__(
        self,
        api: Api,
        rules: TokenRules,
        deliver: Callable[[Reviewed], None],
        clock: Callable[[], float],
        internal: InternalErrors,
    ) -> None:
        self._internal = internal
        self._api = api
        self._rules = rules
        self._deliver = deliver
        self._clock = clock
        self._reviews: SimpleQueue[Review | None] = SimpleQueue()

    def review(self, review: Review) -> None:
        """Do this when those before are done."""
        self._reviews.put(review)

    def stop(self) -> None:
        """End the thread after the review that is under way."""
        self._reviews.put(None)

    def run(self) -> None:
        """The thread's body."""
        while (review := self._reviews.get()) is not None:
            self._deliver(Reviewed(review.key, self._find(review)))

    def _find(self, review: Review) -> str | Problem:
        if self._clock() - review.asked_at_s > PATIENCE_S:
            return EnrolmentUnavailable(cause="it answers too slowly for all who ask")
        try:
            found = judge(self._api.review(review.token, self._rules.audience), self._rules)
            if not isinstance(found, PodAsk):
                return found
            return node_of_pod(self._api.pod(found.namespace, found.name), found, self._rules)
        except Problem as problem:
            return problem
        except Exception as error:  # noqa: BLE001, the next token may be better
            self._internal.tell("review", error)
            return EnrolmentUnavailable(cause="the coordinator has failed at its answer")
