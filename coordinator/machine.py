"""The coordinator as one pure machine: messages and WAPI outcomes in, messages and WAPI calls out.

It joins the rooms, passes each message to the one that answers it, and decides about no pod: it makes, labels and
deletes objects by id, and asks their owners. The loop does only what needs a socket or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from coordinator.admin.commands import Commands, Hooks
from coordinator.admin.events import AnswerCommand, Asked, Left, turned_down_for
from coordinator.allocation.asks import Asks
from coordinator.allocation.creations import Creations
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.grants import Grants
from coordinator.allocation.index import Index
from coordinator.allocation.labels import Labels
from coordinator.allocation.parts import Parts
from coordinator.allocation.repairs import Repairs
from coordinator.allocation.seal import Sealer
from coordinator.allocation.shortage import Shortages
from coordinator.cluster.liveness import LivenessSource, NobodyTells
from coordinator.core import errors
from coordinator.core.alarms import Alarms
from coordinator.core.changes import Change
from coordinator.core.outbox import Note, Outbox, Send
from coordinator.core.policy import Policy
from coordinator.core.recent import Recent
from coordinator.core.timed import Timed
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.calls import Call, Landing
from coordinator.grid.writer import Writer
from coordinator.hellos import Hellos, Reactions
from coordinator.history.question import Recall, recall
from coordinator.lane.commands import Finished, LaneCommand, Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.lane.lane import Lane
from coordinator.lane.runner import Runner
from coordinator.lease.standing import Follows, Leads, Standing, leader_in
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.events import Received
from coordinator.nodes.notices import Notices
from coordinator.nodes.sessions import Session, Sessions, is_of
from coordinator.overview import Overview
from coordinator.provision.definitions import Definitions
from coordinator.provision.objects import Provider
from coordinator.provision.readiness import Networks
from coordinator.sweep.comparison import Comparison
from coordinator.sweep.forgetting import Forgetting
from coordinator.sweep.fullness import Fullness
from coordinator.sweep.gone_nodes import GoneNodes
from coordinator.sweep.other_clusters import OtherClusters
from coordinator.sweep.questions import Questions
from coordinator.sweep.renaming import Renaming
from coordinator.sweep.sweeper import Sweeper
from coordinator.sweep.warm_listing import WarmListing
from coordinator.tasks.references import References
from protocol.admin.history import TellHistory
from protocol.wire import messages, values
from protocol.wire.messages import Claims, Hello, ToCoordinator, WrongCluster
from protocol.wire.status import CoordinatorStatus, KubernetesStatus, LeaseStatus

MachineEvent = Received | Asked | Left | Landing | Ticked | CredentialsChanged | Standing
MachineEffect = Send | AnswerCommand | Note | Change | Recall | Mishap | Call | WakeAt


class Machine:
    """All state of the coordinator. `draw` makes ids of messages and nonces."""

    def __init__(
        self,
        policy: Policy,
        secret: bytes,
        draw: Callable[[], str],
        *,
        operations_max: int,
        sweep_interval_s: float,
        liveness: LivenessSource = NobodyTells(),  # noqa: B008, it has no state
    ) -> None:
        self._liveness = liveness
        self._policy = policy
        self._draw = draw
        self._sealer = Sealer(secret)
        self._operations_max = operations_max
        self._sweep_interval_s = sweep_interval_s
        self.recent = Recent()
        """What has happened last; it is told by who writes the log, and stays when all else is learnt anew."""
        self._leader: str | None = "" if policy.is_elected else None
        """Who leads, as far as is known; None where this coordinator does."""
        self._make_rooms(Lane(operations_max), Index())

    def _make_rooms(self, lane: Lane, index: Index) -> None:
        self._outbox = Outbox(self._draw)
        self._lane = lane
        self._runner = Runner(lane)
        self.index = index
        self.sessions = Sessions(self._policy.cluster_id, self._policy.allocations_max)
        self._boots = Boots()
        self._alarms = Alarms(self._outbox)
        self._notices = Notices(self._outbox, self._alarms, self.sessions)
        parts = self._parts = self._make_parts()
        self._deletions = Deletions(parts, self._gone)
        self._grants = Grants(parts)
        self._repairs = Repairs(parts, lambda allocation, family: self._comparison.owner_of(allocation, family))
        self._labels = Labels(parts, self._repairs.missing)
        self._questions = Questions(parts, self._boots, self._deletions, self._repairs.kept)
        self._comparison = Comparison(parts, self._boots, self._deletions, self._repairs, self._questions)
        self._shortages = Shortages(parts, self._deletions, self._grants, self._comparison.all)
        self._asks = Asks(parts, self._deletions, self._labels, self._repairs, self._grants, self._shortages)
        self._sweeper = Sweeper(parts, self._sweep_interval_s, self._listed, self._repairs.missing)
        reactions = Reactions(self._let_go, self._ended, self._repairs.contested, self._comparison.node)
        self._hellos = Hellos(parts, self._boots, self._notices, reactions)
        self._warm_listing = WarmListing(parts, self._sweep_interval_s)
        self._gone_nodes = GoneNodes(
            parts, self._deletions, self._liveness, lambda: self._sweeper.unreadable, self._end_node
        )
        self._renaming = Renaming(parts, self._deletions, self._provider)
        self._other_clusters = OtherClusters(parts)
        self._fullness = Fullness(parts)
        self._overview = Overview(
            parts,
            self._lane,
            self._deletions,
            self._grants,
            self._labels,
            self._repairs,
            self._sweeper,
            self._gone_nodes,
            self._fullness,
        )
        hooks = Hooks(self._over, self._comparison.node, self._gone_nodes.force)
        self._commands = Commands(parts, self._lane, self._boots, self._deletions, self._sweeper, hooks)
        self._timed = self._make_timed()

    def _make_timed(self) -> tuple[Timed, ...]:
        """All that has something to do at its time."""
        return (
            self._asks,
            self._deletions,
            self._shortages,
            self._comparison,
            self._sweeper,
            self._warm_listing,
            self._gone_nodes,
            Forgetting(self._parts, self._boots, self._end_node),
            self._other_clusters,
            self._alarms,
            self._notices,
            self._commands,
        )

    def _make_parts(self) -> Parts:
        policy = self._policy
        self._provider = Provider((policy.cluster_id, *policy.former), policy.cluster_name, policy.names)
        self._references = References(are_allowed=policy.may_call_singly)
        self._definitions = Definitions(
            policy, self._provider, self._runner, self._outbox, self._alarms, self._references.may_come
        )
        return Parts(
            policy=policy,
            writer=Writer(policy.cluster_id, policy.cluster_name, policy.names),
            references=self._references,
            sealer=self._sealer,
            index=self.index,
            creations=Creations(self.index, policy.allocations_max),
            sessions=self.sessions,
            networks=Networks(policy, self._provider, self._definitions, self._runner, self._outbox),
            definitions=self._definitions,
            runner=self._runner,
            outbox=self._outbox,
            alarms=self._alarms,
            recent=self.recent,
        )

    def start(self, now_s: float) -> list[MachineEffect]:
        """What a coordinator does before anybody asks: see what the user may do, read what the grid holds."""
        self._start(now_s)
        return self._settle(now_s)

    def begin_anew(self, now_s: float, standing: Standing | None = None) -> list[MachineEffect]:
        """Forget everything and learn it again, as another process would after the end of this one.

        No call may be under way. Nodes are told to say hello, since what they have said is forgotten, too.
        `standing` is what was told last of the election, if anything was.
        """
        if standing:
            self._leader = leader_in(standing)
        told: list[MachineEffect] = [*self._commands.give_up("the coordinator has begun anew", "Ask again.")]
        told += [Send(each.connection, messages.HelloFirst(id=self._draw())) for each in self.sessions]
        self._make_rooms(Lane(self._operations_max), Index())
        return [*self.start(now_s), *told]

    def _start(self, now_s: float) -> None:
        if self._leader is None:
            self._references.took_over(now_s)
            self._definitions.look_up(self._sweeper.start_soon, now_s)
        else:
            self._definitions.look_only(self._warm_listing.start, now_s)

    def _stand(self, standing: Standing, now_s: float) -> list[MachineEffect]:
        """Another coordinator leads than before: begin as at a start, knowing only what the grid is like.

        The call under way is made to its end, for nobody; nothing that it is a step of is gone on with.
        """
        leader = leader_in(standing)
        if self._leader is not None and leader is not None:
            self._leader = leader
            self._outbox.note("leader_seen", leader=leader)
            return []
        told: list[MachineEffect] = [*self._outbox.take(), *self._commands.take()]
        told += [Send(each.connection, messages.NotLeader(id=self._draw())) for each in self.sessions]
        told += self._commands.give_up("the coordinator leads no more", "Ask the one that does.")
        self._leader = leader
        self._lane.abandon()
        self.index.is_complete = False
        self._make_rooms(self._lane, self.index)
        if leader is None:
            self._outbox.note("leader_gained", allocations=len(self.index))
        else:
            self._outbox.alarm("leader_lost", leader=leader)
        self._start(now_s)
        return told

    def rekey(self, secret: bytes) -> None:
        """The coordinators have another secret: seals that were told under the old one count no more."""
        self._sealer.rekey(secret)

    def handle(self, events: Iterable[MachineEvent], now_s: float) -> list[MachineEffect]:
        """Take in everything that has happened, then say what is to be done.

        Messages that arrive together share a call. What a message or a task makes fail is settled here; whatever
        else is raised leaves no state to be relied upon.
        """
        notes: list[MachineEffect] = []
        self._sweeper.take_in(now_s)
        for event in events:
            if isinstance(event, Received):
                notes += self._heard(event)
            elif isinstance(event, Leads | Follows):
                notes += self._stand(event, now_s)
            elif isinstance(event, Asked):
                notes += self._asked(event)
            elif isinstance(event, Left):
                self._commands.left(event.ticket)
            else:
                notes += self._work_off(self._lane.handle(event), now_s)
        for room in self._timed:
            room.expire(now_s)
        return [*notes, *self._settle(now_s)]

    def status(
        self, kubernetes: KubernetesStatus | None, now_s: float, lease: LeaseStatus | None = None
    ) -> CoordinatorStatus:
        """What people see on `/status`."""
        why_not_leading = None if self._leader is None else self._not_leading().msg
        return self._overview.status(why_not_leading, kubernetes, lease, now_s)

    def _not_leading(self) -> errors.NotLeading:
        return errors.NotLeading(leader=self._leader or "none that is known")

    # What comes in

    def _heard(self, event: Received) -> list[Mishap]:
        """Take a message in; one that fails costs its sender a hello, and nobody else anything."""
        message = event.message
        try:
            self._received(event)
        except Exception as error:  # noqa: BLE001, no message is worth more than its session
            wants = message.wants if isinstance(message, messages.Allocate) else ()
            for allocation in (*(want.allocation for want in wants),) or (None,):
                self._outbox.decline(event.connection, message.id, errors.InternalFailure(), allocation)
            if session := self.sessions.hear(event.connection, event.node, event.now_s):
                self._end(session)
            self._outbox.send(event.connection, messages.HelloFirst(id=message.id))
            return [Mishap(message.type, error, {"request": message.id, "node": event.node})]
        return []

    def _asked(self, event: Asked) -> list[AnswerCommand | Recall]:
        if isinstance(event.request, TellHistory):
            return [recall(event.ticket, event.request, self.index, self._leader, self._policy)]
        if self._leader is not None:
            return [AnswerCommand(event.ticket, turned_down_for(event.request.id, self._not_leading()))]
        self._commands.asked(event)
        return []

    def _received(self, event: Received) -> None:
        message = event.message
        if self._leader is not None:
            self._outbox.send(event.connection, messages.NotLeader(id=message.id))
            return
        if isinstance(message, Hello | Claims | WrongCluster):
            self._hellos.take(event, message)
            return
        session = self.sessions.hear(event.connection, event.node, event.now_s)
        if session is None:
            self._outbox.send(event.connection, messages.HelloFirst(id=message.id))
            return
        if self._boots.heard(session.node, Boot.of(session.owner), event.now_s):
            self._notices.two_machines(session.node, event.now_s)
        self._take(session, message, event.now_s)

    def _take(self, session: Session, message: ToCoordinator, now_s: float) -> None:
        if isinstance(message, messages.Allocate):
            self._asks.take(session, message, now_s)
        elif isinstance(message, messages.LetGo):
            self._let_go(session, message.allocations, now_s)
        elif isinstance(message, messages.SetLabels):
            for row in message.labels:
                self._labels.set(session, row, now_s)
        elif isinstance(message, messages.Answer):
            self._questions.answered(session, message, now_s)
        elif isinstance(message, messages.ProbeAnswer):
            self._over(session.node, self._questions.probe_answered(session, message), now_s)
            self._commands.heard(session, message, now_s)
        elif isinstance(message, messages.Interfaces):
            self._commands.heard(session, message, now_s)
        elif isinstance(message, messages.Ping):
            self._outbox.send(session.connection, messages.Pong(id=message.id))

    def _let_go(self, session: Session, rows: Iterable[values.LetGoRow], now_s: float) -> None:
        for row in rows:
            if not is_of(session, row.allocation, self._policy.cluster_ids):
                self._outbox.alarm("not_yours", node=session.node, allocation=row.allocation)
                continue
            self._labels.drop(row.allocation)
            # Should a repair put it back after all, it is told again.
            session.offered.discard(row.allocation)
            self.sessions.unclaim(session, row.allocation)
            may_exist = self._asks.let_go(row.allocation)
            session.asks.discard(row.allocation)
            if may_exist:
                self._deletions.let_go(session, row, now_s)
            else:
                self._deletions.confirm(session, row.allocation)

    # What ends

    def _over(self, node: str, boots: list[Boot], now_s: float) -> None:
        for session in self.sessions.of_node(node):
            if Boot.of(session.owner) in boots:
                self._end(session)
        self._comparison.over(node, boots, now_s)

    def _end_node(self, node: str) -> None:
        for session in self.sessions.of_node(node):
            self._end(session)

    def _end(self, session: Session) -> None:
        self.sessions.end(session)
        self._ended(session)

    def _ended(self, session: Session) -> None:
        self._asks.ended(session)
        self._questions.ended(session)

    def _gone(self, allocation: str, known: AllocationObject | None, now_s: float) -> None:
        self._repairs.gone(allocation, now_s)
        if known:
            self._grants.freed(known.view, known.subnet)
            self._shortages.freed(known.view, known.subnet, now_s)

    def _listed(self, now_s: float) -> None:
        for room in (self._grants, self._gone_nodes, self._renaming, self._other_clusters):
            room.listed(now_s)
        self._comparison.all(now_s)
        self._fullness.listed(now_s)

    # What goes out

    def _settle(self, now_s: float) -> list[MachineEffect]:
        left: list[MachineEffect] = []
        while True:
            proceeded = self._lane.proceed(now_s)
            left += [each for each in proceeded if isinstance(each, Call | Note | Mishap)]
            wishes = [each.at_s for each in proceeded if isinstance(each, WakeAt)]
            if not any(isinstance(each, Finished) for each in proceeded):
                break
            self._work_off(proceeded, now_s)
        self._deletions.flush()
        self._labels.flush()
        wishes += [each for each in (room.next_deadline_s() for room in self._timed) if each is not None]
        # The grid is the slowest of all, so it gets its call first.
        calls = [each for each in left if isinstance(each, Call)]
        others: list[MachineEffect] = [each for each in left if not isinstance(each, Call)]
        others += [WakeAt(min(wishes))] if wishes else []
        return [*calls, *self._outbox.take(), *self._commands.take(), *others]

    def _work_off(self, lane_commands: Iterable[LaneCommand], now_s: float) -> list[Note | Mishap]:
        notes = []
        for command in lane_commands:
            if isinstance(command, Finished):
                self._runner.finished(command, now_s)
            elif isinstance(command, Note | Mishap):
                notes.append(command)
        return notes
