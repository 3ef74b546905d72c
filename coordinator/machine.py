"""The coordinator as one pure machine: messages and WAPI outcomes in, messages and WAPI calls out.

It joins the rooms, passes each message to the one that answers it, and leaves to the loop only what needs a socket
or a clock. It decides about no pod: it makes, labels and deletes objects by id, and asks their owners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from sys import intern

from coordinator.admin.commands import Commands, Hooks
from coordinator.admin.events import AnswerCommand, Asked, Left
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
from coordinator.core.outbox import Note, Outbox, Send
from coordinator.core.policy import Policy
from coordinator.grid.allocation_object import AllocationObject, Writer
from coordinator.grid.calls import Call, Landing
from coordinator.lane.commands import Finished, LaneCommand, Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.lane.lane import Lane
from coordinator.lane.runner import Runner
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.events import Received
from coordinator.nodes.notices import Notices
from coordinator.nodes.sessions import Begun, Claim, Session, Sessions, Unbegun, is_of
from coordinator.overview import Overview
from coordinator.provision.definitions import Definitions
from coordinator.provision.objects import Provider
from coordinator.provision.readiness import Networks
from coordinator.sweep.comparison import Comparison
from coordinator.sweep.forgetting import Forgetting
from coordinator.sweep.gone_nodes import GoneNodes
from coordinator.sweep.other_clusters import OtherClusters
from coordinator.sweep.questions import Questions
from coordinator.sweep.renaming import Renaming
from coordinator.sweep.sweeper import Sweeper
from coordinator.tasks.references import References
from protocol.wire import messages, values
from protocol.wire.messages import Claims, Hello, ToCoordinator
from protocol.wire.status import CoordinatorStatus, KubernetesStatus
from protocol.wire.values import ClaimRow, State

MachineEvent = Received | Asked | Left | Landing | Ticked | CredentialsChanged
MachineEffect = Send | AnswerCommand | Note | Mishap | Call | WakeAt


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
        self._make_rooms()

    def _make_rooms(self) -> None:
        self._outbox = Outbox(self._draw)
        self._lane = Lane(self._operations_max)
        self._runner = Runner(self._lane)
        self.index = Index()
        self.sessions = Sessions(self._policy.cluster_id, self._policy.allocations_max)
        self._boots = Boots()
        self._alarms = Alarms(self._outbox)
        self._notices = Notices(self._outbox, self._alarms, self.sessions)
        parts = self._make_parts()
        self._deletions = Deletions(parts, self._gone)
        self._grants = Grants(parts)
        self._repairs = Repairs(parts, lambda allocation, at_s: self._comparison.owner_of(allocation, at_s))
        self._labels = Labels(parts, self._repairs.missing)
        self._questions = Questions(parts, self._boots, self._deletions, self._repairs.kept)
        self._comparison = Comparison(parts, self._boots, self._deletions, self._repairs, self._questions)
        self._shortages = Shortages(parts, self._deletions, self._grants, self._comparison.all)
        self._asks = Asks(parts, self._deletions, self._labels, self._repairs, self._grants, self._shortages)
        self._sweeper = Sweeper(parts, self._sweep_interval_s, self._listed, self._repairs.missing)
        self._gone_nodes = GoneNodes(
            parts, self._deletions, self._liveness, lambda: self._sweeper.unreadable, self._end_node
        )
        self._renaming = Renaming(parts, self._deletions, self._provider)
        self._other_clusters = OtherClusters(parts)
        self._overview = Overview(
            parts, self._lane, self._deletions, self._grants, self._repairs, self._sweeper, self._gone_nodes
        )
        hooks = Hooks(self._over, self._comparison.node, self._gone_nodes.force)
        self._commands = Commands(parts, self._lane, self._boots, self._deletions, self._sweeper, hooks)
        self._timed = (
            self._asks,
            self._deletions,
            self._shortages,
            self._comparison,
            self._sweeper,
            self._gone_nodes,
            Forgetting(parts, self._boots, self._end_node),
            self._other_clusters,
            self._alarms,
            self._notices,
            self._commands,
        )

    def _make_parts(self) -> Parts:
        policy = self._policy
        self._provider = Provider((policy.cluster_id, *policy.former), policy.cluster_name, policy.names)
        self._references = References(are_allowed=policy.may_call_singly)
        self._definitions = Definitions(policy, self._provider, self._runner, self._outbox, self._alarms)
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
        )

    def start(self, now_s: float) -> list[MachineEffect]:
        """What a coordinator does before anybody asks: see what the user may do, read what the grid holds."""
        self._references.took_over(now_s)
        self._definitions.look_up(self._sweeper.start, now_s)
        return self._settle(now_s)

    def begin_anew(self, now_s: float) -> list[MachineEffect]:
        """Forget everything and learn it again, as another process would after the end of this one.

        No call may be under way. Nodes are told to say hello, since what they have said is forgotten, too.
        """
        told: list[MachineEffect] = [*self._commands.give_up("the coordinator has begun anew", "Ask again.")]
        told += [Send(each.connection, messages.HelloFirst(id=self._draw())) for each in self.sessions]
        self._make_rooms()
        return [*self.start(now_s), *told]

    def rekey(self, secret: bytes) -> None:
        """The coordinators have another secret: seals that were told under the old one count no more."""
        self._sealer.rekey(secret)

    def handle(self, events: Iterable[MachineEvent], now_s: float) -> list[MachineEffect]:
        """Take in everything that has happened, then say what is to be done.

        Messages that arrive together are taken in before the lane plans, so that they share a call. What a message
        or a task makes fail is settled here; whatever else is raised leaves no state to be relied upon.
        """
        notes: list[Note | Mishap] = []
        for event in events:
            if isinstance(event, Received):
                notes += self._heard(event)
            elif isinstance(event, Asked):
                self._commands.asked(event)
            elif isinstance(event, Left):
                self._commands.left(event.ticket)
            else:
                notes += self._work_off(self._lane.handle(event), now_s)
        for room in self._timed:
            room.expire(now_s)
        return [*notes, *self._settle(now_s)]

    def status(self, kubernetes: KubernetesStatus | None, now_s: float) -> CoordinatorStatus:
        """What people see on `/status`."""
        return self._overview.status(kubernetes, now_s)

    # What comes in

    def _heard(self, event: Received) -> list[Mishap]:
        """Take a message in; one that fails costs its sender a hello, and nobody else anything."""
        message = event.message
        try:
            self._received(event)
        except Exception as error:  # noqa: BLE001, no message is worth more than its session
            allocation = message.allocation if isinstance(message, messages.Allocate) else None
            self._outbox.decline(event.connection, message.id, errors.InternalFailure(), allocation)
            if session := self.sessions.hear(event.connection, event.node, event.now_s):
                self._end(session)
            self._outbox.send(event.connection, messages.HelloFirst(id=message.id))
            return [Mishap(message.type, error, {"request": message.id, "node": event.node})]
        return []

    def _received(self, event: Received) -> None:
        message = event.message
        if isinstance(message, Hello):
            self._greet(event, message)
            return
        if isinstance(message, Claims):
            self._welcome_answered(event, message)
            return
        if isinstance(message, messages.WrongCluster):
            self._notices.wrong_cluster(event.node, message.cluster, self._policy.cluster_id, event.now_s)
            self.sessions.declined(event.node, event.connection)
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

    def _greet(self, event: Received, hello: Hello) -> None:
        if hello.node != event.node:
            problem = errors.NodeDiffers(claimed=hello.node, proof="key", node=event.node)
            self._outbox.decline(event.connection, hello.id, problem)
            return
        self._boots.said_hello(hello.node, Boot(hello.machine, hello.boot), event.now_s)
        welcome = messages.Welcome(
            id=hello.id,
            number=self.sessions.welcome(event.connection, hello, event.now_s),
            cluster=self._policy.cluster_id,
            former=list(self._policy.former),
            reserve=self._policy.reserve,
            allocations_max=self._policy.allocations_max,
            release=self._policy.release,
        )
        self._outbox.send(event.connection, welcome)

    def _welcome_answered(self, event: Received, page: Claims) -> None:
        begun = self.sessions.answered(event.node, event.connection, page, event.now_s)
        if isinstance(begun, Begun):
            self._begin(begun, event.now_s)
        elif begun is not Unbegun.MORE_PAGES:
            self._outbox.send(event.connection, messages.HelloFirst(id=page.id))

    def _begin(self, begun: Begun, now_s: float) -> None:
        session = begun.session
        for each in begun.replaced:
            self._ended(each)
        contested = [each for row in begun.claims for each in self._claimed(session, row)]
        self._let_go(session, begun.let_go, now_s)
        facts = {"node": session.node, "driver": session.driver, "release": session.release}
        self._outbox.note("node_connected", **facts, claims=len(session.claims))
        for allocation in contested:
            self._repairs.contested(allocation, now_s)
        if begun.is_second_agent:
            self._notices.two_agents(session, now_s)
        if self._boots.greeted(session.node, Boot.of(session.owner), session.welcome, now_s):
            self._notices.two_machines(session.node, now_s)
        self._comparison.node(session.node, now_s)

    def _claimed(self, session: Session, row: ClaimRow) -> Iterator[str]:
        """A claim counts where the grid is known to hold it, or where its seal is right; others are ignored.

        Yields all ids that claim one address, of which the grid has one at most: a session may be long dead, and
        what the index knows may be old, so the grid is asked which.
        """
        known = self.index.get(row.allocation)
        is_known = known is not None and (known.view, known.address) == (row.view, row.address)
        is_sealed = self._sealer.is_right(row.seal, row.allocation, row.view, row.address)
        if not is_of(session, row.allocation, self._policy.cluster_ids) or not (is_known or is_sealed):
            self._outbox.alarm("claim_ignored", node=session.node, allocation=row.allocation, address=row.address)
            return
        is_ready = row.state is State.READY
        # There are as many as there are pods, so they share their texts with the index, and with each other.
        same = known if known and is_known else row
        claim = Claim(
            same.allocation,
            intern(row.view),
            intern(row.subnet),
            same.address,
            intern(row.network_name),
            is_ready,
        )
        rivals = self.sessions.claims_at(row.view, row.address).keys() - {row.allocation}
        if rivals:
            yield from (row.allocation, *sorted(rivals))
        self.sessions.claim(session, claim)

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
        self._grants.listed(now_s)
        self._gone_nodes.listed(now_s)
        self._renaming.listed(now_s)
        self._other_clusters.listed(now_s)
        self._comparison.all(now_s)

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
        others = [each for each in left if not isinstance(each, Call)]
        wake = [WakeAt(min(wishes))] if wishes else []
        return [*calls, *self._outbox.take(), *self._commands.take(), *others, *wake]

    def _work_off(self, lane_commands: Iterable[LaneCommand], now_s: float) -> list[Note | Mishap]:
        notes = []
        for command in lane_commands:
            if isinstance(command, Finished):
                self._runner.finished(command, now_s)
            elif isinstance(command, Note | Mishap):
                notes.append(command)
        return notes
