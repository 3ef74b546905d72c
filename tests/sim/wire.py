"""A connection between an agent and a coordinator: bytes in order, some time later, until it is cut."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.sim.coordinator_process import Coordinator
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.sim.agent_process import Agent


class Connection:
    """One connection. What was on the way when it was cut may still arrive at the coordinator."""

    def __init__(
        self,
        identity: bytes,
        agent: Agent,
        coordinator: Coordinator,
        timeline: Timeline,
        random: Random,
        delay_s: float,
    ) -> None:
        self.identity = identity
        self.node = agent.node
        self.agent = agent
        self.coordinator = coordinator
        self.is_cut = False
        self._timeline = timeline
        self._random = random
        self._delay_s = delay_s
        self._loses_rest = False
        self._up_s = self._down_s = 0.0

    def send_up(self, payload: bytes) -> None:
        """To the coordinator; a connection that was cut swallows it."""
        if self.is_cut:
            return
        self._up_s = self._arrival_s(self._up_s)
        self._timeline.at(self._up_s, lambda: self.coordinator.later(0.0, lambda: self._arrive_up(payload)))

    def send_down(self, payload: bytes) -> None:
        """To the agent."""
        if self.is_cut:
            return
        self._down_s = self._arrival_s(self._down_s)
        self._timeline.at(self._down_s, lambda: self.agent.later(0.0, lambda: self._arrive_down(payload)))

    def cut(self) -> None:
        """Nothing more is carried; what is on the way to the coordinator is lost, or not."""
        if not self.is_cut:
            self.is_cut = True
            self._loses_rest = self._random.random() < 0.5

    def _arrive_up(self, payload: bytes) -> None:
        if not (self.is_cut and self._loses_rest):
            self.coordinator.receive(self, payload)

    def _arrive_down(self, payload: bytes) -> None:
        if not self.is_cut:
            self.agent.receive(self, payload)

    def _arrival_s(self, not_before_s: float) -> float:
        return max(not_before_s, self._timeline.now_s + self._delay_s * self._random.expovariate(1.0))
