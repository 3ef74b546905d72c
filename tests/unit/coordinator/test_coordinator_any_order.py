"""Nodes, faults, restarts in any order, checked against what the runtimes were told and what the grid holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from desk_world import CUT, DOWN, GONE, LATE, SUBNET, DeskWorld, Setup, a_mac
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gridsim.faults import Faults
from gridsim.model import Grid
from nodeagent.journal_records import RESEND_ATTEMPT
from protocol.messages import Allocate, Allocated, Declined, Release, Released

SMALL_SUBNET = "10.66.0.0/29"
NODES = ("n1", "n2")
ATTACHMENTS = {("k0", "eth0"): "n1", ("k0", "net1"): "n1", ("k1", "eth0"): "n2", ("k2", "eth0"): "n1"}
WRITES = ("nextavailableip", "'DELETE'")
FOREIGN = {
    "10.55.0.3": {"VM ID": "k0", "Interface Name": "eth0", "Location": "n1", "Tenant ID": "red"},
    "10.66.0.3": {"VM ID": "k1", "Interface Name": "eth1", "Tenant ID": "blue"},
}


@dataclass
class Life:
    """One attachment as its node's journal has it."""

    container: str
    ifname: str
    node: str
    seq: int = 0
    attempt: int = 0
    mac: str | None = None
    wish: Allocate | Release | None = None
    asked: list[str] = field(default_factory=list)
    address: str | None = None
    asked_at_s: float = 0.0
    unanswered_since_s: float | None = None
    released_at_s: float | None = None
    was_asked: bool = False
    was_declined: bool = False


