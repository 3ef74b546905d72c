"""Addresses of the original become this generation's only when a node shows them, and a person says so."""

from __future__ import annotations

from typing import Any

import pytest
from desk_world import CUT, DOWN, GONE, LATE, DeskWorld, Setup, address_of, has_released

from coordinator.desk import Received
from coordinator.events import OperatorAsked, OperatorLeft
from coordinator.inquiry import NODES_S
from coordinator.operators import AT_ONCE_MAX, PROPOSAL_S
from gridsim import calls as gridsim_calls
from gridsim.faults import Faults
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from protocol.messages import Interface, Interfaces, ListInterfaces, Message
from protocol.operator import (
    Adopt,
    Adopted,
    AdoptionResult,
    Finding,
    ListUnadopted,
    OperatorRequest,
    TurnedDown,
    Unadopted,
)
from protocol.paging import pages_of

ONE, TWO = "1" * 64, "2" * 64
NETWORK = "10.77.0.0/24"


class LegacyWorld(DeskWorld):
    """A grid as the original left it, nodes that show what lives on them, a person's command."""

    def __init__(self, *pods: LegacyPod, cluster: str = "blue") -> None:
        super().__init__(Setup(cluster=cluster, release_delay_s=0), network=None)
        legacy = LegacyCluster(NETWORK, "10.77.0.1", "pods", cluster, pods=pods or (LegacyPod("web-0", ONE),))
        create_legacy(self.grid, legacy)
        self.alive: dict[str, dict[str, str]] = {}
        self.silent: set[str] = set()
        self._tickets = 0
        self._shown: set[str] = set()

    def lives(self, address: str, node: str = "n1", ifname: str = "eth0") -> None:
        """A namespace of this node has the address."""
        self.alive.setdefault(node, {})[address] = ifname

    def command(self, request: OperatorRequest) -> list[Any]:
        """A person's command asks, until nothing more happens at this moment; what it was told."""
        ticket = self.begin(request)
        self.go_on()
        return self.heard(ticket)

    def begin(self, request: OperatorRequest) -> int:
        self._tickets += 1
        self.handle([OperatorAsked(self._tickets, request, self.now_s)])
        return self._tickets

    def heard(self, ticket: int) -> list[Any]:
        return [each.message for each in self.told if each.ticket == ticket]

    def go_on(self) -> None:
        self.settle()
        while self._show():
            self.settle()

    def list(self) -> list[Unadopted]:
        return self.command(ListUnadopted(id="list"))

    def adopt(self, listed: list[Unadopted]) -> list[AdoptionResult]:
        answers = self.command(Adopt(id="adopt", proposal=listed[-1].proposal))
        assert all(isinstance(answer, Adopted) for answer in answers), answers
        assert [answer.last for answer in answers] == [False] * (len(answers) - 1) + [True]
        return [result for answer in answers for result in answer.results]

    def object_at(self, address: str) -> dict[str, Any]:
        (found,) = (each for each in self.grid.objects("fixedaddress") if each["ipv4addr"] == address)
        return found

    def eas(self, address: str) -> dict[str, str]:
        return {name: each["value"] for name, each in self.object_at(address)["extattrs"].items()}

    def _show(self) -> bool:
        asked = [
            each for each in self.sent if isinstance(each[1], ListInterfaces) and each[1].id not in self._shown
        ]
        for connection, message in asked:
            node = next(name for name, its in self.connections.items() if its == connection)
            if node not in self.silent:
                for page in self._interfaces(node, message):
                    self.hears(node, page)
        self._shown |= {message.id for _, message in asked}
        return bool(asked)

    def hears(self, node: str, message: Interfaces) -> None:
        self.handle([Received(node, self.connections[node], message, self.now_s)])

    def _interfaces(self, node: str, asked: Message) -> list[Interfaces]:
        seen = [
            Interface(namespace=f"ns-{address}", ifname=ifname, addresses=[address])
            for address, ifname in self.alive.get(node, {}).items()
        ]
        pages = pages_of(seen)
        return [
            Interfaces(id=asked.id, page=number, last=number == len(pages) - 1, interfaces=page)
            for number, page in enumerate(pages)
        ]


@pytest.fixture
def world() -> LegacyWorld:
    world = LegacyWorld()
    world.start()
    world.connect("n1")
    world.lives("10.77.0.2")
    return world


