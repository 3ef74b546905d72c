"""The coordinator makes, labels and deletes by id, and asks the owners; it decides about no pod."""

from machine_world import NETWORK, Agent, Fate, World

from coordinator.core.networks import Network
from coordinator.grid.exchange import RefusedError
from coordinator.grid.operations import Search
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import COMPANY_S
from coordinator.nodes.events import Received
from coordinator.sweep import questions
from gridsim.database import calls
from protocol.wire import messages, values
from protocol.wire.values import ClaimRow, Label, State

LABEL = Label(container_id="c1", ifname="eth0", pod="web-1", pod_namespace="shop")


def claim(told: messages.Allocated, state: State = State.HELD) -> ClaimRow:
    return ClaimRow(
        allocation=told.allocation,
        view=told.view,
        subnet=told.subnet,
        network_name=NETWORK.name,
        address=told.address,
        state=state,
        seal=told.seal,
    )


def reserved(address: str, allocation: str):
    return {"ipv4addr": address, "match_client": "RESERVED", "extattrs": {"Allocation ID": {"value": allocation}}}


def connected(world: World, **who):
    agent = world.agent(**who)
    agent.hello()
    return agent


def test_a_hello_is_welcomed_with_the_complete_set_of_orphans():
    agent = World(reserve=3).agent()
    welcome = agent.hello()
    assert (welcome.cluster, welcome.reserve) == ("c0ffee000000", 3)
    (orphans,) = agent.take(messages.Orphans)
    assert (orphans.rows, orphans.last) == ([], True)


def test_before_the_listing_nothing_is_compared_and_addresses_are_given():
    world = World(listed=False)
    agent = connected(world)
    assert not agent.take(messages.Orphans)
    world.feed()
    assert world.machine.index.is_complete is False
    agent.ask(for_reserve=True)
    (declined,) = agent.take(messages.Declined)
    assert declined.kind is messages.DeclineKind.TRY_AGAIN


def test_an_ask_on_a_warm_coordinator_is_one_call():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    agent.told()
    calls = world.calls
    allocation = agent.ask(label=LABEL.model_copy(update={"container_id": "c2"}))
    told = agent.told()
    assert world.calls == calls + 1
    assert world.objects()[allocation] == told.address
    assert (told.subnet, told.view) == (NETWORK.subnet, "default")


def test_asks_that_arrive_together_share_calls():
    world = World()
    agent = connected(world)
    agent.ask()
    calls = world.calls
    for _ in range(5):
        agent.ask()
    assert world.calls == calls + 5
    assert len({each.address for each in agent.take(messages.Allocated)}) == 6


def test_an_id_is_used_once():
    world = World()
    agent = connected(world)
    allocation = agent.ask()
    agent.say(
        messages.Allocate(id="again", wants=[values.Want(allocation=allocation, network=NETWORK)], budget_ms=1000)
    )
    (declined,) = agent.take(messages.Declined)
    assert declined.code == 106
    assert len(world.objects()) == 1


def test_an_id_of_another_node_is_declined():
    world = World()
    one, other = connected(world), connected(world, node="node-2")
    allocation = str(one.owner.draw(world.draw()))
    other.say(
        messages.Allocate(id="x", wants=[values.Want(allocation=allocation, network=NETWORK)], budget_ms=1000)
    )
    (declined,) = other.take(messages.Declined)
    assert declined.code == 101


def test_what_is_let_go_rests_before_it_is_deleted_and_is_then_confirmed():
    world = World(release_delay_s=30.0)
    agent = connected(world)
    allocation = agent.ask()
    agent.let_go(allocation)
    world.passes(29.0)
    assert allocation in world.objects()
    world.passes(1.5)
    assert world.objects() == {}
    assert [gone.allocations for gone in agent.take(messages.Gone)] == [[allocation]]


