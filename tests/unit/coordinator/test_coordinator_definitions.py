"""What the grid says of our attributes, and of `request`: told before anything is made, and learnt anew."""

import pytest
from machine_world import NETWORK, World
from test_coordinator_machine import LABEL, connected

from coordinator.core.attributes import AttributeNames
from coordinator.core.errors import EA_MISTYPED, EA_UNDEFINED, GRID_REFUSED, GridForbids
from coordinator.grid.calls import Form
from coordinator.grid.exchange import NotSentError
from gridsim.database.faults import Faults
from gridsim.model import Grid
from protocol.attributes import TYPES, misfit
from protocol.wire import messages

SITES = {"name": "Location", "type": "ENUM", "list_values": [{"value": "Berlin"}]}
NAMED = {"Network Name": {"value": "pods"}}
BAD_NEWS_S = 6.0


def with_types(**other):
    """A grid that defines all nine, some otherwise."""
    grid = Grid(definitions="none")
    for name, kind in TYPES.items():
        listed = {"list_values": [{"value": "True"}, {"value": "False"}]} if kind == "ENUM" else {}
        grid.create("extensibleattributedef", {"name": name, "type": kind, **listed, **other.get(name, {})})
    return grid


def definition(grid, name):
    (found,) = [each for each in grid.objects("extensibleattributedef") if each["name"] == name]
    return found


def define_anew(grid, **fields):
    """Somebody gives Location another type, for which it has to be deleted."""
    grid.delete(definition(grid, "Location")["_ref"])
    grid.create("extensibleattributedef", {"name": "Location", **fields})


def taken(grid):
    """What there is besides definitions and the default view."""
    return [each for kind in ("networkview", "network", "fixedaddress") for each in grid.objects(kind)][1:]


def test_an_attribute_that_is_a_list_of_sites_is_told_at_start_with_the_remedy():
    world = World(grid=with_types(Location=SITES))
    (alarm,) = world.machine.status(None, world.now_s).alarms
    assert alarm.kind == "definitions_mistyped"
    assert "--ea 'Location=OTHER'" in alarm.text
    assert world.notes.count("definitions_mistyped") == 1


@pytest.mark.parametrize("changes", [{}, {"view": "blue", "gateway": "10.55.0.1"}])
def test_while_a_name_is_taken_no_view_network_or_gateway_is_made(changes):
    world = World(grid=with_types(Location=SITES))
    agent = connected(world)
    agent.ask(label=LABEL, **changes)
    (declined,) = agent.take(messages.Declined)
    assert (declined.code, declined.kind) == (EA_MISTYPED, messages.DeclineKind.REFUSED)
    assert "Location (ENUM)" in declined.msg
    assert "--ea 'Location=OTHER'" in declined.details
    assert taken(world.grid) == []


def test_an_existing_network_gets_no_gateway_either():
    grid = with_types(Location=SITES)
    grid.create("network", {"network": NETWORK.subnet, "extattrs": NAMED})
    agent = connected(World(grid=grid))
    agent.ask(label=LABEL, gateway="10.55.0.1")
    assert agent.take(messages.Declined)
    assert grid.objects("fixedaddress") == []


def test_the_name_that_was_given_instead_may_be_taken_too():
    grid = with_types()
    grid.create("extensibleattributedef", {"name": "Rack", "type": "INTEGER"})
    world = World(grid=grid, names=AttributeNames.renamed(["Location=Rack"]))
    (alarm,) = world.machine.status(None, world.now_s).alarms
    assert "--ea 'Location=OTHER'" in alarm.text


def test_once_the_name_is_free_the_next_ask_is_served_and_the_alarm_is_over():
    world = World(grid=with_types(Location=SITES))
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.take(messages.Declined)
    define_anew(world.grid, type="STRING")
    world.passes(BAD_NEWS_S)
    agent.ask(label=LABEL)
    assert agent.told()
    assert world.machine.status(None, world.now_s).alarms == ()