def found(listed: list[Unadopted]) -> list[tuple[str, Finding]]:
    return [(each.address, each.finding) for page in listed for each in page.addresses]


def why(results: list[AdoptionResult]) -> str:
    (result,) = results
    return result.why


def test_the_list_says_what_is_where(world: LegacyWorld) -> None:
    create_legacy(
        world.grid, LegacyCluster("10.78.0.0/24", "10.78.0.1", tenant="blue", pods=(LegacyPod("x", TWO),))
    )
    (page,) = world.list()
    assert page.last
    assert page.remarks == []
    assert found([page]) == [
        ("10.77.0.1", Finding.GATEWAY),
        ("10.77.0.2", Finding.ADOPT),
        ("10.78.0.1", Finding.GATEWAY),
        ("10.78.0.2", Finding.LEAVE),
    ]
    pod = page.addresses[1]
    assert (pod.container_id, pod.name, pod.node, pod.ifname) == (ONE, "web-0", "n1", "eth0")


def test_listing_changes_nothing(world: LegacyWorld) -> None:
    before = world.grid.objects("fixedaddress")
    world.list()
    assert world.grid.objects("fixedaddress") == before


def test_adoption_adds_node_interface_and_boot_and_keeps_the_rest(world: LegacyWorld) -> None:
    mine = {"Tenant ID", "CMP Type", "Cloud API Owned", "VM ID"}
    reference = world.object_at("10.77.0.2")["_ref"]
    world.grid.update(reference, {"extattrs+": {"VM Name": {"value": "an admin's"}}})
    before = world.object_at("10.77.0.2")
    others = [each for each in world.grid.objects("fixedaddress") if each != before]

    assert world.adopt(world.list()) == [AdoptionResult(view="default", address="10.77.0.2")]

    after = world.object_at("10.77.0.2")
    assert after["comment"] == "boot boot-n1"
    assert {name: each for name, each in after["extattrs"].items() if name in mine | {"VM Name"}} == before[
        "extattrs"
    ]
    assert world.eas("10.77.0.2").keys() == mine | {"VM Name", "Interface Name", "Location"}
    assert (world.eas("10.77.0.2")["Interface Name"], world.eas("10.77.0.2")["Location"]) == ("eth0", "n1")
    assert [each for each in world.grid.objects("fixedaddress") if each != after] == others


def test_a_comment_of_an_admin_stays(world: LegacyWorld) -> None:
    world.grid.update(world.object_at("10.77.0.2")["_ref"], {"comment": "do not touch"})
    world.adopt(world.list())
    assert world.object_at("10.77.0.2")["comment"] == "do not touch"


def test_del_releases_what_was_adopted_and_nothing_before(world: LegacyWorld) -> None:
    before = world.grid.objects("fixedaddress")
    assert has_released(world.delete(TWO))
    assert world.grid.objects("fixedaddress") == before
    world.adopt(world.list())
    assert has_released(world.delete(ONE))
    assert list(world.fixed()) == ["10.77.0.1"]


def test_before_adoption_del_touches_nothing_and_its_address_is_not_adopted_any_more(world: LegacyWorld) -> None:
    before = world.grid.objects("fixedaddress")
    listed = world.list()
    assert has_released(world.delete(ONE))
    assert "its node has said more of it" in why(world.adopt(listed))
    assert world.grid.objects("fixedaddress") == before


def test_what_the_original_removes_after_the_adoption_is_free_for_others(world: LegacyWorld) -> None:
    world.adopt(world.list())
    world.remove("10.77.0.2")
    answer = world.add(TWO, subnet=NETWORK)
    assert address_of(answer) == "10.77.0.2"
    assert world.fixed() == {"10.77.0.1": "N/A", "10.77.0.2": TWO}


def test_another_node_cannot_release_what_was_adopted(world: LegacyWorld) -> None:
    world.adopt(world.list())
    world.delete(ONE, node="n2")
    assert "10.77.0.2" in world.fixed()


