"""Decides which coordinator is tried, when, and for how long, until one welcomes this node.

    rest → look up → try ── failed ──→ the next address at once ── all have failed ──→ rest, longer
                      └── welcomed ──→ served ── failed ──→ rest, less than a second

A *round* tries each address of each endpoint once: first the one that welcomed last, last the one that has just
failed. The rest between two rounds bounds how often anybody is asked; chance keeps nodes that lost one coordinator
in one instant from coming to the next one in one instant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from nodeagent.domain.effects import Effect, LookUpEndpoint, RenewSocket

JITTER_S: Final = 0.8
"""After a session has ended the next coordinator is tried within this time."""
STEADY_S: Final = 2.0
"""A session that was shorter is followed by a rest like any other failure: it may always be."""
HANDSHAKE_S: Final = 1.0
"""How long one is given to connect and shake hands."""
ANSWER_S: Final = 4.0
"""How long it is given to answer a hello."""
PATIENCE_MAX: Final = 8
"""A round in which these times were too short doubles them for the next one, up to so many times as much:
thousands of nodes may have come at once."""
FIRST_REST_S: Final = 0.5
"""The longest rest after the first round: a Service's one address leads to another coordinator the next time."""
REST_S: Final = 2.0
"""The longest rest after later rounds, each of which doubles it, while a leader may be replaced at any moment."""
OFTEN_FOR_S: Final = 30.0
"""How long after the end of a session that is: a Lease ends within 20 s."""
REST_LATER_S: Final = 5.0
REST_OF_ANSWER: Final = 4.0
"""The rest is at least so many times what an answer took: who is busy is asked less often."""
REST_S_MAX: Final = 30.0
LOOKUP_S: Final = 1.0
"""A name server that is silent for longer has the addresses used that were known before."""
ADDRESSES_MAX: Final = 16
"""Of one name."""


class _Phase(Enum):
    RESTING = auto()
    LOOKING = auto()
    """The next endpoint's name is being looked up."""
    TRYING = auto()
    SERVED = auto()