def test_an_age_counts_towards_the_rest_and_what_was_never_held_has_none():
    world = World(release_delay_s=30.0)
    agent = connected(world)
    held, ready = agent.ask(), agent.ask(for_reserve=True)
    agent.let_go(ready, was_held=False)
    assert list(world.objects()) == [held]
    agent.let_go(held, age_ms=29_000)
    world.passes(1.5)
    assert world.objects() == {}


def test_a_let_go_outlives_its_node():
    world = World(release_delay_s=30.0)
    agent = connected(world)
    agent.let_go(agent.ask())
    connected(world, node="node-2")
    world.passes(31.0)
    assert world.objects() == {}


def test_a_label_is_written_and_confirmed_and_its_repeat_costs_no_call():
    world = World()
    agent = connected(world)
    allocation = agent.ask(for_reserve=True)
    assert world.names() == ["reserve"]
    agent.label(allocation, LABEL)
    assert [each.allocations for each in agent.take(messages.Labelled)] == [[allocation]]
    assert world.names() == ["web-1"]
    calls = world.calls
    agent.label(allocation, LABEL)
    assert agent.take(messages.Labelled)
    assert world.calls == calls


def test_a_label_of_which_the_grid_takes_a_part_is_written_once():
    world = World()
    agent, other = connected(world), connected(world, node="node-2")
    shared = LABEL.model_copy(update={"mac": "02:00:00:00:00:07", "pod_uid": "5f0e"})
    other.ask(label=shared)
    allocation = agent.ask()
    agent.label(allocation, shared)
    assert agent.take(messages.Labelled)
    calls = world.calls
    agent.label(allocation, shared)
    assert agent.take(messages.Labelled)
    assert world.calls == calls


def test_the_outcome_of_a_lost_create_is_searched_by_its_id():
    world = World()
    agent = connected(world)
    agent.ask()
    agent.told()
    fates = iter([Fate.REPLY_LOST])
    world.fate = lambda call: next(fates, Fate.ANSWERED)
    allocation = agent.ask()
    assert agent.told().allocation == allocation
    assert len(world.objects()) == 2


def test_a_create_that_commits_late_is_disowned_and_deleted():
    world = World()
    agent = connected(world)
    told = agent.ask()
    agent.told()
    late = str(agent.owner.draw(world.draw()))
    world.passes(1.0)
    _commit(world, late, agent)
    assert [each.allocations for each in agent.take(messages.Whose)] == [[late]]
    agent.hello(claims=[])
    (whose,) = agent.take(messages.Whose)
    assert sorted(whose.allocations) == sorted([told, late])
    agent.say(messages.Answer(id="a", mine=[told], disowned=[late]))
    assert list(world.objects()) == [told]


def _commit(world: World, allocation: str, agent: Agent) -> None:
    """A create of another coordinator is committed, and the next listing shows it."""
    create = Writer("c0ffee000000", "prod-1").create(
        allocation, agent.node, Network("default", NETWORK.subnet, None, NETWORK.name), None, None
    )
    world.grid.create("fixedaddress", dict(create.data))
    agent.stays(601.0)


def test_nobody_disowns_the_id_of_another_journal():
    world = World()
    first = connected(world)
    allocation = first.ask()
    second = world.agent(journal="6" * 8)
    second.hello()
    second.say(messages.Answer(id="a", disowned=[allocation]))
    assert allocation in world.objects()


def test_a_lost_journal_is_told_its_orphans_and_may_let_them_go():
    world = World(release_delay_s=0.0)
    first = connected(world)
    allocation = first.ask(label=LABEL)
    told = first.told()
    second = world.agent(journal="6" * 8)
    second.hello()
    (orphans,) = second.take(messages.Orphans)
    (row,) = orphans.rows
    assert (row.allocation, row.address, row.label, row.seal) == (allocation, told.address, LABEL, told.seal)
    assert orphans.last
    second.let_go(allocation)
    second.stays(60.0)
    assert world.objects() == {}
    assert second.take(messages.Gone)