@pytest.mark.parametrize("step", ["find", "update"])
def test_a_del_during_the_adoption_releases_the_address(world: LegacyWorld, step: str) -> None:
    listed = world.list()
    ticket = world.begin(Adopt(id="adopt", proposal=listed[-1].proposal))
    while not any(step in each for each in world.described()[-1]):
        world.land()
    world.ask(world.a_release(ONE))
    world.go_on()
    world.advance(120)
    assert world.heard(ticket)[-1].last
    assert "Location" not in {name for each in world.grid.objects("fixedaddress") for name in each["extattrs"]}


def test_a_del_before_its_adoption_begins_takes_its_place(world: LegacyWorld) -> None:
    listed = world.list()
    before = world.object_at("10.77.0.2")
    world.ask(world.an_allocate("busy"))
    ticket = world.begin(Adopt(id="adopt", proposal=listed[-1].proposal))
    world.ask(world.a_release(ONE))
    world.go_on()
    (answer,) = world.heard(ticket)
    assert answer.last
    assert "its node has said more of it" in why(answer.results)
    assert world.object_at("10.77.0.2") == before


def test_an_object_without_a_node_is_never_released(world: LegacyWorld) -> None:
    eas = {"Tenant ID": "blue", "CMP Type": "Kubernetes", "VM ID": TWO, "Interface Name": "eth0"}
    wrapped = {name: {"value": value} for name, value in eas.items()}
    world.grid.create("fixedaddress", {"ipv4addr": "10.77.0.9", "match_client": "RESERVED", "extattrs": wrapped})
    assert has_released(world.delete(TWO))
    assert "10.77.0.9" in world.fixed()


def test_an_object_of_another_container_at_the_same_address_is_left_alone(world: LegacyWorld) -> None:
    listed = world.list()
    world.remove("10.77.0.2")
    create = {"ipv4addr": "10.77.0.2", "match_client": "RESERVED"}
    eas = {"Tenant ID": "blue", "CMP Type": "Kubernetes", "VM ID": TWO}
    world.grid.create("fixedaddress", {**create, "extattrs": {name: {"value": its} for name, its in eas.items()}})
    before = world.grid.objects("fixedaddress")
    assert why(world.adopt(listed)) == "it is gone from the grid"
    assert world.grid.objects("fixedaddress") == before


@pytest.mark.parametrize("fate", [CUT, GONE, LATE])
def test_a_write_of_unknown_outcome_is_looked_up(world: LegacyWorld, fate: str) -> None:
    listed = world.list()
    world.next_calls(fate, only="extattrs+")
    assert why(world.adopt(listed)) == ""
    assert world.eas("10.77.0.2")["Location"] == "n1"
    world.delete(ONE)
    world.advance(120)
    assert list(world.fixed()) == ["10.77.0.1"]


def test_a_write_that_comes_late_hits_no_other_object() -> None:
    world = LegacyWorld()
    world.grid.faults = Faults(user_kind="no-request")
    world.start()
    world.connect("n1")
    world.lives("10.77.0.2")
    world.advance(60)
    world.connect("n1")
    listed = world.list()
    world.next_calls(LATE, only="extattrs+")
    world.adopt(listed)
    world.delete(ONE)
    world.add(TWO, node="n2", subnet=NETWORK)
    world.advance(120)
    pods = {address: container for address, container in world.fixed().items() if container != "N/A"}
    assert list(pods.values()) == [TWO]
    assert [world.eas(address)["Location"] for address in pods] == ["n2"]


def test_a_grid_without_the_object_request_is_adopted_from_too() -> None:
    world = LegacyWorld()
    world.grid.faults = Faults(user_kind="no-request")
    world.start()
    world.connect("n1")
    world.lives("10.77.0.2")
    assert why(world.adopt(world.list())) == ""
    assert world.eas("10.77.0.2")["Location"] == "n1"


def test_a_node_that_rebooted_after_the_list_gets_nothing(world: LegacyWorld) -> None:
    listed = world.list()
    world.advance(40)
    world.connect("n1", boot_id="boot-2")
    assert why(world.adopt(listed)) == "n1 has rebooted meanwhile"
    assert "Location" not in world.eas("10.77.0.2")


def test_a_node_that_does_not_answer_is_named_after_a_while(world: LegacyWorld) -> None:
    world.connect("n2")
    world.silent.add("n2")
    ticket = world.begin(ListUnadopted(id="list"))
    world.go_on()
    assert world.heard(ticket) == []
    world.advance(NODES_S + 1)
    (page,) = world.heard(ticket)
    assert page.remarks == ["n2 did not say what it sees"]
    assert ("10.77.0.2", Finding.ADOPT) in found([page])


