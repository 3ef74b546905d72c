"""The columns: what a runtime asks for, what it does next, and which answers are right."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from demo.cni import Outcome
from tests.e2e.hurry import PATIENCE_S
from tests.matrix.site import NETWORK, Site

SLACK_S: Final = 5.0
"""What a busy machine may add to the limits that the plugin keeps."""

ANSWERED_S: Final = PATIENCE_S + 4.0
"""What an ADD may take that one agent answers: 4 s more than this one's patience, as 60 s are for any other's."""

TWO_AGENTS_S: Final = 2 * ANSWERED_S
"""What one may take whose agent dies, and that the next one answers."""

UNANSWERED_S: Final = 60.0
"""After how long the plugin itself answers for an agent that does not."""

RELEASED_SOON_S: Final = 1.5
RELEASED_AFTERWARDS_S: Final = 60.0
LABELLED_AFTERWARDS_S: Final = 60.0
MSG_MAX: Final = 90
_ENDPOINT: Final = re.compile(r"127\.0\.0\.1:\d+")


@dataclass
class Verb:
    """One call under one fault. `during` and `after` say what the grid held for its attachment."""

    site: Site
    ipam: Mapping[str, Any]
    add_limit_s: float
    title: ClassVar[str]
    container: str = ""
    network: str = "before"
    outcome: Outcome | None = None
    during: str = ""
    after: str = ""
    wrong: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """What was before the fault."""

    def call(self) -> None:
        """Ask, and see what the grid holds then."""
        started_s = time.monotonic()
        self.outcome = self._ask()
        took_s = time.monotonic() - started_s
        if took_s > self._limit_s() + SLACK_S:
            self.wrong.append(f"it took {took_s:.0f} s")
        if not self.outcome.ok and not (self.outcome.code and self.outcome.result.get("msg")):
            self.wrong.append(f"no CNI error: {self.outcome}")
        self.during = self._held_when_answered()
        self._judge(self.outcome)

    def finish(self) -> None:
        """All is well again: what the runtime does next, whatever it may do until nothing is left to do."""
        assert self.outcome is not None
        self._go_on(self.outcome)

    @property
    def saw(self) -> str:
        """The answer in few words."""
        assert self.outcome is not None
        if self.outcome.ok:
            return "ok"
        msg = _ENDPOINT.sub("HOST:PORT", str(self.outcome.result.get("msg", "")))
        for found, shown in self.site.usual_names():
            msg = msg.replace(found, shown)
        return f"{self.outcome.code} {msg[:MSG_MAX]}"

    def _limit_s(self) -> float:
        """What the runtime is promised."""
        raise NotImplementedError

    def _ask(self) -> Outcome:
        raise NotImplementedError

    def _judge(self, outcome: Outcome) -> None:
        """Complain of a wrong answer."""

    def _go_on(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def _add_before(self, kind: str) -> str:
        self.container = self.site.new_container(kind)
        outcome = self.site.add(self.container, self.network, **self.ipam)
        assert outcome.ok, outcome
        return outcome.address

    def _held_when_answered(self) -> str:
        return self._held()

    def _held(self) -> str:
        count = len(self.site.addresses(self.container))
        return ("nothing", "held")[count] if count < 2 else f"{count} addresses"

    def _expect(self, outcome: Outcome, what: str) -> None:
        if not outcome.ok:
            self.wrong.append(f"{what}: {outcome}")

    def _delete_at_last(self) -> None:
        self._expect(self.site.delete(self.container, self.network, **self.ipam), "DEL afterwards")
        self._expect_gone()

    def _expect_gone(self) -> None:
        if not self.site.wait_until_gone(self.container, RELEASED_AFTERWARDS_S):
            self.wrong.append(f"the grid still holds {self.site.addresses(self.container)}")


class Add(Verb):
    """ADD of a container that is new, for which the node has nothing ready: the grid has to be asked."""

    title = "ADD"

    def prepare(self) -> None:
        self.container = self.site.new_container("comes")
        self.network = self.container

    def _limit_s(self) -> float:
        return self.add_limit_s

    def _ask(self) -> Outcome:
        return self.site.add(self.container, self.network, **self.ipam)

    def _judge(self, outcome: Outcome) -> None:
        if outcome.ok and not self.site.holds(outcome.address):
            self.wrong.append(f"it got {outcome.address}, which the grid does not hold")

    def _go_on(self, outcome: Outcome) -> None:
        if not outcome.ok:
            self._delete_at_last()
            self.after = self._held()
            return
        again = self.site.add(self.container, self.network, **self.ipam)
        if not again.ok or again.address != outcome.address:
            self.wrong.append(f"it got {outcome.address}, then {again}")
        if not self.site.wait_until(lambda: self._is_named(outcome.address), LABELLED_AFTERWARDS_S):
            self.wrong.append(f"it got {outcome.address}, the grid names it {self.site.addresses(self.container)}")
        self.after = self._held()
        self._delete_at_last()

    def _is_named(self, address: str) -> bool:
        return self.site.addresses(self.container) == [address]

    def _held_when_answered(self) -> str:
        """The label follows the answer by a moment: what is held without one counts, too."""
        assert self.outcome is not None
        if self.outcome.ok and self.site.holds(self.outcome.address):
            return "held"
        return super()._held_when_answered()


class ReadyAdd(Add):
    """ADD of a container that is new, for which the node has an address ready."""

    title = "ADD from the reserve"

    def prepare(self) -> None:
        super().prepare()
        self.network = NETWORK
        self.site.node.wait_until_ready(1, NETWORK)


class AddAgain(Add):
    """ADD of a container that has its address."""

    title = "repeated ADD"

    def prepare(self) -> None:
        self._address = self._add_before("lives")

    def _judge(self, outcome: Outcome) -> None:
        super()._judge(outcome)
        if outcome.ok and outcome.address != self._address:
            self.wrong.append(f"it had {self._address} and got {outcome.address}")

    def _go_on(self, outcome: Outcome) -> None:
        super()._go_on(outcome if outcome.ok else self._asked_once_more())

    def _asked_once_more(self) -> Outcome:
        again = self.site.add(self.container, self.network, **self.ipam)
        self._expect(again, "ADD afterwards")
        self._judge(again)
        return again


class AddAgainWithoutJournal(AddAgain):
    """ADD of a container whose node has lost its journal: it may get a second address, and its DEL ends both."""

    def _judge(self, outcome: Outcome) -> None:
        Add._judge(self, outcome)

    def _is_named(self, address: str) -> bool:
        return address in self.site.addresses(self.container)


class Delete(Verb):
    """DEL of a container that has an address, with nothing but its name."""

    title = "DEL"

    def prepare(self) -> None:
        self._add_before("goes")

    def _limit_s(self) -> float:
        return 5.0

    def _ask(self) -> Outcome:
        return self.site.delete(self.container, self.network, **self.ipam)

    def _judge(self, outcome: Outcome) -> None:
        if not outcome.ok:
            self.wrong.append("a DEL must succeed")

    def _held_when_answered(self) -> str:
        self.site.wait_until_gone(self.container, RELEASED_SOON_S)
        return self._held()

    def _go_on(self, outcome: Outcome) -> None:
        self._expect_gone()
        self.after = self._held()
        self._expect(self.site.delete(self.container, self.network, **self.ipam), "DEL again")


class CollectGarbage(Delete):
    """GC right after a container has gone for which no DEL came."""

    title = "GC"

    def prepare(self) -> None:
        self._add_before("vanishes")

    def _limit_s(self) -> float:
        return 20.0

    def _ask(self) -> Outcome:
        self.site.end_namespace(self.container)
        return self.site.collect_garbage(self.network, **self.ipam)

    def _judge(self, outcome: Outcome) -> None:
        """Success or error are both right: a runtime collects again."""

    def _go_on(self, outcome: Outcome) -> None:
        self._expect(self.site.collect_garbage(self.network, **self.ipam), "GC afterwards")
        super()._go_on(outcome)


class Status(Verb):
    """STATUS; the bystander stands for what the grid holds."""

    title = "STATUS"

    def _limit_s(self) -> float:
        return 1.0

    def _ask(self) -> Outcome:
        return self.site.status(**self.ipam)

    def _judge(self, outcome: Outcome) -> None:
        if not outcome.ok:
            self.wrong.append("the node can serve, or will within two minutes, and STATUS says that it cannot")

    def _held(self) -> str:
        return "held" if self.site.bystander_is_held() else "not held"

    def _go_on(self, outcome: Outcome) -> None:
        self._expect(self.site.status(**self.ipam), "STATUS afterwards")
        self.after = self._held()


class StatusOfANodeThatCannot(Status):
    """STATUS where the right answer is that no pod can start here."""

    def _judge(self, outcome: Outcome) -> None:
        if outcome.code != 50:
            self.wrong.append("no pod can start here, and STATUS does not say so")


VERBS: Final[Sequence[type[Verb]]] = (Add, ReadyAdd, AddAgain, Delete, CollectGarbage, Status)
