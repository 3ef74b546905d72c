"""The sweep frees only what two looks at grid, journals and cluster agree upon; all else it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from desk_world import CUT, DOWN, address_of, has_released
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_world import BOOT, INTERVAL_S, SweepWorld

from coordinator.grid.operations import DeleteFound, Found, HttpCall
from coordinator.grid.refusals import classify
from coordinator.lane.events import Ticked
from coordinator.objects import read_fixed_address
from coordinator.ownership import Identity, Owner
from coordinator.repair_work import OrphanWork
from gridsim.calls import Reply
from protocol.messages import Pod
from protocol.operator import DifferenceKind, Repair, TurnedDown, Verify


@pytest.fixture
def world() -> SweepWorld:
    built = SweepWorld()
    built.start()
    built.connect("n1")
    return built


def started(*orphans: tuple[str, str], cluster: str = "blue") -> SweepWorld:
    """A coordinator that starts with these objects (address, container) of an earlier boot of n1."""
    world = SweepWorld(cluster)
    for address, container in orphans:
        world.orphan(address, container)
    world.start()
    world.connect("n1")
    return world


def test_an_object_of_an_earlier_boot_goes_after_the_second_look() -> None:
    world = started(("10.55.0.7", "dead"))
    lives = address_of(world.add("alive"))
    world.sweep("n1")
    assert set(world.pods()) == {"dead", "alive"}
    world.sweep("n1")
    assert world.pods() == {"alive": lives}


def test_a_sweep_costs_its_pages_with_one_look_and_one_release_for_all() -> None:
    world = started(*((f"10.55.0.{n}", f"dead-{n}") for n in range(10, 14)))
    world.sweep("n1")
    before = len(world.calls)
    world.sweep("n1")
    assert [sorted(call) for call in world.described(before)] == [
        ["find fixedaddress"],
        [f"find dead-{n}" for n in range(10, 14)],
        [f"delete dead-{n}" for n in range(10, 14)],
    ]
    assert not world.pods()


def test_a_look_too_soon_after_the_first_does_not_count() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    for _ in range(3):
        world.verify(Repair.CERTAIN)
        assert set(world.pods()) == {"dead"}


def test_an_object_that_changed_between_the_looks_is_suspected_anew() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.remove("10.55.0.7")
    world.orphan("10.55.0.7", "dead", comment="boot other")
    world.sweep("n1")
    assert set(world.pods()) == {"dead"}
    world.sweep("n1")
    assert not world.pods()


def test_what_was_changed_before_its_release_is_kept() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.advance(INTERVAL_S - 10)
    world.keep_alive("n1")
    world.now_s += 10
    world.handle([Ticked(world.now_s)])
    world.land()
    world.remove("10.55.0.7")
    world.orphan("10.55.0.7", "dead", comment=f"boot {BOOT}")
    world.settle()
    assert set(world.pods()) == {"dead"}
    assert world.noted("sweep_kept")


def test_a_node_without_a_connected_agent_keeps_everything() -> None:
    world = started(("10.55.0.7", "dead"))
    world.orphan("10.55.0.8", "other", node="n2")
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"other"}
    answer = world.verify()
    assert (answer.compared, answer.uncompared, answer.nodes_away) == (0, 1, 1)
    assert any("n2: 1 addresses not compared" in remark for remark in answer.remarks)


def test_a_node_that_is_deleted_loses_its_addresses_after_ten_minutes() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2", comment="boot any")
    world.start()
    world.connect("n1")
    world.live.nodes, world.live.complete_since_s = {"n1", "n3", "n4"}, world.now_s
    world.live.gone_since_s = {"n2": world.now_s + 900}
    for _ in range(3):
        world.sweep("n1")
    assert set(world.pods()) == {"other"}
    world.sweep("n1")
    assert not world.pods()


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_another_coordinator_freed_of_a_deleted_node_is_not_given_back_to_it(is_gone: bool) -> None:
    world = SweepWorld()
    world.orphan("10.55.0.1", "other", node="n2")
    world.start()
    world.connect("n1")
    world.live.nodes, world.live.complete_since_s = {"n1"} if is_gone else {"n1", "n2"}, world.now_s
    world.remove("10.55.0.1")
    for _ in range(3):
        world.sweep("n1")
    world.add("web")
    assert ("other" in world.pods()) is not is_gone


@pytest.mark.parametrize("times", [1, 2])
def test_what_vanishes_again_though_it_was_given_back_is_another_coordinator_s_to_know(times: int) -> None:
    world = SweepWorld()
    world.start()
    world.connect("n1")
    address = address_of(world.add("moved", node="n2"))
    for number in range(times):
        world.remove(address)
        assert address_of(world.add(f"passes-{number}")) != address
        assert world.pods()["moved"] == address
        world.delete(f"passes-{number}")
        world.sweep("n1")
    world.remove(address)
    world.sweep("n1")
    assert address_of(world.add("new")) == address


@pytest.mark.parametrize("speaks", [True, False])
def test_what_vanishes_again_is_given_back_to_a_node_that_speaks_or_did_so_lately(speaks: bool) -> None:
    world = SweepWorld()
    world.start()
    world.connect("n1")
    address = address_of(world.add("alive", node="n2"))
    if not speaks:
        world.advance(INTERVAL_S - 100)
    world.remove(address)
    world.add("passes")
    world.delete("passes")
    world.remove(address)
    world.sweep("n1", *(["n2"] if speaks else []), after_s=INTERVAL_S if speaks else 100)
    assert address_of(world.add("new")) != address
    assert world.pods()["alive"] == address


def test_an_object_that_was_given_back_is_still_known_by_its_holder_s_pod() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.1", "dead", node="n2", comment="pod uid-dead boot boot-n2")
    world.live.nodes, world.live.pods = {"n1", "n2"}, {"uid-web": "default/web"}
    world.start()
    world.remove("10.55.0.1")
    world.add("web", pod=Pod(name="web", namespace="default", uid="uid-web"))
    assert set(world.pods()) == {"web", "dead"}
    for _ in range(2):
        world.sweep("n1", "n2")
    assert set(world.pods()) == {"web"}


def test_an_object_that_is_given_back_to_whom_only_a_journal_names_goes_after_the_next_boot() -> None:
    world = SweepWorld()
    world.start()
    world.connect("n2", [world.holding("forgotten", "10.55.0.1")])
    world.add("web")
    assert world.pods()["forgotten"] == "10.55.0.1"
    for _ in range(2):
        world.advance(INTERVAL_S - 10)
        world.connect("n2", boot_id="boot-later", journal_id="new")
        world.advance(10)
    assert "forgotten" not in world.pods()


def test_a_node_that_is_there_but_silent_keeps_its_addresses() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2")
    world.start()
    world.live.nodes = {"n1", "n2"}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"other"}


def test_a_deleted_node_whose_pod_still_lives_keeps_its_address() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2", comment="pod uid-1 boot any")
    world.start()
    world.live.nodes, world.live.pods = {"n1"}, {"uid-1": "default/other"}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"other"}


def test_nodes_are_not_believed_when_agents_bear_other_names() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2")
    world.start()
    world.live.nodes = {"n1.example", "n2.example"}
    for _ in range(4):
        world.advance(INTERVAL_S)
    assert set(world.pods()) == {"other"}
    world.connect("n1")
    assert any("--node-name" in remark for remark in world.verify().remarks)


def test_nodes_are_not_believed_when_one_is_connected_that_is_not_listed() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2")
    world.orphan("10.55.0.9", "third", node="n3")
    world.start()
    world.live.nodes = {"n3"}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"other", "third"}


def test_pods_are_not_believed_where_nodes_are_not() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.7", "lost", comment=f"pod uid-1 boot {BOOT}")
    world.start()
    # As after the API server's restore from a backup: nodes and pods of a former day.
    world.live.nodes, world.live.pods = {"n3"}, {"uid-2": "default/x"}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"lost"}
    world.live.nodes = {"n1", "n3"}
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


@pytest.mark.parametrize("is_told_first", [True, False])
def test_what_a_renamed_node_holds_stays_until_its_del(is_told_first: bool) -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "moved", node="n2", comment="boot boot-new")
    held = [world.holding("moved", "10.55.0.8")]
    world.start_unsettled()
    if is_told_first:
        world.connect("new", held)
    world.settle()
    world.connect("new", held)
    world.live.nodes = {"n1", "new"}
    for _ in range(4):
        world.sweep("n1")
        world.connect("new", held)
    assert set(world.pods()) == {"moved"}
    assert any("n2: 1 addresses not compared" in remark for remark in world.verify().remarks)
    world.delete("moved", node="new")
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


def test_what_a_renamed_node_holds_no_more_goes_with_its_old_name() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "moved", node="n2", comment="boot boot-new")
    world.start()
    world.connect("new", [world.holding("moved", "10.55.0.8")])
    world.live.nodes = {"n1", "new"}
    world.sweep("n1")
    world.connect("new")
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


def test_what_is_being_released_is_no_difference() -> None:
    world = SweepWorld()
    world.setup = replace(world.setup, release_delay_s=30)
    world.orphan("10.55.0.7", "dead")
    world.start()
    world.connect("n1")
    assert len(world.verify().differences) == 1
    world.delete("dead")
    assert "release: waits, due in 30 s" in world.explain("10.55.0.7")
    assert not world.verify().differences


@pytest.mark.parametrize("nodes", [set(), None])
def test_an_empty_list_of_nodes_is_no_list(nodes: set[str] | None) -> None:
    world = SweepWorld()
    world.orphan("10.55.0.8", "other", node="n2")
    world.start()
    world.live.nodes = nodes
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"other"}


def test_without_fresh_news_of_the_cluster_a_sweep_only_looks() -> None:
    world = started(("10.55.0.7", "dead"))
    world.live.is_fresh = False
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"dead"}
    assert world.verify(Repair.FORCED).stopped
    assert set(world.pods()) == {"dead"}
    world.live.is_fresh = True
    world.sweep("n1")
    assert not world.pods()


def test_an_object_of_the_running_boot_lives_until_its_pod_is_gone() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.7", "lost", comment=f"pod uid-1 boot {BOOT}")
    world.start()
    world.sweep("n1")
    world.sweep("n1")
    assert set(world.pods()) == {"lost"}
    world.live.pods = {"uid-1": "default/lost", "uid-2": "default/x"}
    world.sweep("n1")
    world.sweep("n1")
    assert set(world.pods()) == {"lost"}
    del world.live.pods["uid-1"]
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


def test_an_empty_list_of_pods_is_no_list() -> None:
    world = SweepWorld()
    world.orphan("10.55.0.7", "lost", comment=f"pod uid-1 boot {BOOT}")
    world.start()
    world.live.pods = {}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"lost"}


def test_of_two_objects_the_journal_keeps_its_own(world: SweepWorld) -> None:
    kept = address_of(world.add("twin"))
    world.orphan("10.55.0.99", "twin", comment=f"boot {BOOT}")
    world.sweep("n1")
    world.sweep("n1")
    assert world.pods() == {"twin": kept}


def test_an_object_that_names_no_node_is_never_touched() -> None:
    world = SweepWorld()
    eas = {"VM ID": "old", "Tenant ID": "blue", "CMP Type": "Kubernetes"}
    wrapped = {name: {"value": value} for name, value in eas.items()}
    world.grid.create("fixedaddress", {"ipv4addr": "10.55.0.7", "match_client": "RESERVED", "extattrs": wrapped})
    world.start()
    world.live.nodes, world.live.pods = {"n1"}, {"uid": "default/x"}
    for _ in range(4):
        world.sweep("n1")
    assert set(world.pods()) == {"old"}


def test_under_the_default_cluster_name_a_sweep_only_looks() -> None:
    world = started(("10.55.0.7", "dead"), cluster="cluster-1")
    for _ in range(4):
        world.sweep("n1")
    assert world.verify(Repair.FORCED).stopped
    assert set(world.pods()) == {"dead"}


def test_a_mass_of_orphans_is_left_until_a_person_forces_it() -> None:
    world = started(*((f"10.55.0.{n}", f"dead-{n}") for n in range(20, 31)))
    for _ in range(3):
        world.sweep("n1")
    assert len(world.pods()) == 11
    assert world.noted("sweep_stopped")[-1].is_alarm
    assert "11 of 11" in world.verify(Repair.CERTAIN).stopped
    assert len(world.pods()) == 11
    forced = world.verify(Repair.FORCED)
    assert all(each.is_settled for each in forced.differences)
    assert not world.pods()


def test_few_orphans_are_no_mass_whatever_their_share() -> None:
    world = started(*((f"10.55.0.{n}", f"dead-{n}") for n in range(20, 30)))
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


def test_more_than_a_quarter_of_the_nodes_gone_is_a_mass() -> None:
    world = SweepWorld()
    for n in range(12):
        world.orphan(f"10.55.0.{20 + n}", f"c{n}", node=f"gone-{n % 2}")
    world.start()
    world.live.nodes = {"n1", "n2", "n3", "n4", "n5"}
    for _ in range(3):
        world.sweep("n1")
    assert len(world.pods()) == 12
    world.live.nodes |= {"n6", "n7"}
    world.sweep("n1")
    assert not world.pods()


@given(stay=st.integers(min_value=1, max_value=6), pods=st.integers(min_value=11, max_value=20))
@settings(max_examples=20, deadline=None)
def test_one_node_that_is_gone_is_no_mass_in_a_cluster_of_any_size(stay: int, pods: int) -> None:
    world = SweepWorld()
    for number in range(pods):
        world.orphan(f"10.55.0.{20 + number}", f"c{number}", node="gone")
    world.start()
    world.live.nodes = {f"n{number}" for number in range(1, stay + 1)}
    for _ in range(3):
        world.sweep("n1")
    assert not world.pods()
    assert not world.noted("sweep_stopped")


def test_nodes_that_are_lost_one_after_the_other_are_no_mass() -> None:
    world = SweepWorld()
    for number in range(22):
        world.orphan(f"10.55.0.{20 + number}", f"c{number}", node=f"n{2 + number // 11}")
    world.start()
    world.live.nodes = {"n1", "n2", "n3"}
    for lost in ("n2", "n3"):
        world.live.nodes.remove(lost)
        world.live.gone_since_s[lost] = world.now_s
        for _ in range(4):
            world.sweep("n1")
        assert len(world.pods()) == 11 * (len(world.live.nodes) - 1)
    assert not world.noted("sweep_stopped")


def test_after_a_definition_was_missing_nothing_is_released() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    definition = next(each for each in world.grid.objects("extensibleattributedef") if each["name"] == "VM Name")
    world.grid.delete(definition["_ref"])
    world.add("asks")
    world.advance(120)
    world.sweep("n1", after_s=INTERVAL_S - 120)
    world.sweep("n1")
    assert "dead" in world.pods()
    assert "definition" in world.verify().stopped
    forced = world.verify(Repair.FORCED)
    assert "dead" not in world.pods(), forced


def test_an_incomplete_listing_leads_to_nothing() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.next_calls(DOWN, 3, only="_paging")
    world.sweep("n1")
    world.advance(60)
    assert world.listings() >= 3


def test_a_lost_answer_to_the_deletion_is_looked_up() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.next_calls(CUT, only="DELETE")
    world.sweep("n1")
    world.advance(60)
    assert not world.pods()
    assert [note.fields["outcome"] for note in world.noted("sweep_released")] == ["released"]


def test_an_orphan_that_another_coordinator_has_given_anew_while_the_deletion_waited_stays() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.next_calls(DOWN, only="DELETE")
    world.sweep("n1")
    world.grid.update(world.at("10.55.0.7")["_ref"], {"comment": f"boot {BOOT} coordinator another"})
    world.advance(60)
    assert world.pods() == {"dead": "10.55.0.7"}


def test_a_grid_that_searches_no_comments_frees_many_orphans_all_the_same() -> None:
    world = WithoutComments()
    for number in range(10, 19):
        world.orphan(f"10.55.0.{number}", f"dead-{number}")
    world.start()
    world.connect("n1")
    world.sweep("n1")
    world.sweep("n1")
    assert not world.pods()


class WithoutComments(SweepWorld):
    """The grid refuses to search comments."""

    def _call_grid(self, http: HttpCall) -> Reply:
        if "comment:" in str(http.body):
            return Reply(400, {"text": "Field is not searchable: comment"})
        return super()._call_grid(http)


def test_a_grid_that_searches_no_comments_is_told_to_delete_without() -> None:
    world = started(("10.55.0.7", "dead"))
    fixed = read_fixed_address(world.at("10.55.0.7"))
    work = OrphanWork(Owner("blue"), Identity("dead", "eth0", "n1"), "admin", fixed)
    assert work.answered([Found((world.at("10.55.0.7"),))], 0.0) is None
    assert criteria_of(work)["comment:"] == fixed.comment
    assert work.refused(classify(400, {"text": "Field is not searchable: comment"}), 0.0) is None
    assert "comment:" not in criteria_of(work)
    assert criteria_of(work)["ipv4addr"] == "10.55.0.7"


def criteria_of(work: OrphanWork) -> Mapping[str, str]:
    """What the deletion goes by."""
    (operation,) = work.operations()
    assert isinstance(operation, DeleteFound)
    return operation.criteria


def test_a_request_of_its_node_saves_a_suspect() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    assert address_of(world.add("dead")) == "10.55.0.7"
    world.sweep("n1")
    world.sweep("n1")
    assert world.pods() == {"dead": "10.55.0.7"}


def test_an_add_during_the_release_gets_an_address_that_stays() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.advance(INTERVAL_S - 10)
    world.keep_alive("n1")
    world.now_s += 10
    world.handle([Ticked(world.now_s)])
    world.land()
    world.land()
    assert "delete dead" in world.described()[-1]
    (request,) = world.ask(world.an_allocate("dead"))
    world.settle()
    assert world.pods() == {"dead": address_of(world.answers[request])}
    world.sweep("n1")
    world.sweep("n1")
    assert set(world.pods()) == {"dead"}


def test_pods_come_between_the_pages_of_a_sweep(world: SweepWorld) -> None:
    world.advance(INTERVAL_S)
    assert world.listings() == 2
    (request,) = world.ask(world.an_allocate("early"))
    world.settle()
    assert address_of(world.answers[request])


def test_without_an_interval_nobody_sweeps() -> None:
    world = SweepWorld()
    world.setup = replace(world.setup, sweeping=None)
    world.start()
    before = len(world.calls)
    world.advance(7200)
    assert len(world.calls) == before


# What people see


def test_verify_is_clean_when_both_sides_agree(world: SweepWorld) -> None:
    world.add("one")
    world.advance(1)
    answer = world.verify()
    assert (answer.compared, answer.differences, answer.stopped) == (1, [], "")


def test_verify_names_what_the_grid_has_lost_and_repair_puts_it_back(world: SweepWorld) -> None:
    world.add("other")
    address = address_of(world.add("one"))
    world.advance(1)
    world.remove(address)
    (lost,) = world.differences(DifferenceKind.CLUSTER_ONLY)
    assert (lost.address, lost.container_id, lost.node) == (address, "one", "n1")
    assert set(world.pods()) == {"other"}
    (mended,) = world.differences(DifferenceKind.CLUSTER_ONLY, Repair.CERTAIN)
    assert mended.is_settled
    assert world.pods()["one"] == address
    assert not world.verify().differences
    assert has_released(world.delete("one"))
    assert set(world.pods()) == {"other"}


def test_an_address_that_the_grid_gave_to_others_is_not_put_back(world: SweepWorld) -> None:
    world.add("other")
    address = address_of(world.add("one"))
    world.advance(1)
    world.remove(address)
    world.grid.create("fixedaddress", {"ipv4addr": address, "mac": "02:00:00:00:00:01", "name": "printer"})
    (lost,) = world.differences(DifferenceKind.CLUSTER_ONLY, Repair.CERTAIN)
    assert not lost.is_settled
    assert "printer" in lost.outcome
    assert not world.verify(Repair.CERTAIN).differences[0].is_settled


def test_a_sweep_of_its_own_accord_restores_nothing(world: SweepWorld) -> None:
    world.add("other")
    world.remove(address_of(world.add("one")))
    world.sweep("n1")
    world.sweep("n1")
    assert world.noted("grid_lacks_addresses")[-1].is_alarm
    assert set(world.pods()) == {"other"}


def test_an_empty_listing_leads_to_nothing(world: SweepWorld) -> None:
    world.remove(address_of(world.add("one")))
    world.advance(1)
    assert "lists no address" in world.verify(Repair.CERTAIN).stopped
    assert not world.pods()
    assert world.verify(Repair.FORCED).differences[0].is_settled
    assert set(world.pods()) == {"one"}


def test_many_addresses_lost_at_once_stop_every_release() -> None:
    world = started(("10.55.0.7", "dead"))
    for n in range(30):
        world.add(f"c{n}")
    world.sweep("n1")
    for n in range(11):
        world.remove(world.pods()[f"c{n}"])
    world.sweep("n1")
    assert "dead" in world.pods()
    assert "lacks 11 of the 30" in world.noted("sweep_stopped")[-1].fields["reason"]


def test_verify_names_an_address_that_two_journals_hold(world: SweepWorld) -> None:
    address = address_of(world.add("one"))
    world.connect("n2", [world.holding("two", address)])
    world.advance(1)
    (twice,) = world.differences(DifferenceKind.TWICE)
    assert twice.address == address
    assert {twice.container_id, twice.why.partition("/")[0]} == {"one", "two"}


def test_verify_answers_when_the_grid_is_away(world: SweepWorld) -> None:
    world.next_calls(DOWN, 100)
    assert world.command(Verify(id="verify")) == []
    world.advance(130)
    (answer,) = [each.message for each in world.told]
    assert isinstance(answer, TurnedDown)


def test_explain_tells_the_story_of_an_address(world: SweepWorld) -> None:
    address = address_of(world.add("one", mac="02:00:00:00:00:09"))
    world.advance(5)
    for what in (address, "one"):
        story = world.explain(what)
        assert f"{address} in view default" in story
        assert "attachment one/eth0 of node n1" in story
        assert "the agent of n1 is connected" in story
        assert f"journal: holds {address}" in story
        assert "VM ID = one" in story
        assert "its node asked last 5 s ago" in story


def test_explain_tells_what_the_sweep_thinks() -> None:
    world = started(("10.55.0.7", "dead"))
    world.sweep("n1")
    world.advance(20)
    world.keep_alive("n1")
    story = world.explain("10.55.0.7")
    assert "that its node has been started anew since" in story
    assert "the object is of an earlier boot" in story
    assert "journal: does not name it" in story


def test_explain_knows_an_attachment_that_the_grid_has_lost(world: SweepWorld) -> None:
    address = address_of(world.add("abcdef012345"))
    world.remove(address)
    assert "no object of it was found" in world.explain("abcdef")
    assert world.explain("10.55.0.200") == ""


def test_a_silent_agent_s_journal_is_not_known(world: SweepWorld) -> None:
    world.orphan("10.55.0.7", "dead")
    assert world.verify().differences
    world.advance(31)
    assert not world.verify().differences
    world.connect("n1")
    assert world.verify().differences


@settings(max_examples=40, deadline=None)
@given(
    objects=st.lists(
        st.tuples(
            st.sampled_from(["n1", "n2"]),
            st.sampled_from([f"boot {BOOT}", "boot old", f"pod live boot {BOOT}", f"pod dead boot {BOOT}", ""]),
            st.booleans(),
        ),
        max_size=9,
    ),
    gone=st.booleans(),
    knows_pods=st.booleans(),
)
def test_no_sweep_releases_what_a_journal_or_a_pod_holds(
    objects: list[tuple[str, str, bool]], gone: bool, knows_pods: bool
) -> None:
    world = SweepWorld()
    named: dict[str, list[str]] = {"n1": [], "n2": []}
    for number, (node, comment, is_named) in enumerate(objects):
        world.orphan(f"10.55.0.{20 + number}", f"c{number}", node, comment)
        if is_named:
            named[node].append(f"c{number}")
    world.start()
    world.live.nodes = {"n1"} if gone else {"n1", "n2"}
    world.live.pods = {"live": "default/x"} if knows_pods else None
    held = {f"c{n}": f"10.55.0.{20 + n}" for n in range(len(objects))}
    for _ in range(4):
        world.advance(INTERVAL_S - 10)
        world.connect("n1", [world.holding(each, held[each]) for each in named["n1"]])
        world.advance(10)
    left = world.pods()
    for number, (node, comment, is_named) in enumerate(objects):
        is_dead = (
            (node == "n1" and not is_named and comment == "boot old")
            or (node == "n1" and not is_named and knows_pods and "pod dead" in comment)
            or (node == "n2" and gone and not (knows_pods and "pod live" in comment))
        )
        assert (f"c{number}" not in left) == is_dead, (number, node, comment, is_named)