def test_what_a_node_says_unasked_is_ignored(world: LegacyWorld) -> None:
    lie = Interface(namespace="x", ifname="eth9", addresses=["10.77.0.2"])
    world.hears("n1", Interfaces(id="interfaces-1", page=0, last=True, interfaces=[lie]))
    assert world.list()[-1].addresses[1].ifname == "eth0"


def test_a_node_that_was_not_asked_is_not_believed(world: LegacyWorld) -> None:
    world.silent.add("n1")
    ticket = world.begin(ListUnadopted(id="list"))
    world.go_on()
    world.connect("n2")
    lie = Interface(namespace="x", ifname="eth9", addresses=["10.77.0.2"])
    world.hears("n2", Interfaces(id=f"interfaces-{ticket}", page=0, last=True, interfaces=[lie]))
    world.advance(NODES_S + 1)
    (page,) = world.heard(ticket)
    assert ("10.77.0.2", Finding.LEAVE) in found([page])


def test_a_grid_that_does_not_serve_turns_the_command_down(world: LegacyWorld) -> None:
    world.next_calls(DOWN, count=1000)
    ticket = world.begin(ListUnadopted(id="list"))
    world.go_on()
    world.advance(120)
    (answer,) = world.heard(ticket)
    assert isinstance(answer, TurnedDown)
    assert "does not serve" in answer.msg


def test_a_grid_that_refuses_at_length_turns_the_command_down(
    world: LegacyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"Unknown extensible attribute: {'y' * 5000}"
    monkeypatch.setattr(world.grid, "call", lambda call: gridsim_calls.Reply(400, {"text": text}))
    (answer,) = world.command(ListUnadopted(id="list"))
    assert isinstance(answer, TurnedDown)
    assert "superuser" in answer.details


def test_a_list_is_good_once_and_for_a_while(world: LegacyWorld) -> None:
    listed = world.list()
    world.adopt(listed)
    again = Adopt(id="again", proposal=listed[-1].proposal)
    assert isinstance(world.command(again)[0], TurnedDown)
    fresh = world.list()
    world.advance(PROPOSAL_S + 1)
    assert isinstance(world.command(Adopt(id="late", proposal=fresh[-1].proposal))[0], TurnedDown)


def test_adopted_addresses_are_not_listed_again(world: LegacyWorld) -> None:
    world.adopt(world.list())
    assert found(world.list()) == [("10.77.0.1", Finding.GATEWAY)]


def test_a_command_that_leaves_stops_what_has_not_begun() -> None:
    count = AT_ONCE_MAX + 20
    world = LegacyWorld(*(LegacyPod(f"web-{n}", f"{n:064x}") for n in range(count)))
    world.start()
    world.connect("n1")
    for n in range(count):
        world.lives(f"10.77.0.{n + 2}", ifname="eth0")
    listed = world.list()
    ticket = world.begin(Adopt(id="adopt", proposal=listed[-1].proposal))
    world.handle([OperatorLeft(ticket, world.now_s)])
    world.go_on()
    adopted = [each for each in world.grid.objects("fixedaddress") if "Location" in each["extattrs"]]
    assert len(adopted) == AT_ONCE_MAX


def test_hundreds_are_adopted_in_few_calls() -> None:
    count = 200
    world = LegacyWorld(*(LegacyPod(f"web-{n}", f"{n:064x}") for n in range(count)))
    world.start()
    world.connect("n1")
    for n in range(count):
        world.lives(f"10.77.0.{n + 2}")
    listed = world.list()
    calls = len(world.calls)
    results = world.adopt(listed)
    assert len(results) == count
    assert not any(result.why for result in results)
    assert len(world.calls) - calls < 50


def test_under_the_default_cluster_name_only_what_a_node_shows_is_adopted() -> None:
    world = LegacyWorld(LegacyPod("mine", ONE), LegacyPod("another cluster's", TWO), cluster="cluster-1")
    world.start()
    world.connect("n1")
    world.lives("10.77.0.2")
    stranger = world.object_at("10.77.0.3")
    assert [each.address for each in world.adopt(world.list())] == ["10.77.0.2"]
    assert world.object_at("10.77.0.3") == stranger