def test_what_an_adopter_lets_go_stays_while_the_journal_that_drew_it_is_heard():
    world = World(release_delay_s=0.0)
    first = connected(world)
    allocation = first.ask(label=LABEL)
    told = first.told()
    twin = connected(world, journal="6" * 8)
    twin.let_go(allocation)
    twin.stays(50.0)
    first.hello(claims=[claim(told)])
    first.stays(20.0)
    twin.hello(let_go=[values.LetGoRow(allocation=allocation, family=4, age_ms=0, was_held=True)])
    twin.stays(59.0)
    assert world.objects() == {allocation: told.address}
    twin.stays(1.0)
    assert world.objects() == {}
    assert twin.take(messages.Gone)


def test_what_an_adopter_lets_go_goes_at_once_where_the_journal_that_drew_it_disowns_it():
    world = World(release_delay_s=0.0)
    first = connected(world)
    allocation = first.ask(label=LABEL)
    twin = connected(world, journal="6" * 8)
    twin.let_go(allocation)
    first.take(messages.Whose)
    first.hello()
    assert [whose.allocations for whose in first.take(messages.Whose)] == [[allocation]]
    first.say(messages.Answer(id="a", disowned=[allocation]))
    assert world.objects() == {}


def test_after_a_restart_nobody_is_known_to_be_silent_before_a_minute():
    world = World(release_delay_s=0.0)
    allocation = connected(world).ask(label=LABEL)
    world.passes(600.0)
    world.restart()
    after = connected(world, journal="6" * 8)
    after.let_go(allocation)
    after.stays(59.0)
    assert allocation in world.objects()
    after.stays(1.0)
    assert world.objects() == {}


def test_orphans_are_told_by_a_grid_that_takes_few_operations_in_a_call():
    world = World()
    takes_all = world._transport

    def takes_two(http, read_timeout_s):
        if isinstance(http.body, list) and len(http.body) > 2:
            raise RefusedError(Refusal(Kind.TOO_BIG, "HTTP status 413"))
        return takes_all(http, read_timeout_s)

    agent = connected(world)
    left = {agent.ask(label=LABEL) for _ in range(5)}
    world._transport = takes_two
    after = connected(world, journal="6" * 8)
    (orphans,) = after.take(messages.Orphans)
    assert {row.allocation for row in orphans.rows} == left


def test_orphans_that_are_gone_before_they_are_read_end_the_page_that_had_them(monkeypatch):
    monkeypatch.setattr(questions, "ORPHANS_READ_AT_ONCE_MAX", 1)
    world = World()
    agent = connected(world)
    left = [agent.ask(label=LABEL) for _ in range(2)]
    after = world.agent(journal="6" * 8)
    read = []

    def second_goes(call):
        read.extend(each for each in call.operations if isinstance(each, Search))
        searched = read and next(iter(read[0].criteria.values()))
        for allocation in left:
            if searched and allocation != searched:
                world.machine.index.drop(allocation)
        return Fate.ANSWERED

    world.fate = second_goes
    after.hello()
    pages = after.take(messages.Orphans)
    assert [len(page.rows) for page in pages] == [1, 0]
    assert pages[-1].last


def test_an_address_that_is_named_is_refused_and_not_replaced_by_another():
    world = World()
    agent = connected(world)
    want = values.Want(allocation=str(agent.owner.draw(world.draw())), network=NETWORK, address="10.55.0.77")
    agent.say(messages.Allocate(id="ask-1", wants=[want], budget_ms=50_000, label=LABEL))
    (declined,) = agent.take(messages.Declined)
    assert (declined.allocation, declined.code) == (want.allocation, 7)
    assert "10.55.0.77" in declined.msg
    assert world.objects() == {}


def test_an_address_that_the_grid_forgot_is_told_to_nobody_else_and_is_put_back():
    world = World()
    one, other = connected(world), connected(world, node="node-2")
    kept = one.ask(label=LABEL)
    told = one.told()
    world.delete_by_admin(told.address)
    taken = other.ask()
    assert not other.take(messages.Allocated)
    (unknown,) = other.take(messages.Unknown)
    assert unknown.allocation == taken
    other.let_go(taken, was_held=False)
    assert world.objects() == {kept: told.address}
    (please,) = one.take(messages.PleaseLabel)
    assert please.allocations == [kept]
    assert "grid_forgot" in world.notes
    other.ask()
    assert other.told().address != told.address