def test_definitions_are_believed_for_their_time_and_asked_again_only_when_somebody_needs_them():
    world = World(lookup_ttl_s=300.0, sweep_interval_s=0.0)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    define_anew(world.grid, type="ENUM", list_values=[{"value": "node-1"}])
    agent.stays(299.0)
    calls_before = world.calls
    agent.stays(1_800.0)
    assert world.calls == calls_before
    agent.ask(label=LABEL)
    assert agent.told()
    assert "definitions_mistyped" in world.notes
    agent.ask(label=LABEL)
    (declined,) = agent.take(messages.Declined)
    assert declined.code == EA_MISTYPED


def test_a_definition_that_somebody_deletes_is_noticed_by_the_refusal_and_made_again():
    world = World(sweep_interval_s=0.0)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    world.passes(BAD_NEWS_S)
    world.grid.delete(definition(world.grid, "VM Name")["_ref"])
    agent.ask(label=LABEL)
    (declined,) = agent.take(messages.Declined)
    assert declined.code == EA_UNDEFINED
    agent.ask(label=LABEL)
    assert agent.told()
    assert "definitions_created" in world.notes


def test_a_name_that_is_taken_later_is_noticed_by_the_refusal_in_a_network_that_is_known():
    world = World(sweep_interval_s=0.0)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    world.passes(BAD_NEWS_S)
    define_anew(world.grid, type="ENUM", list_values=[{"value": "Berlin"}])
    codes = []
    for _ in range(3):
        agent.ask(label=LABEL)
        codes += [each.code for each in agent.take(messages.Declined)]
    assert codes == [GRID_REFUSED, GRID_REFUSED, EA_MISTYPED]


@pytest.mark.parametrize("get_element", ["list", "object", "flattened"])
@pytest.mark.parametrize("user_kind", ["superuser", "no-request"])
def test_all_definitions_are_found_by_one_search_whatever_their_names(user_kind, get_element):
    grid = Grid(definitions="none", faults=Faults(user_kind=user_kind, get_element=get_element))
    names = AttributeNames.renamed(["Location=Rack (U.1) [a|b]*", "VM ID=C++"])
    for called, kind in names.types().items():
        grid.create("extensibleattributedef", {"name": called, "type": "STRING" if kind == "ENUM" else kind})
    grid.create("extensibleattributedef", {"name": "Rack (Uu1)", "type": "INTEGER"})
    grid.create("network", {"network": NETWORK.subnet, "extattrs": NAMED})
    world = World(grid=grid, names=names)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    status = world.machine.status(None, world.now_s)
    assert (status.grid.missing_definitions, status.alarms) == ((), ())
    assert "definitions_created" not in world.notes


def test_a_user_who_is_shown_no_definitions_is_served():
    grid = with_types()
    grid.create("network", {"network": NETWORK.subnet, "extattrs": NAMED})
    grid.faults = grid.faults.changed({"invisible": "extensibleattributedef", "user_kind": "ordinary"})
    world = World(grid=grid)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    assert len(world.machine.status(None, world.now_s).grid.missing_definitions) == len(TYPES)


@pytest.mark.parametrize(
    ("found", "kind", "why"),
    [
        ({"type": "STRING"}, "ENUM", ""),
        ({"type": "ENUM", "list_values": [{"value": "True"}, {"value": "False"}]}, "ENUM", ""),
        ({"type": "ENUM", "list_values": [{"value": "yes"}]}, "ENUM", "ENUM without True"),
        ({"type": "ENUM", "list_values": [{"value": "True"}]}, "STRING", "ENUM"),
        ({"type": "INTEGER"}, "STRING", "INTEGER"),
        ({}, "STRING", ""),
    ],
)
def test_what_does_not_take_our_values(found, kind, why):
    assert misfit(found, kind) == why


# `request`


