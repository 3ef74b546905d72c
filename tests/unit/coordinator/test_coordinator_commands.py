"""People's commands on the coordinator's machine: what they are told, and what they change."""

from __future__ import annotations

from typing import Any

import pytest
from machine_world import CLUSTER, NETWORK, Agent, Fate, World
from test_coordinator_machine import LABEL, claim

from coordinator.admin.events import AnswerCommand, Asked
from coordinator.admin.explain import PATIENCE_S
from coordinator.core.attributes import AttributeNames
from coordinator.core.outbox import Note
from coordinator.grid.calls import Call
from coordinator.lane.events import Ticked
from gridsim.database.faults import Faults
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from gridsim.model import Grid
from protocol.admin.messages import (
    Adopt,
    DifferenceKind,
    Explain,
    Explained,
    Finding,
    ListUnadopted,
    NodeReplaced,
    ReplaceNode,
    TurnedDown,
    Unadopted,
    Verified,
    Verify,
)
from protocol.attributes import TYPES
from protocol.wire import messages
from protocol.wire.allocation_id import ADOPTED_JOURNAL, AllocationId
from protocol.wire.values import ClaimRow, Interface, State

POD = f"{7:064x}"
MAC = "02:00:00:00:77:02"


def connected(world: World, **who: Any) -> Agent:
    agent = world.agent(**who)
    agent.hello()
    agent.take(messages.Orphans)
    return agent


def verify(world: World, *, repair: bool = False) -> Verified:
    (answer,) = world.command(Verify(id="v-1", repair=repair))
    assert isinstance(answer, Verified)
    return answer


def explain(world: World, what: str) -> str:
    """The stories as one text."""
    pages = world.command(Explain(id="e-1", what=what))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(isinstance(page, Explained) for page in pages)
    return "\n".join("\n".join([story.title, *story.lines]) for page in pages for story in page.stories)


def uncompared(answer: Verified) -> dict[str, int]:
    return {" ".join(each.why.split()[:6]): each.count for each in answer.uncompared}


# verify


def test_where_grid_and_journals_agree_there_is_nothing_to_say() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    answer = verify(world)
    assert (answer.cluster, answer.compared, answer.differences, answer.uncompared) == ("prod-1", 1, [], [])


def test_what_the_grid_lost_is_told_and_put_back() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.delete_by_admin(told.address)
    answer = verify(world, repair=True)
    (difference,) = answer.differences
    assert (difference.kind, difference.address, difference.node) == (
        DifferenceKind.CLUSTER_ONLY,
        told.address,
        "node-1",
    )
    assert difference.is_settled
    assert world.objects() == {told.allocation: told.address}


def test_what_no_journal_names_is_told_and_goes_when_it_is_disowned() -> None:
    world = World()
    agent = connected(world)
    stray = str(agent.owner.draw("0" * 12))
    extattrs = {"Allocation ID": {"value": stray}, "Location": {"value": "node-1"}}
    world.grid.create("fixedaddress", {"ipv4addr": "10.55.0.77", "match_client": "RESERVED", "extattrs": extattrs})
    (difference,) = verify(world).differences
    assert (difference.kind, difference.allocation, difference.is_settled) == (
        DifferenceKind.GRID_ONLY,
        stray,
        False,
    )
    (whose,) = agent.take(messages.Whose)
    answers = world.command(Verify(id="v-2", repair=True))
    assert answers == []
    agent.say(messages.Answer(id="x", disowned=whose.allocations))
    (answer,) = answers
    assert [each.outcome for each in answer.differences] == ["deleted"]


def test_what_cannot_be_compared_is_counted_with_its_reason() -> None:
    world = World()
    away = connected(world, node="node-2")
    away.ask(label=LABEL)
    rebuilt = connected(world)
    rebuilt.ask(label=LABEL.model_copy(update={"container_id": "c2"}))
    world.restart()
    newcomer = connected(world, machine="9" * 8, boot="8" * 8)
    newcomer.ask(label=LABEL.model_copy(update={"container_id": "c3"}))
    foreign = {"Allocation ID": {"value": str(newcomer.owner.draw("1" * 12)).replace(CLUSTER, "f" * 12)}}
    ours = {"Tenant ID": {"value": "prod-1"}, "CMP Type": {"value": "Kubernetes"}}
    for address, extattrs in (
        ("10.55.0.70", {**ours, **foreign}),
        ("10.55.0.71", {**ours, "VM ID": {"value": POD}}),
    ):
        data = {"ipv4addr": address, "match_client": "RESERVED", "extattrs": extattrs}
        world.grid.create("fixedaddress", data)
    answer = verify(world)
    assert answer.compared == 1
    assert uncompared(answer) == {
        "are of nodes whose agent is": 1,
        "are of nodes that are connected,": 1,
        "bear the name prod-1 and the": 1,
        "bear this cluster's name and no": 1,
    }
    assert "node replace" in next(each.remedy for each in answer.uncompared if each.examples == ["node-1"])
    assert [each.is_ours for each in answer.uncompared] == [True, True, False, False]