def test_an_address_that_a_silent_node_claims_is_put_back_before_another_is_given():
    world = World()
    silent, asker = connected(world), connected(world, node="node-2")
    silent.ask(label=LABEL)
    kept = silent.told()
    asker.stays(40.0)
    world.delete_by_admin(kept.address)
    asker.let_go(asker.ask(), was_held=False)
    assert asker.take(messages.Unknown)
    asker.ask()
    assert asker.told().address != kept.address
    assert world.objects()[kept.allocation] == kept.address


def test_what_was_put_back_for_a_silent_node_and_is_gone_again_is_no_claim_any_more():
    world = World()
    silent, asker = connected(world), connected(world, node="node-2")
    silent.ask(label=LABEL)
    left = silent.told()
    asker.stays(40.0)
    world.delete_by_admin(left.address)
    asker.let_go(asker.ask(), was_held=False)
    assert world.objects()[left.allocation] == left.address
    asker.stays(600.0)
    world.delete_by_admin(left.address)
    asker.let_go(asker.ask(), was_held=False)
    assert left.allocation not in world.objects()
    asker.take(messages.Unknown)
    asker.ask()
    assert asker.told().address == left.address


def test_what_was_put_back_for_a_node_that_is_heard_again_is_put_back_once_more():
    world = World()
    agent, asker = connected(world), connected(world, node="node-2")
    agent.ask(label=LABEL)
    kept = agent.told()
    for _ in range(2):
        asker.stays(40.0)
        world.delete_by_admin(kept.address)
        asker.let_go(asker.ask(), was_held=False)
        assert world.objects()[kept.allocation] == kept.address
        agent.say(messages.Ping(id="ping"))


def test_an_orphan_that_comes_back_after_it_was_let_go_is_told_again():
    world = World()
    agent = connected(world)
    left = agent.ask(label=LABEL)
    after = connected(world, journal="6" * 8)
    assert after.take(messages.Orphans)
    after.let_go(left, was_held=False)
    after.stays(60.0)
    assert after.take(messages.Gone)
    world.grid.create("fixedaddress", reserved("10.55.0.77", left))
    after.stays(600.0)
    (orphans,) = after.take(messages.Orphans)
    assert [row.allocation for row in orphans.rows] == [left]


def test_a_claim_whose_place_waits_for_an_owner_that_is_away_stops_nobody():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    parked = agent.told()
    world.delete_by_admin(parked.address)
    world.restart()
    away = connected(world, node="node-3")
    away.ask(label=LABEL)
    assert away.told().address == parked.address
    world.restart()
    agent.hello(claims=[claim(parked)])
    agent.ask(label=LABEL)
    forgotten = agent.told()
    world.delete_by_admin(forgotten.address)
    asker = connected(world, node="node-2")
    asker.let_go(asker.ask(), was_held=False)
    assert asker.take(messages.Unknown)
    asker.ask()
    assert asker.told()


def test_a_claim_is_lost_when_another_journal_adopts_what_has_its_place():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    mine = agent.told()
    world.delete_by_admin(mine.address)
    world.restart()
    away = connected(world, node="node-2")
    away.ask(label=LABEL)
    assert away.told().address == mine.address
    world.restart()
    agent.hello(claims=[claim(mine)])
    assert not agent.take(messages.Lost)
    connected(world, node="node-2", journal="6" * 8)
    agent.stays(700.0)
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [mine.allocation]


def test_a_claim_whose_id_somebody_has_written_on_another_object_is_lost():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    first = agent.told()
    agent.ask(label=LABEL.model_copy(update={"container_id": "c2"}))
    second = agent.told()
    world.delete_by_admin(first.address)
    world.write_id_by_admin(second.address, first.allocation)
    agent.stays(700.0)
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [first.allocation]
    agent.say(messages.Answer(id="a", mine=[first.allocation]))
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [second.allocation]


