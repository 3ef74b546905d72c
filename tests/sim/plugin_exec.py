"""One exec of the plugin, as the runtime starts it: it finds the agent, waits, gives up, keeps a DEL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from nodeagent.cni.request import Request
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Failure, Granted, NotDurable, Outcome
from plugin import infoblox
from tests.sim.story import Story
from tests.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.sim.agent_process import Agent
    from tests.sim.host import Host


@dataclass(frozen=True)
class Answer:
    """What the runtime read: a code (0 is success), with ADD's address."""

    code: int
    text: str = ""


class Exec:
    """A process that ends with an answer, or killed without one."""

    def __init__(
        self,
        host: Host,
        request: Request,
        attachment: AttachmentId,
        verb: str,
        timeline: Timeline,
        random: Random,
        story: Story,
    ) -> None:
        self.host = host
        self.request = request
        self.attachment = attachment
        self.verb = verb
        self.answer: Answer | None = None
        self.is_over = False
        self.is_kept = False
        """Whether it kept its DEL in a file."""
        self.granted_by: Agent | None = None
        self._has_read = False
        self._timeline = timeline
        self._random = random
        self._story = story
        self._agent: Agent | None = None
        self._caller = 0
        self._patience_s, answer_s = infoblox.LIMITS[verb]
        self._started_s = self._heard_s = timeline.now_s
        self._end_s = timeline.now_s + answer_s
        self._then: list[Callable[[], None]] = []
        timeline.at(self._end_s, self._time_is_up)
        self._look_for_agent()

    @property
    def took_s(self) -> float:
        """How long it has run."""
        return self._timeline.now_s - self._started_s

    def when_over(self, then: Callable[[], None]) -> None:
        """Have `then` run when the process has ended."""
        if self.is_over:
            then()
        else:
            self._then.append(then)

    def kill(self) -> None:
        """SIGKILL: the runtime reads nothing."""
        if not self.is_over:
            self._hang_up()
            self._over(None)

    def has_read_or_may_have(self) -> bool:
        """Whether an agent believes that it has its address: no restart tells the agent who read its answers."""
        return self._has_read or (self.granted_by is not None and not self.granted_by.is_alive)

    def agent_came(self) -> None:
        """An agent listens: the next look finds it."""
        if not self.is_over and self._agent is None:
            self._timeline.after(self._random.random() * infoblox.RETRY_S, self._look_for_agent)

    def agent_went(self, agent: Agent) -> None:
        """The agent's end of the connection was closed without an answer."""
        if not self.is_over and self._agent is agent:
            self._agent = None
            self._look_for_agent()

    def receive(self, agent: Agent, outcome: Outcome, *, is_printed: bool) -> None:
        """The answer is in the socket; `is_printed` is False where a kill comes between reading and that."""
        if self.is_over:
            return
        self._has_read = isinstance(outcome, Granted)
        if self._agent is agent:
            self._agent = None
            agent.delivered(self._caller)
        self._hang_up()
        if not is_printed:
            self._story.mark("answer_read_but_not_printed")
            self._over(None)
        elif isinstance(outcome, NotDurable):
            self._keep()
        elif isinstance(outcome, Failure):
            self._over(Answer(outcome.code, outcome.msg))
        elif isinstance(outcome, Granted):
            self._over(Answer(0, outcome.addresses[0].address.partition("/")[0]))
        else:
            self._over(Answer(0))

    def _look_for_agent(self) -> None:
        if self.is_over or self._agent:
            return
        agent = self.host.agent
        if agent and agent.is_listening:
            self._agent = agent
            self._heard_s = self._timeline.now_s
            self._caller = agent.accept(self)
            return
        self._timeline.at(min(self._heard_s + self._patience_s, self._end_s) + infoblox.RETRY_S, self._impatient)

    def _impatient(self) -> None:
        if not self.is_over and self._agent is None:
            limit_s = min(self._heard_s + self._patience_s, self._end_s)
            if self._timeline.now_s >= limit_s:
                self._without_agent()

    def _time_is_up(self) -> None:
        if not self.is_over:
            self._hang_up()
            self._without_agent()

    def _without_agent(self) -> None:
        if self.verb == "DEL":
            self._keep()
        else:
            self._over(Answer(11, "agent does not answer"))

    def _keep(self) -> None:
        self._story.mark("pending_file")
        self._story.tell(str(self.attachment), self.host.node, "DEL kept in a file")
        self.host.pending.write(self.attachment)
        self.is_kept = True
        self._over(Answer(0))

    def _hang_up(self) -> None:
        agent, self._agent = self._agent, None
        if agent:
            agent.hung_up(self._caller)

    def _over(self, answer: Answer | None) -> None:
        self.answer, self.is_over = answer, True
        text = "killed" if answer is None else f"{answer.code} {answer.text}"
        self._story.tell(str(self.attachment), self.host.runtime_name, f"{self.verb} ends: {text}")
        for then in self._then:
            then()
