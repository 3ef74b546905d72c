"""One exec of the plugin, as the runtime starts it: it finds the agent, waits, gives up, keeps a DEL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Failure, Granted, NotDurable, Outcome
from plugin import infoblox

if TYPE_CHECKING:
    from tests.sim.agent_process import Agent
    from tests.sim.computer import Computer


@dataclass(frozen=True)
class Answer:
    """What the runtime read: a code (0 is success), with ADD's address and the id of its allocation."""

    code: int
    text: str = ""
    allocation: str = ""


class Exec:
    """A process that ends with an answer, or killed without one. `request` makes its event for the agent."""

    def __init__(
        self, computer: Computer, verb: str, attachment: AttachmentId, request: Callable[[int], Event]
    ) -> None:
        self.computer = computer
        self.verb = verb
        self.attachment = attachment
        self.request = request
        self.answer: Answer | None = None
        self.is_over = False
        self.is_kept = False
        """Whether it kept its DEL in a file."""
        self.replied_s = 0.0
        """When its agent last sent it an answer."""
        self._timeline = computer.timeline
        self._random = computer.random
        self._agent: Agent | None = None
        self._caller = 0
        self._patience_s, answer_s = infoblox.LIMITS[verb]
        self.started_s = self._heard_s = self._timeline.now_s
        self._end_s = self._timeline.now_s + answer_s
        self._then: list[Callable[[], None]] = []
        self._timeline.at(self._end_s, self._time_is_up)
        self._look_for_agent()

    @property
    def took_s(self) -> float:
        """How long it has run."""
        return self._timeline.now_s - self.started_s

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
        if self._agent is agent:
            self._agent = None
            agent.delivered(self._caller)
        self._hang_up()
        if not is_printed:
            self.computer.story.mark("answer_read_but_not_printed")
            self._over(None)
        elif isinstance(outcome, NotDurable):
            self._keep()
        elif isinstance(outcome, Failure):
            self._over(Answer(outcome.code, outcome.msg))
        elif isinstance(outcome, Granted):
            address = outcome.addresses[0].address.partition("/")[0]
            self._over(Answer(0, address, outcome.allocations[0]))
        else:
            self._over(Answer(0))

    def _look_for_agent(self) -> None:
        if self.is_over or self._agent:
            return
        agent = self.computer.agent
        if agent and agent.is_listening:
            self._agent = agent
            self._heard_s = self._timeline.now_s
            self._caller = agent.accept(self)
            return
        self._timeline.at(min(self._heard_s + self._patience_s, self._end_s) + infoblox.RETRY_S, self._impatient)

    def _impatient(self) -> None:
        is_late = self._timeline.now_s >= min(self._heard_s + self._patience_s, self._end_s)
        if not self.is_over and self._agent is None and is_late:
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
        self.computer.story.mark("pending_file")
        self.computer.tell(str(self.attachment), "DEL kept in a file")
        self.computer.pending.write(self.attachment)
        self.is_kept = True
        self._over(Answer(0))

    def _hang_up(self) -> None:
        agent, self._agent = self._agent, None
        if agent:
            agent.hung_up(self._caller)

    def _over(self, answer: Answer | None) -> None:
        self.answer, self.is_over = answer, True
        text = "killed" if answer is None else f"{answer.code} {answer.text} {answer.allocation}"
        self.computer.tell(str(self.attachment), f"{self.verb} ends: {text}")
        for then in self._then:
            then()
