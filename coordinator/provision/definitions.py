"""What the grid says of our attributes: looked up at start, anew when that ages, and when it is contradicted."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from coordinator.core.alarms import Alarms
from coordinator.core.errors import EaMistyped
from coordinator.core.outbox import Outbox
from coordinator.core.policy import Policy
from coordinator.lane.runner import Runner
from coordinator.lane.task import Failed
from coordinator.provision.definitions_task import Defined, DefinitionsLook, DefinitionsTask
from coordinator.provision.objects import Provider
from protocol.errors import Problem

BAD_NEWS_KEPT_S: Final = 5.0
"""How long something that somebody has to put right is refused without asking the grid again."""

_DEFINE: Final = "a superuser of the grid defines them: 'cni-infoblox grid prepare' prints how"


class Definitions:
    """The definitions of our attributes. Each look-up also tells whether the user may use `request` by now."""

    def __init__(
        self,
        policy: Policy,
        provider: Provider,
        runner: Runner,
        outbox: Outbox,
        alarms: Alarms,
        may_come: Callable[[float], bool],
    ) -> None:
        self._policy = policy
        self._provider = provider
        self._may_come = may_come
        """Whether a write by reference may still be carried out at this time."""
        self._runner = runner
        self._outbox = outbox
        self._alarms = alarms
        self._known = Defined((), ())
        self._is_asking = False
        self._learnt_at_s = -inf
        self._fresh_until_s = inf

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of attributes that the grid does not show to this user."""
        return self._known.missing

    def objection(self) -> Problem | None:
        """Why no network is made, and no address given: an attribute's name is taken by something else.

        What is only missing may be there all the same, since not every user is shown the definitions.
        """
        if not self._known.mistyped:
            return None
        standard = self._provider.names.standard_names()
        flags = " ".join(f"--ea '{standard[name]}=OTHER'" for name, _ in self._known.mistyped)
        return EaMistyped(names=_with_types(self._known), flags=flags)

    def look_up(self, then: Callable[[float], None], now_s: float) -> None:
        """Ask the grid now, and make what is missing; `then` is called with the time when it has told."""
        self._ask(DefinitionsTask(self._provider), then, now_s)

    def look_only(self, then: Callable[[float], None], now_s: float) -> None:
        """Ask the grid now, and make nothing: this coordinator does not lead."""
        self._ask(DefinitionsLook(self._provider), then, now_s)

    def _ask(self, task: DefinitionsTask, then: Callable[[float], None], now_s: float) -> None:
        self._is_asking = True
        # Once writes go to ids nobody waits any more for what may come by reference.
        submit = self._runner.submit if self._may_come(now_s) else self._runner.try_request_with
        submit(task, lambda outcome, at_s: self._told(outcome, then, at_s), now_s)

    def refresh(self, now_s: float) -> None:
        """Somebody needs them now: ask the grid again where the last answer is old, or was bad news."""
        if not self._is_asking and now_s >= self._fresh_until_s:
            self.look_up(lambda _: None, now_s)

    def contradicted(self) -> None:
        """The grid has refused what it should have taken: it is asked again soon."""
        self._fresh_until_s = min(self._fresh_until_s, self._learnt_at_s + BAD_NEWS_KEPT_S)

    def _told(self, outcome: Defined | Failed, then: Callable[[float], None], now_s: float) -> None:
        self._is_asking = False
        self._learnt_at_s = now_s
        if isinstance(outcome, Defined):
            self._learn(outcome, now_s)
        is_good = isinstance(outcome, Defined) and self.objection() is None
        self._fresh_until_s = now_s + (self._policy.lookup_ttl_s if is_good else BAD_NEWS_KEPT_S)
        then(now_s)

    def _learn(self, now: Defined, now_s: float) -> None:
        before, self._known = self._known, now
        if now.created:
            self._outbox.note("definitions_created", names=", ".join(now.created))
        if now.missing != before.missing:
            self._alarms.close("definitions_missing")
        if now.mistyped != before.mistyped:
            self._alarms.close("definitions_mistyped")
        if now.missing:
            self._alarms.open("definitions_missing", "", _DEFINE, now_s, names=", ".join(now.missing))
        if problem := self.objection():
            self._alarms.open("definitions_mistyped", "", problem.details, now_s, names=_with_types(now))


def _with_types(known: Defined) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in known.mistyped)