def test_of_several_coordinators_none_waits_for_a_journal_that_only_another_one_hears():
    world = World(several=True)
    agent = connected(world)
    agent.ask(label=LABEL)
    mine = agent.told()
    world.delete_by_admin(mine.address)
    world.restart()
    elsewhere = connected(world, node="node-2")
    elsewhere.ask(label=LABEL)
    assert elsewhere.told().address == mine.address
    world.restart()
    agent.hello(claims=[claim(mine)])
    agent.stays(30.0)
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [mine.allocation]


def test_ids_that_the_grid_never_held_are_let_go_without_a_refusal():
    world = World(release_delay_s=0.0)
    agent = connected(world)
    held = agent.ask(label=LABEL)
    strays = [str(agent.owner.draw(world.draw())) for _ in range(5)]
    calls = world.calls
    agent.let_go(*strays, held)
    assert world.calls == calls + 1
    assert sorted(id_ for gone in agent.take(messages.Gone) for id_ in gone.allocations) == sorted([*strays, held])


def test_a_claim_is_lost_when_somebody_else_has_its_address():
    world = World()
    agent = connected(world)
    kept = agent.ask(label=LABEL)
    told = agent.told()
    world.delete_by_admin(told.address)
    world.create_by_admin(told.address)
    agent.stays(601.0)
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == kept


def test_a_claim_counts_by_its_seal_and_another_is_ignored():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.delete_by_admin(told.address)
    world.restart()
    forged = claim(told).model_copy(update={"address": "10.55.0.200"})
    agent.hello(claims=[forged])
    assert "claim_ignored" in world.notes
    assert world.objects() == {}
    agent.hello(claims=[claim(told)])
    assert world.objects() == {told.allocation: told.address}


def test_of_two_claims_to_an_address_that_the_grid_has_forgotten_the_first_stays():
    world = World()
    one, other = connected(world), connected(world, node="node-2")
    one.ask(label=LABEL)
    first = one.told()
    world.delete_by_admin(first.address)
    world.restart()
    other = connected(world, node="node-2")
    other.ask(label=LABEL)
    second = other.told()
    assert second.address == first.address
    world.delete_by_admin(second.address)
    world.restart()
    one.hello(claims=[claim(first)])
    other.hello(claims=[claim(second)])
    assert [each.allocation for each in other.take(messages.Lost)] == [second.allocation]
    assert not one.take(messages.Lost)
    assert world.objects() == {first.allocation: first.address}


def test_of_two_claims_the_grid_says_which_stays_where_the_index_does_not_know():
    world = World(sweep_interval_s=0)
    gone, other = connected(world), connected(world, node="node-2")
    gone.ask(label=LABEL)
    stale = gone.told()
    world.delete_by_admin(stale.address)
    world.grid.create("fixedaddress", reserved(stale.address, held := str(other.owner.draw("7" * 12))))
    made = world.machine._sealer.seal(held, stale.view, stale.address)
    row = claim(stale.model_copy(update={"allocation": held, "seal": made}))
    other.hello(claims=[row])
    assert not other.take(messages.Lost)
    assert [each.allocation for each in gone.take(messages.Lost)] == [stale.allocation]


def test_a_claim_that_the_grid_holds_stays_whoever_came_first():
    world = World()
    one = connected(world)
    one.ask(label=LABEL)
    first = one.told()
    world.delete_by_admin(first.address)
    world.restart()
    other = connected(world, node="node-2")
    other.ask(label=LABEL)
    second = other.told()
    assert second.address == first.address
    world.restart()
    one.hello(claims=[claim(first)])
    other.hello(claims=[claim(second)])
    assert [each.allocation for each in one.take(messages.Lost)] == [first.allocation]
    assert world.objects() == {second.allocation: second.address}