def test_a_location_that_somebody_edited_and_an_orphan_of_the_reserve_are_named() -> None:
    world = World()
    agent = connected(world)
    agent.ask(for_reserve=True)
    lost_journal = world.agent(journal="6" * 8)
    lost_journal.hello()
    (row,) = [row for page in lost_journal.take(messages.Orphans) for row in page.rows]
    other = lost_journal.ask(label=LABEL)
    world.edit(world.objects()[other], **{"extattrs+": {"Location": {"value": "somewhere-else"}}})
    answer = verify(world)
    assert [each.examples for each in answer.uncompared] == [[row.address], [world.objects()[other]]]
    assert [each.is_ours for each in answer.uncompared] == [False, False]


def test_a_grid_that_does_not_list_is_no_agreement() -> None:
    world = World()
    world.fate = lambda call: Fate.DROPPED
    answers = world.command(Verify(id="v-1"))
    world.passes(121.0)
    assert [(type(each), each.id) for each in answers] == [(TurnedDown, "v-1")]


# explain


def test_an_address_is_explained_with_its_holder_and_with_what_frees_it() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    for what in (told.address, "shop/web-1", "web-1", "c1", told.allocation):
        text = explain(world, what)
        assert f"{told.address} in view default" in text
        assert "holder: attachment c1/eth0 of node node-1" in text
        assert "the agent of node-1 (driver infoblox, boot 33333333) is connected since 0 s" in text
        assert "freed by: the DEL of its pod" in text


def test_what_is_ready_what_was_let_go_and_what_nobody_made_have_their_own_stories() -> None:
    world = World()
    agent = connected(world)
    ready = agent.ask(for_reserve=True)
    address = agent.told().address
    assert "it is ready for the next pod" in explain(world, address)
    agent.let_go(ready)
    assert "it was let go" in explain(world, address)
    world.create_by_admin("10.55.0.9")
    assert "holder: nobody in cluster prod-1" in explain(world, "10.55.0.9")
    assert explain(world, "10.55.0.10") == ""


def test_an_address_of_another_boot_names_the_command_that_frees_it() -> None:
    world = World()
    connected(world).ask(label=LABEL)
    world.restart()
    connected(world, machine="9" * 8, boot="8" * 8)
    (address,) = world.objects().values()
    assert "freed by: cni-infoblox node replace node-1" in explain(world, address)


def test_as_many_stories_as_there_are_objects_come_in_pages() -> None:
    world = World()
    agent = connected(world)
    for number in range(60):
        agent.ask(label=LABEL.model_copy(update={"container_id": f"d{number}"}))
    assert explain(world, "shop/web-1").count("freed by: the DEL of its pod") == 60


def test_while_the_grid_is_away_the_index_and_the_journals_answer_and_say_so() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.fate = lambda call: Fate.DROPPED
    for what in (told.address, "shop/web-1", "web-1", "c1", told.allocation):
        pages = world.command(Explain(id="e-1", what=what))
        world.passes(0.0)
        (page,) = pages
        (story,) = page.stories
        assert story.title == f"{told.address} in view default"
        assert "index: reservation in network 10.55.0.0/24, as the grid has shown it last" in story.lines
        assert "holder: attachment c1/eth0 of node node-1" in story.lines
        assert "freed by: the DEL of its pod" in story.lines
        assert page.unasked[0].startswith("the grid: ")
    (page,) = world.command(Explain(id="e-2", what="10.55.0.200"))
    assert (page.stories, len(page.unasked)) == ([], 1)


@pytest.mark.parametrize("what", ["shop/web-9", "web-9"])
def test_a_pod_that_got_no_address_is_found_by_its_name(what: str) -> None:
    world = World()
    facts = {"allocation": "a", "node": "node-1", "pod": "shop/web-9", "network": NETWORK.subnet, "code": 11}
    said = {"error": "NetworkExhausted", "reason": "no address left", "remedy": "Enlarge it."}
    for request, at_s in (("r-1", 1_000.0), ("r-2", 1_060.0)):
        world.machine.recent.declined(Note("declined", {**facts, **said, "request": request}), at_s)
    (page,) = world.command(Explain(id="e-1", what=what))
    (failure,) = page.failures
    assert (failure.first_at, failure.at, failure.times) == ("1970-01-01T00:16:40Z", "1970-01-01T00:17:40Z", 2)
    assert (failure.pod, failure.reason, failure.request) == ("shop/web-9", "no address left", "r-2")
    (page,) = world.command(Explain(id="e-2", what="shop/web-1"))
    assert page.failures == []


