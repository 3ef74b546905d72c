"""Rule S: where the user may not use `request`, a write names a reference, and never hits who has it next."""

import pytest
from lane_world import WRITER
from machine_world import NETWORK, World
from test_coordinator_edits import edit, sweep
from test_coordinator_machine import LABEL, claim, connected

from coordinator.core.errors import GRID_FORBIDS, GridUnavailable
from coordinator.grid.calls import Call, Form, Refused
from coordinator.grid.exchange import LostError, perform
from coordinator.grid.operations import DeleteFound
from coordinator.grid.reply_bounds import ReplyBounds
from coordinator.tasks.references import SETTLED_S
from coordinator.tasks.rename_task import RenameTask
from gridsim.database.faults import Faults
from gridsim.model import Grid
from protocol.wire import messages

WRITES = ("PUT", "DELETE")


class SingleWorld(World):
    """A grid whose user may not use `request`. `lose` names methods whose next call is carried out late."""

    def __init__(self, **options):
        grid = Grid(faults=Faults(user_kind="no-request"))
        grid.create("network", {"network": NETWORK.subnet, "extattrs": {"Network Name": {"value": "pods"}}})
        self.sent = []
        self.lose = set()
        self.held_back = []
        super().__init__(grid=grid, **options)

    def written(self):
        """What was written by reference since the last time, each with what was sent just before it."""
        pairs = zip(self.sent, self.sent[1:], strict=False)
        found = [(before, http) for before, http in pairs if http.method in WRITES]
        self.sent = []
        return found

    def carry_out_late(self):
        late, self.held_back = self.held_back, []
        for http in late:
            super()._transport(http, 1.0)

    def _transport(self, http, read_timeout_s):
        self.sent.append(http)
        if http.method in self.lose:
            self.lose.discard(http.method)
            self.held_back.append(http)
            raise LostError(GridUnavailable(grid="grid", cause="no reply"))
        return super()._transport(http, read_timeout_s)


def settled(**options):
    """A world in which the coordinator's first minute is over, and an agent that holds an address."""
    world = SingleWorld(sweep_interval_s=0.0, **options)
    world.passes(SETTLED_S)
    agent = connected(world)
    agent.ask(label=LABEL)
    return world, agent, agent.told()


def test_addresses_are_given_at_once_and_nothing_is_written_by_reference_in_the_first_minute():
    world = SingleWorld(sweep_interval_s=0.0)
    agent = connected(world)
    agent.ask(for_reserve=True)
    agent.ask(label=LABEL)
    ready, told = agent.take(messages.Allocated)
    agent.let_go(told.allocation, was_held=False)
    agent.label(ready.allocation, LABEL)
    agent.stays(SETTLED_S - 2)
    assert world.written() == []
    agent.stays(2.0)
    assert [http.method for _, http in world.written()] == ["PUT", "DELETE"]
    assert agent.take(messages.Gone)
    assert agent.take(messages.Labelled)


def test_a_deletion_by_reference_follows_a_search_of_the_very_id():
    world, agent, told = settled()
    world.sent = []
    agent.let_go(told.allocation, was_held=False)
    ((search, deletion),) = world.written()
    assert (search.method, deletion.method) == ("GET", "DELETE")
    assert told.allocation in search.query
    assert world.objects() == {}


def test_an_id_is_not_deleted_again_for_a_minute_after_a_deletion_without_an_outcome():
    world, agent, told = settled()
    world.lose = {"DELETE"}
    agent.let_go(told.allocation, was_held=False)
    agent.stays(SETTLED_S - 2)
    assert [http.method for _, http in world.written()] == ["DELETE"]
    assert not agent.take(messages.Gone)
    agent.stays(4.0)
    assert [http.method for _, http in world.written()] == ["DELETE"]
    assert [each.allocations for each in agent.take(messages.Gone)] == [[told.allocation]]


def test_a_deletion_that_was_carried_out_late_is_confirmed_without_another():
    world, agent, told = settled()
    world.lose = {"DELETE"}
    agent.let_go(told.allocation, was_held=False)
    agent.stays(20.0)
    world.carry_out_late()
    agent.stays(60.0)
    assert [http.method for _, http in world.written()] == ["DELETE"]
    assert agent.take(messages.Gone)


def test_an_id_whose_label_may_still_be_written_is_not_deleted_so_that_nobody_else_gets_the_label():
    world, agent, _ = settled()
    agent.ask(for_reserve=True)
    ready = agent.told()
    world.sent = []
    world.lose = {"PUT"}
    agent.label(ready.allocation, LABEL)
    assert [http.method for http in world.held_back] == ["PUT"]
    agent.let_go(ready.allocation, was_held=False)
    agent.ask(label=LABEL)
    assert agent.told().address != ready.address
    agent.stays(SETTLED_S - 5)
    assert [http.method for _, http in world.written()] == ["PUT"]
    world.carry_out_late()
    assert ready.address in world.objects().values()
    agent.stays(10.0)
    assert [http.method for _, http in world.written()] == ["DELETE"]