def test_a_reboot_frees_what_the_earlier_boot_had_after_a_minute_of_silence_and_a_probe():
    world = World()
    before = connected(world)
    before.ask(label=LABEL)
    world.passes(20.0)
    after = connected(world, boot="4" * 8, journal="7" * 8)
    new = after.ask(label=LABEL)
    assert len(world.objects()) == 2
    world.passes(30.0)
    assert not after.take(messages.Probe)
    world.passes(20.0)
    (probe,) = after.take(messages.Probe)
    assert len(world.objects()) == 2
    after.say(messages.ProbeAnswer(id="p", nonce=probe.nonce))
    assert list(world.objects()) == [new]


def test_a_copied_machine_frees_nothing_and_both_are_told():
    world = World()
    original = connected(world)
    kept = original.ask(label=LABEL)
    clone = connected(world, machine="8" * 8, boot="4" * 8, journal="7" * 8)
    world.passes(120.0)
    assert not clone.take(messages.Probe)
    original.say(messages.Ping(id="p"))
    world.passes(16.0)
    original.say(messages.Ping(id="p"))
    assert "two_machines" in world.notes
    assert original.take(messages.Notice)
    assert clone.take(messages.Notice)
    assert kept in world.objects()


def test_a_machine_that_does_not_say_which_it_is_proves_nothing():
    world = World()
    before = connected(world, machine="0" * 8)
    kept = before.ask(label=LABEL)
    after = connected(world, machine="0" * 8, boot="4" * 8, journal="7" * 8)
    world.passes(700.0)
    assert not after.take(messages.Probe)
    assert kept in world.objects()


def test_asks_end_with_their_connection():
    world = World()
    agent = connected(world)
    agent.ask()
    agent.hello()
    (whose,) = agent.take(messages.Whose)
    agent.say(messages.Answer(id="a", disowned=list(whose.allocations)))
    assert world.objects() == {}


def test_what_a_call_makes_for_an_ask_that_has_ended_is_nobodys_claim():
    world = World()
    first, again = connected(world), world.agent()

    def fate(call):
        world.fate = lambda _: Fate.ANSWERED
        again.hello()
        return Fate.ANSWERED

    first.ask()
    address = first.told().address
    world.fate = fate
    first.ask()
    assert not first.take(messages.Allocated)
    (made,) = [each for each in world.objects().values() if each != address]
    assert not world.machine.sessions.claims_at("default", made)


def test_a_restarted_coordinator_reads_what_the_grid_holds():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.restart()
    assert len(world.machine.index) == 1
    agent.hello(claims=[claim(told)])
    assert not agent.take(messages.Whose)
    assert not agent.take(messages.PleaseLabel)


def test_the_reserve_is_granted_one_to_each_before_anybody_has_a_second():
    world = World(reserve=2)
    one, other = connected(world), connected(world, node="node-2")
    one.ask(for_reserve=True)
    one.told()
    other.ask(for_reserve=True)
    other.told()
    one.ask(for_reserve=True)
    one.told()
    one.ask(for_reserve=True)
    (declined,) = one.take(messages.Declined)
    assert declined.kind is messages.DeclineKind.NO_RESERVE


def test_what_a_node_has_just_given_to_a_pod_is_refilled_before_its_label_is_told():
    world = World(reserve=1)
    agent = connected(world)
    agent.ask(for_reserve=True, ready=0)
    given = agent.told()
    agent.ask(for_reserve=True, ready=1)
    assert agent.take(messages.Declined)

    agent.ask(for_reserve=True, ready=0)

    assert agent.told().address != given.address


def test_a_refill_of_an_exhausted_network_costs_no_call_until_an_address_may_be_free():
    world = World()
    agent = connected(world)
    kept = agent.ask(label=LABEL)
    taken = agent.told().address
    for number in range(1, 255):
        if taken != f"10.55.0.{number}":
            world.create_by_admin(f"10.55.0.{number}")
    agent.ask(for_reserve=True)
    before = world.calls
    agent.ask(for_reserve=True)
    assert world.calls == before
    agent.let_go(kept, was_held=False)
    agent.ask(for_reserve=True)
    assert agent.told().address == taken