def test_a_grid_that_is_slow_is_not_waited_for_longer_than_a_person_waits() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    ticket = 1
    call = world.machine.handle([Asked(ticket, Explain(id="e-1", what="shop/web-1"), world.now_s)], world.now_s)
    assert [type(each) for each in call if isinstance(each, Call)] == [Call]
    answers = world.machine.handle([Ticked(world.now_s + PATIENCE_S)], world.now_s + PATIENCE_S)
    (page,) = [each.message for each in answers if isinstance(each, AnswerCommand)]
    assert isinstance(page, Explained)
    assert len(page.stories) == 1
    assert "within 15 s" in page.unasked[0]


def test_what_a_silent_node_claims_is_no_difference() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.passes(40.0)
    world.delete_by_admin(told.address)
    answer = verify(world)
    assert (answer.compared, answer.differences) == (0, [])


# adopt


class Legacy:
    """What the original left, with the node on which a pod of it lives."""

    def __init__(self, names: AttributeNames | None = None, **faults: Any) -> None:
        grid = Grid(faults=Faults(**faults))
        cluster = LegacyCluster(
            NETWORK.subnet, "10.55.0.1", tenant="prod-1", network_name="pods", pods=(LegacyPod("web-2", POD, MAC),)
        )
        create_legacy(grid, cluster)
        self.world = World(grid=grid, names=names or AttributeNames())
        self.agent = connected(self.world)

    def list(self, *interfaces: Interface, driver: str = "") -> Unadopted:
        answers = self.world.command(ListUnadopted(id="l-1", driver=driver))
        for agent in self.world.agents:
            for question in agent.take(messages.ListInterfaces):
                shown = list(interfaces) if agent is self.agent else []
                agent.say(messages.Interfaces(id=question.id, page=0, last=True, interfaces=shown))
        (answer,) = answers
        assert isinstance(answer, Unadopted)
        return answer

    def adopt(self, proposal: str) -> list[str]:
        """Why each address was not adopted."""
        answers = self.world.command(Adopt(id="a-1", proposal=proposal))
        for agent in self.world.agents:
            for probe in agent.take(messages.Probe):
                agent.say(messages.ProbeAnswer(id=probe.id, nonce=probe.nonce))
        self.world.passes(11.0)
        return [row.why for page in answers for row in page.results]


HOME = Interface(namespace="/run/netns/old", inode=77, ifname="eth0", mac=MAC, addresses=["10.55.0.2"])


def findings(listed: Unadopted) -> dict[str, Finding]:
    return {each.address: each.finding for each in listed.addresses}


def test_an_address_of_the_original_gets_an_id_and_goes_to_its_nodes_agent() -> None:
    site = Legacy()
    listed = site.list(HOME)
    assert findings(listed) == {"10.55.0.1": Finding.GATEWAY, "10.55.0.2": Finding.ADOPT}
    assert site.adopt(listed.proposal) == [""]
    ((allocation, address),) = site.world.objects().items()
    assert (AllocationId.parse(allocation).owner.journal, address) == (ADOPTED_JOURNAL, "10.55.0.2")
    (row,) = [row for page in site.agent.take(messages.Orphans) for row in page.rows]
    assert row.allocation == allocation
    assert row.label is not None
    label = row.label
    assert (label.container_id, label.ifname, label.namespace, label.inode) == (POD, "eth0", HOME.namespace, 77)
    # Its DEL frees it, and only that.
    site.agent.let_go(allocation)
    site.world.passes(31.0)
    assert site.world.objects() == {}
    assert "10.55.0.1" in {each["ipv4addr"] for each in site.world.search()}