class Coordination(RuleBasedStateMachine):
    """Each container lives on one node, whose agent behaves as docs/protocol.md says."""

    lives: dict[tuple[str, str], Life]

    def __init__(self) -> None:
        super().__init__()
        self.lives = {}

    @initialize(
        mode=st.sampled_from(["all", "stop", "continue"]),
        reading=st.sampled_from(["list", "object", "flattened"]),
        kind=st.sampled_from(["superuser", "no-request"]),
        subnet=st.sampled_from([SUBNET, SMALL_SUBNET]),
        operations_max=st.sampled_from([2, 256]),
    )
    def begin(self, mode: str, reading: str, kind: str, subnet: str, operations_max: int) -> None:
        self.subnet = subnet
        faults = Faults().changed({"request_atomicity": mode, "get_element": reading, "user_kind": kind})
        self.world = DeskWorld(Setup(release_delay_s=5.0, operations_max=operations_max), Grid(faults=faults))
        self.world.make_network(SMALL_SUBNET)
        for number, (address, eas) in enumerate(FOREIGN.items()):
            wrapped = {name: {"value": value} for name, value in eas.items()}
            data = {"ipv4addr": address, "mac": a_mac(number), "name": f"k{number}", "extattrs": wrapped}
            self.world.grid.create("fixedaddress", data)
        self.world.start()
        self.world.add("warm", subnet=subnet, gateway="0.0.0.1")
        self.world.delete("warm")
        self.world.advance(40.0)
        self.lives = {name: Life(*name, node) for name, node in ATTACHMENTS.items()}
        self.greet()

    # What nodes do

    @rule(which=st.sampled_from(list(ATTACHMENTS)), mac=st.sampled_from([None, "own", "shared"]))
    def add(self, which: tuple[str, str], mac: str | None) -> None:
        life = self.lives[which]
        if isinstance(life.wish, Allocate) or life.address:
            return
        if self.world.now_s > life.asked_at_s + 40.0:
            # Another MAC does not shut out a late create of a coordinator before: its object stays until a sweep.
            life.mac = mac
        numbers = {"own": 10 + list(ATTACHMENTS).index(which), "shared": 9}
        about = {"ifname": life.ifname, "subnet": self.subnet, "gateway": "0.0.0.1"}
        about |= {"mac": a_mac(numbers[life.mac])} if life.mac else {}
        if life.was_declined:
            about |= {"seq": life.seq, "attempt": life.attempt + 1}
            about |= {"first_sent_ms_ago": self.ms_ago(life.asked_at_s)}
        elif life.wish:
            about |= {"attempt": RESEND_ATTEMPT}
        about |= {"released_ms_ago": self.ms_ago(life.released_at_s)}
        self.wish(life, self.world.an_allocate(life.container, life.node, **about))

    @rule(which=st.sampled_from(list(ATTACHMENTS)))
    def delete(self, which: tuple[str, str]) -> None:
        life = self.lives[which]
        if isinstance(life.wish, Release):
            return
        life.address = None
        about: dict[str, Any] = {"attempt": RESEND_ATTEMPT} if life.released_at_s is not None else {}
        if life.released_at_s is None:
            life.released_at_s = self.world.now_s
        about |= {"ifname": life.ifname, "unanswered_ask_ms_ago": self.ms_ago(life.unanswered_since_s)}
        about |= {"subnet": self.subnet} if life.was_asked else {}
        self.wish(life, self.world.a_release(life.container, life.node, **about))

    @rule(which=st.sampled_from(list(ATTACHMENTS)), is_renamed=st.booleans())
    def resend(self, which: tuple[str, str], is_renamed: bool) -> None:
        life = self.lives[which]
        if life.wish is None:
            return
        changes: dict[str, Any] = {"attempt": life.attempt + 1, "first_sent_ms_ago": self.ms_ago(life.asked_at_s)}
        if is_renamed:
            changes["id"] = self.world.next_id()
        life.wish = life.wish.model_copy(update=changes)
        self.send(life, life.wish)

    @rule(node=st.sampled_from(NODES))
    def reconnect(self, node: str) -> None:
        self.greet(node)

    # What goes wrong

    @rule(
        fate=st.sampled_from([GONE, CUT, LATE, DOWN]),
        count=st.integers(1, 2),
        only=st.sampled_from(["", *WRITES]),
    )
    def disturb(self, fate: str, count: int, only: str) -> None:
        self.world.next_calls(fate, count, only)

    @rule()
    def restart(self) -> None:
        self.take_answers()
        self.world.start_unsettled()
        self.greet()

    @precondition(lambda self: bool(self.lives) and self.world.flight is not None)
    @rule()
    def land(self) -> None:
        self.world.land()

    @rule(seconds=st.sampled_from([0.5, 6.0, 12.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    # What must hold

    @invariant()
    def no_address_has_two_holders(self) -> None:
        if not self.lives:
            return
        self.take_answers()
        held = [life.address for life in self.lives.values() if life.address]
        assert len(set(held)) == len(held)
        holders = self.holders()
        for which, life in self.lives.items():
            assert life.address is None or holders.get(life.address) == which, (life, holders)

    @invariant()
    def nothing_foreign_is_touched(self) -> None:
        if not self.lives:
            return
        found = {each["ipv4addr"]: each["extattrs"] for each in self.world.grid.objects("fixedaddress")}
        for address, eas in FOREIGN.items():
            assert {name: wrapped["value"] for name, wrapped in found[address].items()} == eas

    def teardown(self) -> None:
        """The faults end; then everything becomes quiet, with nothing left behind."""
        if not self.lives:
            return
        self.world.rules.clear()
        for _ in range(4):
            self.world.advance(70.0)
            self.take_answers()
            self.greet()
            for which in ATTACHMENTS:
                self.resend(which, is_renamed=False)
        self.world.advance(200.0)
        self.no_address_has_two_holders()
        # A declined ADD may have left an object, which the DEL takes that every runtime then sends.
        self.delete_all(which for which, life in self.lives.items() if life.was_declined)
        live = {life.address: which for which, life in self.lives.items() if life.address}
        spare = {which for address, which in self.holders().items() if live.get(address) != which}
        assert spare <= set(live.values()), self.world.described()[-30:]
        self.no_address_has_two_holders()
        self.delete_all(live.values())
        assert not self.holders(), self.world.described()[-30:]
        assert not [life for life in self.lives.values() if isinstance(life.wish, Release)]
        reservations = {address for address, who in self.world.fixed().items() if not who}
        assert reservations == {f"{self.subnet.rpartition('.')[0]}.1"}

    # Inside

    def delete_all(self, attachments: Iterable[tuple[str, str]]) -> None:
        for which in list(attachments):
            self.delete(which)
        self.world.advance(200.0)
        self.take_answers()

    def holders(self) -> dict[str, tuple[str, str]]:
        """Which attachment has which address, as the grid says."""
        found = [each for each in self.world.grid.objects("fixedaddress") if each["ipv4addr"] not in FOREIGN]
        eas = {each["ipv4addr"]: each["extattrs"] for each in found if "VM ID" in each["extattrs"]}
        return {at: (each["VM ID"]["value"], each["Interface Name"]["value"]) for at, each in eas.items()}

    def wish(self, life: Life, message: Allocate | Release) -> None:
        if not (life.was_declined and isinstance(message, Allocate)):
            life.asked_at_s = self.world.now_s
        life.wish, life.seq, life.was_declined = message, message.seq, False
        self.send(life, message)

    def ms_ago(self, at_s: float | None) -> int | None:
        return None if at_s is None else int((self.world.now_s - at_s) * 1000)

    def send(self, life: Life, message: Allocate | Release) -> None:
        life.asked.append(message.id)
        life.attempt = message.attempt
        if isinstance(message, Allocate):
            life.unanswered_since_s, life.was_asked = self.world.now_s, True
        self.world.ask(message, node=life.node)

    def take_answers(self) -> None:
        for life in self.lives.values():
            for request in life.asked:
                self.take_answer(life, request)
            life.asked = life.asked[-2:]

    def take_answer(self, life: Life, request: str) -> None:
        answer = self.world.answers.pop(request, None)
        if answer is None or life.wish is None or getattr(answer, "seq", life.seq) != life.seq:
            return
        if isinstance(answer, Allocated) and isinstance(life.wish, Allocate):
            life.address = answer.addresses[0].address.partition("/")[0]
            life.wish, life.released_at_s = None, None
            self.forget_ask(life)
            mark = f"coordinator {self.world.coordinator_id}"
            assert self.world.at(life.address)["comment"].endswith(mark), "another one may still give it away"
        elif isinstance(answer, Released) and isinstance(life.wish, Release):
            life.wish, life.unanswered_since_s = None, None
        elif isinstance(life.wish, Allocate) and request == life.wish.id:
            life.wish, life.was_declined = None, True
            if isinstance(answer, Declined) and answer.settled:
                self.forget_ask(life)

    def forget_ask(self, life: Life) -> None:
        """An answer says nothing of earlier attempts."""
        if life.attempt == 1:
            life.unanswered_since_s = None

    def greet(self, *nodes: str) -> None:
        self.take_answers()
        for node in nodes or NODES:
            holdings = [
                self.world.holding(life.container, life.address, life.seq, self.subnet, life.ifname)
                for life in self.lives.values()
                if life.address and life.node == node
            ]
            self.world.connect(node, holdings)


TestCoordination = Coordination.TestCase
TestCoordination.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, derandomize=True)
