"""The one place where WAPI calls are made, in order.

A pure machine: events in, commands out; it reads no clock, and the thread that makes the call knows nothing of
the tasks in it. At most one call is under way. What arrives meanwhile queues, so a busy lane batches by itself
while an idle one answers at once; it waits only for those who are known to come back at once (`gathering`).

What became of a call is told by one of four events, of which each leads to its own next step:
- `Answered`: every task of the batch goes on with its own replies.
- `Refused`: a definite no, but to whom? Alone in the call: to that task. In company: nobody has promised that a
  refused batch left nothing behind, so each task looks, then what is missing is sent again in halves.
- `Lost`: sent, outcome unknown. Each task looks before it does anything again.
- `NotSent`: surely not applied, be it for a broken connection or a refused login; the same again after a pause.

`handle` takes events in, `proceed` decides on the next call: everything that happened at once is taken in before.
A task that waits for its time sleeps in a heap of its own, so that ten thousand delayed releases cost nothing.

Not elegant: the tasks hold state of their own, so that a batch in flight is a list of objects rather than a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any, Final

from coordinator.core.deadlines import Deadlines
from coordinator.core.errors import GridForbids, GridUnavailable, InternalFailure
from coordinator.core.outbox import Note
from coordinator.grid.calls import Answered, Call, Form, Landing, Lost, NotSent, Refused
from coordinator.grid.refusals import CONCERNS_EVERY_WRITE, Kind, Refusal
from coordinator.lane.batch import Limits, lead_of, plan, rank
from coordinator.lane.commands import Finished, LaneCommand, Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Event, Submitted, Ticked
from coordinator.lane.flight import Flight, is_culprit, size
from coordinator.lane.gathering import Gathering
from coordinator.lane.outage import Outage, after_failure
from coordinator.lane.outage_notes import OutageNotes
from coordinator.lane.pace import Pace
from coordinator.lane.request_use import RequestUse
from coordinator.lane.task import Failed, Priority, Task
from coordinator.lane.turns import Turns

_CREATES_UNLIMITED: Final = 256
"""A network that has given so many addresses in one call is not short of them."""


class Lane:
    """All state of the lane; the only way to change it is an event."""

    def __init__(self, operations_max: int) -> None:
        self._pace = Pace(operations_max)
        self._gathering = Gathering()
        self._turns = Turns()
        self._queue: dict[Task[Any], None] = {}
        self._ready: dict[Task[Any], None] = {}
        self._asleep: Deadlines[Task[Any]] = Deadlines()
        self._impatient: dict[Task[Any], None] = {}
        self._flight: Flight | None = None
        self._creates_max: dict[str, int] = {}
        self._calls = 0
        self._listed_last = False
        self.request = RequestUse()
        self.outage: Outage | None = None
        self._outage_notes = OutageNotes()
        self._takes: dict[type[Event], Callable[[Any], list[LaneCommand]]] = {
            Submitted: self._submitted,
            CredentialsChanged: self._credentials_changed,
            Ticked: lambda event: [],
            **dict.fromkeys((Answered, Refused, Lost, NotSent), self._landed),
        }
        self._lands: dict[type[Landing], Callable[[Flight, Any], list[LaneCommand]]] = {
            Answered: self._answered,
            Refused: self._refused,
            Lost: self._lost,
            NotSent: self._not_sent,
        }

    @property
    def waiting(self) -> int:
        """How many tasks would go now if a call took them all, with those in the call; not those for later."""
        return len(self._ready) + (len(self._flight.tasks) if self._flight else 0)

    @property
    def operations_max(self) -> int:
        """How many operations the next call may have, as this grid has been so far."""
        return self._pace.limit

    def call_took_s(self, share: float) -> float | None:
        """The time in which this share of the newest calls was answered, None before the first."""
        return self._pace.took_s(share)

    @property
    def calls(self) -> int:
        """How many calls have been made."""
        return self._calls

    def handle(self, event: Event) -> list[LaneCommand]:
        """Take the event in; returns what has ended, with what there is to note."""
        return self._takes[type(event)](event)

    def proceed(self, now_s: float) -> list[LaneCommand]:
        """Everything has been taken in: give up what cannot wait, make the next call."""
        for task in self._asleep.take_due(now_s):
            if task in self._queue and not self._is_flying(task):
                self._place(task, now_s)
        given_up = self._give_up(now_s)
        try:
            return [*given_up, *self._next_call(now_s)]
        except Exception:
            if broken := self._take_out_broken():
                return [*given_up, *broken]
            raise

    def withdraw(self, task: Task[Any]) -> bool:
        """Forget the task, unless it is in a call, which cannot be recalled."""
        if self._is_flying(task):
            return False
        self._forget(task)
        return True

    def abandon(self) -> None:
        """Forget every task. A call that is under way is made to its end, and nobody hears of it."""
        for task in list(self._queue):
            self._forget(task)
        if self._flight:
            self._flight = replace(self._flight, tasks=())

    def _submitted(self, event: Submitted) -> list[LaneCommand]:
        for task in event.tasks:
            self._submit(task, event.now_s)
        return []

    def _credentials_changed(self, event: CredentialsChanged) -> list[LaneCommand]:
        self.outage = self.outage and self.outage.retried_at(event.now_s)
        return []

    def _submit(self, task: Task[Any], now_s: float) -> None:
        if task.submitted_at_s == inf:
            task.submitted_at_s, task.ready_at_s = now_s, max(task.ready_at_s, now_s)
        if self.request.form is Form.SEPARATE:
            task.goes_separately()
        if task.priority is Priority.ALLOCATE and task not in self._queue:
            self._gathering.came(now_s)
        self._queue[task] = None
        if not task.patient:
            self._impatient[task] = None
        if not self._is_flying(task):
            self._place(task, now_s)

    def _place(self, task: Task[Any], now_s: float) -> None:
        if task.ready_at_s <= now_s:
            self._ready[task] = None
            return
        self._ready.pop(task, None)
        self._asleep.add(task.ready_at_s, task)

    def _forget(self, task: Task[Any]) -> None:
        for tasks in (self._queue, self._ready, self._impatient):
            tasks.pop(task, None)

    def _is_flying(self, task: Task[Any]) -> bool:
        return self._flight is not None and task in self._flight.tasks

    def _landed(self, event: Landing) -> list[LaneCommand]:
        if not self._flight or event.call_id != self._flight.call.id:
            return []
        flight, self._flight = self._flight, None
        took_s = event.now_s - flight.started_at_s
        if not flight.tasks:
            return [flight.note(event, took_s)]
        for task in flight.tasks:
            task.calls += 1
            task.grid_s += took_s
        commands = [flight.note(event, took_s), *self._lands[type(event)](flight, event)]
        for task in flight.tasks:
            if task in self._queue:
                self._place(task, event.now_s)
        return commands

    def _got_through(self, now_s: float) -> list[Note]:
        outage, self.outage = self.outage, None
        return self._outage_notes.answered(outage, now_s)

    def _not_sent(self, flight: Flight, event: NotSent) -> list[LaneCommand]:
        if isinstance(event.problem, GridForbids):
            if flight.call.form is Form.REQUEST:
                # It may be `request` alone that this user may not use: a single call tells.
                return self._do_without_request(str(event.problem), event.now_s)
            must_try_again = any(task.priority is Priority.START for task in self._queue)
            if self.request.single_forbidden(None if must_try_again else Form.REQUEST):
                self._do_with_request(event.now_s)
        return self._did_not_get_through(event)

    def _lost(self, flight: Flight, event: Lost) -> list[LaneCommand]:
        was_well = self.outage is None
        notes = self._did_not_get_through(event)
        self.request.lost(flight.call.form)
        if was_well and self.outage:
            self.outage = self.outage.retried_at(event.now_s)
        for task in flight.tasks:
            # The last of its HTTP calls may have left long after the first: after a search, or another login.
            task.sent_at_s = event.now_s
        return [*notes, *self._tell(flight.tasks, lambda task: task.unknown(event.now_s), event.now_s)]

    def _did_not_get_through(self, event: Lost | NotSent) -> list[LaneCommand]:
        self.outage = after_failure(self.outage, event.problem, event.now_s)
        return [*self._outage_notes.failed(self.outage, event.now_s)]

    def _answered(self, flight: Flight, event: Answered) -> list[LaneCommand]:
        commands: list[LaneCommand] = [*self._got_through(event.now_s)]
        took_s = event.now_s - flight.started_at_s
        self._pace.measured(size(flight.tasks), took_s)
        if notes := self.request.answered(flight.call.form):
            commands += notes
            self._do_with_request(event.now_s)
        self._allow_more_creates(flight.tasks)
        replies = iter(event.replies)
        for task in flight.tasks:
            own = [next(replies) for _ in task.operations()]
            task.companions_max = None
            commands += self._go_on(task, partial(task.answered, own, event.now_s), event.now_s)
        served = sum(task.priority is Priority.ALLOCATE and task not in self._queue for task in flight.tasks)
        self._gathering.answered(served, took_s, self._pace.fixed_s, event.now_s)
        return commands

    def _refused(self, flight: Flight, event: Refused) -> list[LaneCommand]:
        refusal, tasks = event.refusal, flight.tasks
        if refusal.kind is Kind.INTERNAL and self.request.form is None:
            # What a grid takes cannot be learnt from a call at which we failed.
            return self._lost(
                flight, Lost(event.call_id, GridUnavailable(grid="master", cause=refusal.text), event.now_s)
            )
        notes = self._got_through(event.now_s)
        if flight.call.form is Form.REQUEST and (self.request.form is None or refusal.kind is Kind.NO_REQUEST):
            return [*notes, *self._do_without_request(refusal.text, event.now_s)]
        notes += self._learn(tasks, refusal, event.now_s)
        if len(tasks) == 1 or refusal.kind in CONCERNS_EVERY_WRITE:
            for task in tasks:
                task.companions_max = None
            return [*notes, *self._tell(tasks, lambda task: task.refused(refusal, event.now_s), event.now_s)]
        if refusal.kind is Kind.TOO_BIG:
            self._pace.too_big(size(tasks))
            return [*notes]
        for task in tasks:
            task.companions_max = max(1, len(tasks) // 2)
        return [*notes, *self._tell(tasks, lambda task: task.doubtful(event.now_s), event.now_s)]

    def _learn(self, tasks: Sequence[Task[Any]], refusal: Refusal, now_s: float) -> list[Note]:
        """What a refusal says of networks and nodes."""
        notes: list[Note] = []
        if refusal.kind is Kind.AMBIGUOUS:
            notes.append(Note("identity_not_unique", {"text": refusal.text}, is_alarm=True))
        if refusal.kind is Kind.EXHAUSTED:
            # Which networks, and how many addresses are left in them, only single creates can tell.
            self._creates_max |= {task.network_key: 1 for task in tasks if task.network_key is not None}
        if is_culprit(tasks, refusal):
            self._turns.blame(tasks[0].node, now_s)
            notes.append(
                Note(
                    "node_goes_apart",
                    {"node": tasks[0].node_name or tasks[0].node, "text": refusal.text},
                    is_alarm=True,
                )
            )
        return notes

    def _do_without_request(self, reason: str, now_s: float) -> list[LaneCommand]:
        notes = self.request.refused(reason)
        for task in list(self._queue):
            task.goes_separately()
            self._place(task, now_s)
        return [*notes]

    def _do_with_request(self, now_s: float) -> None:
        for task in list(self._queue):
            task.goes_by_request(now_s)
            self._place(task, now_s)

    def _allow_more_creates(self, tasks: Iterable[Task[Any]]) -> None:
        for key in {task.network_key for task in tasks}:
            if key is None or key not in self._creates_max:
                continue
            self._creates_max[key] *= 2
            if self._creates_max[key] >= _CREATES_UNLIMITED:
                del self._creates_max[key]

    def _tell(
        self, tasks: Iterable[Task[Any]], tell: Callable[[Task[Any]], object | None], now_s: float
    ) -> list[LaneCommand]:
        return [command for task in tasks for command in self._go_on(task, partial(tell, task), now_s)]

    def _go_on(self, task: Task[Any], step: Callable[[], object | None], now_s: float) -> list[LaneCommand]:
        try:
            outcome = step()
        except Exception as error:  # noqa: BLE001, no task takes down those that were in the call with it
            with suppress(Exception):
                task.unknown(now_s)
            return self._broken(task, error)
        if outcome is None:
            return []
        self._forget(task)
        return [Finished(task, outcome)]

    def _broken(self, task: Task[Any], error: Exception) -> list[LaneCommand]:
        self._forget(task)
        return [Mishap(type(task).__name__, error), Finished(task, Failed(InternalFailure()))]

    def _take_out_broken(self) -> list[LaneCommand]:
        """End the waiting tasks that do not even say what they want, so that the rest can be planned."""
        commands: list[LaneCommand] = []
        for task in list(self._ready):
            try:
                task.cost()
            except Exception as error:  # noqa: BLE001, as above
                commands += self._broken(task, error)
        return commands

    def _give_up(self, now_s: float) -> list[LaneCommand]:
        outage = self.outage
        if outage is None or now_s < outage.give_up_at_s or self._probe_is_due(now_s):
            return []
        impatient = [task for task in self._impatient if not self._is_flying(task)]
        for task in impatient:
            self._forget(task)
        return [Finished(task, task.given_up(outage.problem)) for task in impatient]

    def _probe_is_due(self, now_s: float) -> bool:
        return self._flight is None and self.outage is not None and now_s >= self.outage.retry_at_s

    def _next_call(self, now_s: float) -> list[LaneCommand]:
        if self._flight or (self.outage and now_s < self.outage.retry_at_s):
            return self._wake(now_s)
        if (until_s := self._gathers_until_s(now_s)) is not None:
            return [WakeAt(min(until_s, *self._wakes_s(now_s)))]
        tasks = self._plan(now_s)
        if not tasks:
            return self._wake(now_s)
        self._calls += 1
        self._listed_last = tasks[0].priority is Priority.LIST
        self._turns.took(tasks, lead_of(tasks, self._turns, now_s))
        operations = tuple(operation for task in tasks for operation in task.operations())
        call = Call(self._calls, operations, self._form(tasks), self._pace.read_timeout_s(size(tasks)))
        self._flight = Flight(call, tuple(tasks), now_s)
        for task in tasks:
            task.sent_at_s, task.is_sent_separately = now_s, call.form is Form.SEPARATE
            self._ready.pop(task, None)
        return [call, *self._wake(now_s)]

    def _gathers_until_s(self, now_s: float) -> float | None:
        """Until when what is ready waits for company; None when it goes at once, or fills a call by itself."""
        if not 0 < len(self._ready) < self._pace.limit:
            return None
        # Labels and refills can wait for their like; whatever cannot takes them along.
        until_s = min(task.submitted_at_s + task.may_wait_s for task in self._ready)
        return until_s if until_s > now_s else self._gathering.waits_until_s(now_s)

    def _plan(self, now_s: float) -> list[Task[Any]]:
        if self.request.form is None:
            return [task for task in self._ready if task.priority is Priority.START][:1]
        listing = [task for task in self._ready if task.priority is Priority.LIST]
        others = [task for task in self._ready if task.priority is not Priority.LIST]
        # A listing has many pages: one goes after each call for somebody who waits.
        if listing and not (self._listed_last and any(rank(task, now_s) < Priority.LIST for task in others)):
            return listing[:1]
        tasks = plan(others, Limits(self._pace.limit, self._creates_max), self._turns, now_s)
        return tasks if self.request.form is Form.REQUEST else tasks[:1]

    def _form(self, tasks: Sequence[Task[Any]]) -> Form:
        if self.request.form is Form.SEPARATE:
            return Form.SEPARATE
        alone = len(tasks) == 1 and len(tasks[0].operations()) == 1
        return Form.SEPARATE if alone and size(tasks) == 1 and self.request.form else Form.REQUEST

    def _wake(self, now_s: float) -> list[LaneCommand]:
        later_s = [at_s for at_s in self._wakes_s(now_s) if at_s < inf]
        return [WakeAt(min(later_s))] if later_s else []

    def _wakes_s(self, now_s: float) -> list[float]:
        """When there may be something to do; infinite where only an event can change that."""
        outage, asleep_until_s = self.outage, self._asleep.next_s()
        at_s: list[float] = []
        if not self._flight:
            at_s += [asleep_until_s] if asleep_until_s is not None else []
            at_s += [outage.retry_at_s] if outage and self._ready else []
        if outage and self._impatient:
            at_s.append(outage.give_up_at_s)
        return [inf, *(each for each in at_s if each > now_s)]