def test_a_deletion_that_already_waits_looks_again_when_a_label_of_its_id_has_no_outcome():
    world, agent, _ = settled()
    agent.ask(for_reserve=True)
    ready = agent.told()
    agent.let_go(ready.allocation, was_held=True, age_ms=29_000)
    deletion = world.machine._deletions._tasks[ready.allocation]
    world.machine._references.doubt(ready.allocation, world.now_s)
    world.sent = []
    agent.stays(SETTLED_S - 2)
    assert world.written() == []
    assert deletion.ready_at_s > world.now_s
    agent.stays(4.0)
    assert [http.method for _, http in world.written()] == ["DELETE"]


def test_an_object_that_may_still_be_renamed_is_not_deleted():
    world, agent, told = settled()
    references = world.machine._references
    operation = WRITER.rename(told.allocation)
    task = RenameTask(operation, told.allocation, "pods", references)
    task.is_sent_separately = True
    assert task.unknown(world.now_s) is None
    assert task.ready_at_s == world.now_s + SETTLED_S
    world.sent = []
    agent.let_go(told.allocation, was_held=False)
    agent.stays(SETTLED_S - 2)
    assert world.written() == []
    agent.stays(4.0)
    assert [http.method for _, http in world.written()] == ["DELETE"]


def test_a_name_is_not_written_while_another_call_about_the_object_may_still_be_carried_out():
    world, _, told = settled()
    machine, outcomes = world.machine, []
    task = RenameTask(WRITER.rename(told.allocation), told.allocation, "pods", machine._references)
    machine._runner.submit(task, lambda outcome, _: outcomes.append(outcome), world.now_s)
    machine._references.doubt(told.allocation, world.now_s)
    world.sent = []
    world.passes(SETTLED_S - 1)
    assert world.written() == []
    assert not outcomes
    world.passes(2.0)
    assert [http.method for _, http in world.written()] == ["PUT"]
    assert outcomes


def allow_request(world):
    world.grid.faults = world.grid.faults.changed({"user_kind": "ordinary"})


def mode(world):
    return world.machine.status(None, world.now_s).grid.mode


def test_while_a_label_by_reference_may_still_come_request_is_not_tried_since_it_would_not_wait():
    world, agent, _ = settled(lookup_ttl_s=5.0)
    agent.ask(for_reserve=True)
    ready = agent.told()
    world.lose = {"PUT"}
    agent.label(ready.allocation, LABEL)
    allow_request(world)
    agent.let_go(ready.allocation, was_held=False)
    agent.stays(10.0)
    agent.ask(label=LABEL)
    assert agent.told().address != ready.address
    assert mode(world) == "separate"
    world.carry_out_late()
    assert ready.address in world.objects().values()
    agent.stays(SETTLED_S)
    agent.ask(label=LABEL)
    assert agent.told()
    assert mode(world) == "request"


def test_a_label_that_loses_its_outcome_while_request_is_about_to_be_tried_puts_that_off(monkeypatch):
    world, agent, _ = settled()
    agent.ask(for_reserve=True)
    ready = agent.told()
    request = world.machine._lane.request
    transport = world._transport

    def while_it_is_sent(http, read_timeout_s):
        if http.method == "PUT":
            request.try_again()
        return transport(http, read_timeout_s)

    monkeypatch.setattr(world, "_transport", while_it_is_sent)
    world.lose = {"PUT"}
    agent.label(ready.allocation, LABEL)
    assert request.form is Form.SEPARATE
    assert not request.single_forbidden(Form.REQUEST)


def test_no_id_is_ever_written_by_reference():
    world, agent, told = settled()
    edit(world, told.address, extattrs={})
    world.sent = []
    agent.hello(claims=[claim(told)])
    world.machine._sweeper.start(world.now_s)
    sweep(world, agent)
    sweep(world, agent)
    assert world.written() == []
    assert world.objects() == {}
    assert "repair_failed" in world.notes
    assert not agent.take(messages.Lost)


@pytest.mark.parametrize("options", [{"several": True}, {"has_one_leader": False}])
def test_where_others_may_write_meanwhile_nothing_is_asked_of_such_a_grid(options):
    world = SingleWorld(**options)
    agent = connected(world)
    agent.ask()
    (declined,) = agent.take(messages.Declined)
    assert (declined.code, "request" in declined.msg) == (GRID_FORBIDS, True)
    world.passes(2 * SETTLED_S)
    assert world.written() == []


def test_a_write_by_reference_is_not_sent_when_the_lease_has_ended_since_its_search():
    sent = []

    def transport(http, read_timeout_s):
        sent.append(http.method)
        return [{"_ref": "fixedaddress/1", "extattrs": {"Allocation ID": {"value": "x"}}}]

    deletion = DeleteFound("fixedaddress", {"*Allocation ID": "x"}, ("extattrs",))
    call = Call(1, (deletion,), Form.SEPARATE, 5.0)
    landing = perform(call, transport, lambda: 0.0, may_write=lambda: False)
    assert isinstance(landing, Refused)
    assert sent == ["GET"]


def test_no_http_library_sends_a_call_again():
    session = ReplyBounds(lambda: 0.0).session(verify=False)
    retries = session.get_adapter("https://grid/").max_retries
    assert (retries.total, retries.read) == (0, False)