class Failover:
    """The coordinators of `endpoints` host names or addresses. `chance` gives numbers from 0 up to 1."""

    def __init__(self, endpoints: int, chance: Callable[[], float]) -> None:
        self.due_s = -math.inf
        """When `tick` has something to do, or `is_overdue` is true."""
        self._endpoints = endpoints
        self._chance = chance
        self._phase = _Phase.RESTING
        self._known: dict[int, tuple[str, ...]] = {}
        """The addresses of each endpoint that were found last."""
        self._looked_up: set[int] = set()
        self._lookups_until_s = 0.0
        self._tried: set[str] = set()
        self._current: RenewSocket | None = None
        self._preferred: RenewSocket | None = None
        """Who welcomed last."""
        self._failed: RenewSocket | None = None
        """Who has failed last."""
        self._last: RenewSocket | None = None
        """Who had failed last when the round began."""
        self._began_s = 0.0
        """When the try began."""
        self._welcomed_s = 0.0
        self._left_s: float | None = None
        """When a session ended that had lasted."""
        self._longest_rest_s = FIRST_REST_S
        self._patience = 1
        self._was_impatient = False
        self._answer_s = 0.0
        """The longest that an answer took in this round."""

    @property
    def address(self) -> str:
        """The address that is tried or was tried last, empty before the first."""
        return self._current.address if self._current else ""

    @property
    def is_resting(self) -> bool:
        """Whether nobody is tried, and nobody serves."""
        return self._phase in (_Phase.RESTING, _Phase.LOOKING)

    def is_overdue(self, now_s: float) -> bool:
        """Whether the coordinator that is tried has had its time."""
        return self._phase is _Phase.TRYING and now_s >= self.due_s

    def tick(self, now_s: float) -> list[Effect]:
        """What is due, besides the end of a try."""
        if self._left_s is None:
            self._left_s = now_s
        if now_s < self.due_s:
            return []
        if self._phase is _Phase.RESTING:
            return self._begin_round(now_s)
        return self._next(now_s) if self._phase is _Phase.LOOKING else []

    def looked_up(self, endpoint: int, addresses: Sequence[str], now_s: float) -> list[Effect]:
        """An endpoint has these addresses; without any it keeps those that were found before."""
        if addresses:
            self._known[endpoint] = tuple(addresses[:ADDRESSES_MAX])
        self._looked_up.add(endpoint)
        return self._next(now_s) if self._phase is _Phase.LOOKING else []

    def greeted(self, now_s: float) -> None:
        """The handshake is through, and hello was said: an answer is due."""
        self._phase = _Phase.TRYING
        self.due_s = now_s + ANSWER_S * self._patience

    def proving(self) -> None:
        """The node has to prove itself first, which takes as long as the API server does."""
        self._phase = _Phase.TRYING
        self.due_s = math.inf

    def welcomed(self, now_s: float) -> None:
        """The one that was tried serves this node."""
        self._welcomed_s = now_s
        self._phase = _Phase.SERVED
        self.due_s = math.inf
        self._preferred, self._failed = self._current, None
        self._patience = 1
        self._was_impatient = False
        self._answer_s = 0.0

    def answered(self, now_s: float) -> None:
        """The one that is tried has answered that it does not serve this node."""
        if self._phase is _Phase.TRYING:
            self._answer_s = max(self._answer_s, now_s - self._began_s)

    def failed(self, now_s: float) -> list[Effect]:
        """The one that is tried does not serve this node, or the one that served it does not any more."""
        if self.is_resting:
            return []
        self._failed = self._current
        if self._phase is _Phase.TRYING:
            self._was_impatient |= now_s >= self.due_s
            return self._next(now_s)
        if now_s - self._welcomed_s < STEADY_S:
            self._rest_until(now_s + self._rest_s(now_s))
        else:
            self._left_s, self._longest_rest_s = now_s, FIRST_REST_S
            self._rest_until(now_s + JITTER_S * self._chance())
        return []

    def begin_anew(self, now_s: float) -> None:
        """Nothing is wrong with the coordinator, but with the connection: begin with the same one."""
        self._failed = None
        self._longest_rest_s = REST_S
        self._rest_until(now_s + self._rest_s(now_s))

    def _begin_round(self, now_s: float) -> list[Effect]:
        self._last = self._failed
        self._tried.clear()
        self._looked_up.clear()
        self._lookups_until_s = now_s + LOOKUP_S
        if self._was_impatient:
            self._patience = min(PATIENCE_MAX, 2 * self._patience)
        self._was_impatient = False
        self._answer_s = 0.0
        self._wait_for_lookup()
        return [LookUpEndpoint(endpoint) for endpoint in range(self._endpoints)]

    def _next(self, now_s: float) -> list[Effect]:
        for endpoint in sorted(range(self._endpoints), key=self._endpoint_rank):
            if endpoint not in self._looked_up and now_s < self._lookups_until_s:
                self._wait_for_lookup()
                return []
            targets = [RenewSocket(endpoint, address) for address in self._known.get(endpoint, ())]
            for target in sorted(targets, key=self._rank):
                if target.address not in self._tried:
                    return [self._try(target, now_s)]
        self._rest_until(now_s + self._rest_s(now_s))
        return []

    def _try(self, target: RenewSocket, now_s: float) -> Effect:
        self._tried.add(target.address)
        self._current = target
        self._phase = _Phase.TRYING
        self._began_s = now_s
        self.due_s = now_s + HANDSHAKE_S * self._patience
        return target

    def _wait_for_lookup(self) -> None:
        self._phase = _Phase.LOOKING
        self.due_s = self._lookups_until_s

    def _rest_until(self, due_s: float) -> None:
        self._phase = _Phase.RESTING
        self.due_s = due_s

    def _rest_s(self, now_s: float) -> float:
        longest_s = self._longest_rest_s
        is_soon = self._left_s is None or now_s - self._left_s < OFTEN_FOR_S
        self._longest_rest_s = min(2 * longest_s, REST_S) if is_soon else REST_LATER_S
        return min(REST_S_MAX, max(longest_s, REST_OF_ANSWER * self._answer_s)) * (1 + self._chance()) / 2

    def _endpoint_rank(self, endpoint: int) -> int:
        ranks = [self._rank(each) for each in (self._preferred, self._last) if each and each.endpoint == endpoint]
        return max(ranks, default=1)

    def _rank(self, target: RenewSocket) -> int:
        if target == self._last:
            return 2
        return 0 if target == self._preferred else 1