def test_where_attributes_have_other_names_what_the_original_wrote_is_found_and_bears_both() -> None:
    site = Legacy(AttributeNames.renamed(f"{name}=CNI {name}" for name in TYPES))
    assert sum(uncompared(verify(site.world)).values()) == 2, "gateway and pod"
    assert site.adopt(site.list(HOME).proposal) == [""]
    (adopted,) = [each["extattrs"] for each in site.world.search() if each["ipv4addr"] == "10.55.0.2"]
    assert adopted["Tenant ID"] == adopted["CNI Tenant ID"] == {"value": "prod-1"}
    assert adopted["CNI VM ID"] == {"value": POD}
    (row,) = [row for page in site.agent.take(messages.Orphans) for row in page.rows]
    assert row.label is not None
    site.agent.let_go(row.allocation)
    site.world.passes(31.0)
    assert [each["ipv4addr"] for each in site.world.search()] == ["10.55.0.1"]


def test_where_the_original_has_never_been_its_attributes_need_not_be_defined() -> None:
    names = AttributeNames.renamed(f"{name}=CNI {name}" for name in TYPES)
    world = World(grid=Grid(definitions="none"), names=names)
    connected(world)
    assert verify(world).differences == []


def test_another_node_cannot_let_go_what_was_adopted() -> None:
    site = Legacy()
    assert site.adopt(site.list(HOME).proposal) == [""]
    adopted = site.world.objects()
    neighbour = connected(site.world, node="node-2", journal="9" * 8)
    neighbour.let_go(*adopted)
    site.world.passes(31.0)
    assert "not_yours" in site.world.notes
    assert site.world.objects() == adopted


def test_a_node_that_was_not_asked_is_not_believed() -> None:
    site = Legacy()
    site.agent.say(messages.Interfaces(id="interfaces-1", page=0, last=True, interfaces=[HOME]))
    assert findings(site.list())["10.55.0.2"] is Finding.LEAVE


def test_what_a_node_could_not_look_into_is_told_although_it_sees_much() -> None:
    site = Legacy()
    answers = site.world.command(ListUnadopted(id="l-1", driver=""))
    (question,) = site.agent.take(messages.ListInterfaces)
    site.agent.say(messages.Interfaces(id=question.id, page=0, last=False, interfaces=[HOME], unreadable=2))
    site.agent.say(messages.Interfaces(id=question.id, page=1, last=True, interfaces=[]))
    (listed,) = answers
    assert isinstance(listed, Unadopted)
    assert listed.remarks == ["node-1 could not look into 2 network namespaces"]


def test_a_list_is_good_once() -> None:
    site = Legacy()
    listed = site.list(HOME)
    assert site.adopt(listed.proposal) == [""]
    (answer,) = site.world.command(Adopt(id="a-2", proposal=listed.proposal))
    assert isinstance(answer, TurnedDown)


def test_what_no_node_shows_is_left_alone() -> None:
    listed = Legacy().list()
    assert findings(listed)["10.55.0.2"] is Finding.LEAVE
    assert "no node sees it" in listed.addresses[1].why


def test_an_agent_that_does_not_answer_a_probe_gets_nothing() -> None:
    site = Legacy()
    listed = site.list(HOME)
    answers = site.world.command(Adopt(id="a-1", proposal=listed.proposal))
    site.world.passes(11.0)
    ((row,),) = [page.results for page in answers]
    assert "has not answered" in row.why
    assert site.world.objects() == {}


def test_a_node_of_which_another_boot_was_heard_gets_nothing() -> None:
    site = Legacy()
    connected(site.world, machine="9" * 8, boot="8" * 8, journal="9" * 8)
    listed = site.list(HOME)
    assert "another boot or machine of node-1 was heard" in listed.addresses[1].why


def test_of_two_drivers_one_must_be_named() -> None:
    site = Legacy()
    connected(site.world, driver="other", journal="9" * 8)
    assert "name one with --driver (infoblox, other)" in site.list(HOME).addresses[1].why
    listed = site.list(HOME, driver="infoblox")
    assert findings(listed)["10.55.0.2"] is Finding.ADOPT


def test_a_comment_that_somebody_wrote_stays_before_the_machines_part() -> None:
    site = Legacy()
    site.world.edit("10.55.0.2", comment="do not touch")
    assert site.adopt(site.list(HOME).proposal) == [""]
    (found,) = [each for each in site.world.search() if each["ipv4addr"] == "10.55.0.2"]
    assert found["comment"].startswith("do not touch (id=")


def test_of_two_adoptions_at_once_one_gives_the_id() -> None:
    site = Legacy()
    first, second = site.list(HOME).proposal, site.list(HOME).proposal
    assert sorted([*site.adopt(first), *site.adopt(second)]) != ["", ""]
    assert len(site.world.objects()) == 1


def test_what_was_edited_between_list_and_adoption_is_left_alone() -> None:
    site = Legacy()
    listed = site.list(HOME)
    site.world.delete_by_admin("10.55.0.2")
    assert site.adopt(listed.proposal) == ["it is gone from the grid"]