def test_an_exhausted_network_is_refused_by_name_after_what_rests_was_freed():
    world = World(release_delay_s=30.0)
    agent = connected(world)
    small = {"subnet": "10.56.0.0/30", "name": "small"}
    first = agent.ask(**small)
    agent.ask(**small)
    assert len(agent.take(messages.Allocated)) == 2
    agent.ask(**small)
    (declined,) = agent.take(messages.Declined)
    assert "no address left in network 10.56.0.0/30" in declined.msg
    world.passes(6.0)
    agent.let_go(first)
    agent.ask(**small)
    assert agent.told().subnet == "10.56.0.0/30"


def test_status_says_who_claims_what_and_how_each_network_is_used():
    world = World(reserve=2)
    agent = connected(world)
    agent.ask(label=LABEL)
    agent.ask(for_reserve=True)
    held, _ = agent.take(messages.Allocated)
    agent.ask(label=LABEL)
    agent.let_go(agent.told().allocation)

    status = world.machine.status(None, world.now_s)

    (node,) = status.nodes
    assert (node.node, node.driver, node.boot, node.held, node.ready) == ("node-1", "infoblox", "3" * 8, 1, 1)
    assert node.connected_s is not None
    (network,) = status.networks
    assert (network.subnet, network.allocations, network.ready, network.ready_wanted) == (held.subnet, 3, 1, 2)
    assert (network.resting, network.size, status.deletions_waiting) == (1, 254, 1)
    assert (status.listed, status.allocations, status.grid.state, status.grid.mode) == (True, 3, "ok", "request")
    assert status.sweep.listed_s_ago == round(COMPANY_S, 1)


def test_status_shows_an_agent_that_is_silent_and_a_second_machine():
    world = World()
    first = connected(world)
    second = connected(world, boot="4" * 8, machine="7" * 8)
    for _ in range(3):
        world.passes(20)
        first.say(messages.Ping(id="ping"))
    status = world.machine.status(None, world.now_s)
    assert [each.connected_s is None for each in status.nodes] == [False, True]
    assert [(each.kind, each.node) for each in status.alarms] == [("two_machines", "node-1")]
    assert second.take(messages.Notice)


def test_where_dhcp_shall_learn_nothing_objects_are_reservations():
    mac = "0a:58:0a:37:00:05"
    for reservations_only, expected in ((False, "MAC_ADDRESS"), (True, "RESERVED")):
        world = World(reservations_only=reservations_only)
        connected(world).ask(label=LABEL.model_copy(update={"mac": mac}))
        (made,) = world.grid.call(
            calls.Call("GET", "fixedaddress", [("_return_fields", "match_client")], None)
        ).body
        assert made["match_client"] == expected


def test_views_that_one_node_invents_delay_no_add_of_another():
    world = World()
    neighbour, hostile = connected(world), connected(world, node="node-2")
    neighbour.ask(label=LABEL)
    neighbour.told()
    invented = []
    for number in range(200):
        network = NETWORK.model_copy(update={"view": f"invented-{number}"})
        drawn = str(hostile.owner.draw(world.draw()))
        ask = messages.Allocate(
            id=f"a{number}", wants=[values.Want(allocation=drawn, network=network)], budget_ms=60_000
        )
        invented.append(Received("node-2", hostile.connection, ask, world.now_s))
    own = str(neighbour.owner.draw(world.draw()))
    ask = messages.Allocate(
        id="own", wants=[values.Want(allocation=own, network=NETWORK)], budget_ms=60_000, label=LABEL
    )
    made = []

    def watch(call):
        made.append(own in str(call.operations))
        return Fate.ANSWERED

    world.fate = watch
    world.feed(*invented, Received("node-1", neighbour.connection, ask, world.now_s))

    assert made.index(True) <= 3