class Users(World):
    """A grid whose user may use `request`, or may not; `forbids` names methods that are answered by 403."""

    def __init__(self, user_kind, **options):
        grid = Grid(faults=Faults(user_kind=user_kind))
        grid.create("network", {"network": NETWORK.subnet, "extattrs": NAMED})
        self.forbids = set()
        super().__init__(grid=grid, sweep_interval_s=0.0, **options)

    def allow(self, user_kind):
        self.grid.faults = self.grid.faults.changed({"user_kind": user_kind})

    def mode(self):
        return self.machine.status(None, self.now_s).grid.mode

    def _transport(self, http, read_timeout_s):
        what = "request" if "request" in http.path else "single"
        if what in self.forbids:
            raise NotSentError(GridForbids(user="pods", grid="grid"))
        return super()._transport(http, read_timeout_s)


def test_a_user_who_is_allowed_request_uses_it_soon():
    world = Users("no-request", lookup_ttl_s=10.0)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.told()
    assert world.mode() == "separate"
    world.allow("superuser")
    agent.stays(62.0)
    agent.ask(label=LABEL)
    assert agent.told()
    assert world.mode() == "request"
    assert world.notes.count("request_probed") == 1


def test_what_would_have_waited_for_ever_goes_when_request_is_allowed_again():
    world = Users("ordinary", lookup_ttl_s=10.0, several=True)
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.allow("no-request")
    agent.let_go(told.allocation, was_held=False)
    agent.stays(120.0)
    assert told.allocation in world.objects()
    world.allow("ordinary")
    agent.ask(label=LABEL)
    assert agent.take(messages.Declined)
    assert world.objects() == {}
    assert agent.take(messages.Gone)


def test_where_several_serve_an_ask_that_is_refused_finds_out_that_request_is_allowed_by_now():
    world = Users("no-request", lookup_ttl_s=10.0, several=True)
    agent = connected(world)
    agent.ask(label=LABEL)
    assert agent.take(messages.Declined)
    world.allow("ordinary")
    agent.stays(12.0)
    agent.ask(label=LABEL)
    assert agent.take(messages.Declined)
    agent.ask(label=LABEL)
    assert agent.told()


def test_a_user_who_may_not_use_request_is_told_once_however_often_it_is_tried():
    world = Users("no-request", lookup_ttl_s=10.0)
    agent = connected(world)
    for _ in range(4):
        agent.ask(label=LABEL)
        assert agent.told()
        assert world.mode() == "separate"
        agent.stays(12.0)
    assert world.notes.count("request_not_allowed") == 1


@pytest.mark.parametrize("forbidden_by", ["a refusal", "a status 403"])
def test_request_that_is_forbidden_later_is_done_without(forbidden_by):
    world = Users("superuser")
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    if forbidden_by == "a refusal":
        world.allow("no-request")
    else:
        world.forbids = {"request"}
    agent.let_go(told.allocation, was_held=False)
    agent.ask(label=LABEL)
    assert agent.told()
    assert world.mode() == "separate"
    agent.stays(70.0)
    assert agent.take(messages.Gone)


def test_where_everything_is_forbidden_nothing_is_learnt_about_request():
    world = Users("superuser")
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.forbids = {"request", "single"}
    agent.let_go(told.allocation, was_held=False)
    agent.ask(label=LABEL)
    assert agent.take(messages.Declined)
    assert world.mode() == "request"
    assert world.machine.status(None, world.now_s).grid.state == "unavailable"
    world.forbids = set()
    agent.stays(130.0)
    assert agent.take(messages.Gone)
    assert world.mode() == "request"


def test_from_the_start_on_everything_may_be_forbidden_for_a_while():
    world = Users("superuser")
    world.forbids = {"request", "single"}
    world.restart()
    assert world.mode() == "unknown"
    world.forbids = set()
    world.passes(130.0)
    assert world.mode() == "request"


def test_a_single_call_in_flight_says_nothing_about_request():
    world = Users("no-request")
    world.machine._lane.request.try_again()
    assert world.machine._lane.request.answered(Form.SEPARATE) == []
    assert world.machine._lane.request.form is None