def test_where_only_single_calls_are_allowed_nothing_is_adopted() -> None:
    site = Legacy(user_kind="no-request")
    (answer,) = site.world.command(ListUnadopted(id="l-1"))
    assert isinstance(answer, TurnedDown)
    assert "'request'" in answer.msg


# node replace


def replace(world: World, boot: str = "", node: str = "node-1") -> NodeReplaced | TurnedDown:
    answers = world.command(ReplaceNode(id="r-1", node=node, boot=boot))
    for agent in world.agents:
        for probe in agent.take(messages.Probe):
            agent.say(messages.ProbeAnswer(id=probe.id, nonce=probe.nonce))
    (answer,) = answers
    assert isinstance(answer, NodeReplaced | TurnedDown)
    return answer


def rebuilt_node() -> tuple[World, Agent]:
    """A machine that was rebuilt under its old name, after another coordinator has begun."""
    world = World()
    connected(world).ask(label=LABEL)
    world.restart()
    return world, connected(world, machine="9" * 8, boot="8" * 8)


def test_what_a_replaced_machine_left_is_deleted() -> None:
    world, newcomer = rebuilt_node()
    kept = newcomer.ask(label=LABEL)
    answer = replace(world)
    assert isinstance(answer, NodeReplaced)
    assert (answer.kept, [(each.boot, each.allocations) for each in answer.over]) == ("8" * 8, [("3" * 8, 1)])
    assert list(world.objects()) == [kept]
    assert verify(world).uncompared == []


def test_an_agent_that_does_not_answer_replaces_nobody() -> None:
    world, _ = rebuilt_node()
    answers = world.command(ReplaceNode(id="r-1", node="node-1"))
    world.passes(11.0)
    assert [type(each) for each in answers] == [TurnedDown]
    assert len(world.objects()) == 1


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda world: world.passes(60.0), "no agent of it is connected"),
        (lambda world: connected(world), "two of them are connected"),
    ],
)
def test_in_doubt_the_boot_that_stays_has_to_be_named(prepare: Any, said: str) -> None:
    world, _ = rebuilt_node()
    prepare(world)
    answer = replace(world)
    assert isinstance(answer, TurnedDown)
    assert said in answer.msg
    assert "--boot 33333333 or 88888888" in answer.details
    assert len(world.objects()) == 1
    named = replace(world, boot="3" * 8)
    assert isinstance(named, NodeReplaced)
    assert [each.boot for each in named.over] == ["8" * 8]
    assert len(world.objects()) == 1


def test_with_several_coordinators_the_boot_has_to_be_named() -> None:
    world = World(several=True)
    connected(world).ask(label=LABEL)
    answer = replace(world)
    assert isinstance(answer, TurnedDown)
    assert "--several" in answer.msg


def test_a_boot_that_is_heard_before_the_answer_raises_a_doubt() -> None:
    world, newcomer = rebuilt_node()
    answers = world.command(ReplaceNode(id="r-1", node="node-1"))
    connected(world)
    (probe,) = newcomer.take(messages.Probe)
    newcomer.say(messages.ProbeAnswer(id=probe.id, nonce=probe.nonce))
    (answer,) = answers
    assert isinstance(answer, TurnedDown)
    assert "was heard meanwhile" in answer.msg
    assert len(world.objects()) == 1


def test_a_boot_or_node_that_nobody_knows_is_refused() -> None:
    world, _ = rebuilt_node()
    assert isinstance(replace(world, boot="7" * 8), TurnedDown)
    assert isinstance(replace(world, node="node-9"), TurnedDown)


def test_what_the_ended_boot_says_later_is_a_boot_like_any_other() -> None:
    world = World()
    old = connected(world)
    allocation = old.ask(label=LABEL)
    told = old.told()
    world.restart()
    connected(world, machine="9" * 8, boot="8" * 8)
    assert isinstance(replace(world), NodeReplaced)
    assert world.objects() == {}
    revived = world.agent()
    rows = [claim(told)]
    assert isinstance(rows[0], ClaimRow)
    assert rows[0].state is State.HELD
    revived.hello(claims=rows)
    world.passes(1.0)
    assert list(world.objects()) == [allocation]


def test_a_command_that_waits_is_told_when_the_coordinator_begins_anew() -> None:
    world = World()
    connected(world)
    answers = world.command(ListUnadopted(id="l-1"))
    world.begin_anew()
    assert [type(each) for each in answers] == [TurnedDown]
