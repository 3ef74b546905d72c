"""Which key speaks for which node: tickets, tokens, and who is kept out."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from coordinator.cluster.token_claims import TokenFacts, TokenRules
from coordinator.cluster.token_reviewer import Review, Reviewed
from coordinator.commands import Note, Send
from coordinator.core.errors import EnrolmentUnavailable
from coordinator.enrolment import REVIEWS_MAX, Enrolment, EnrolmentEffect, Knocked
from coordinator.nodes.tickets import Tickets
from protocol.errors import Problem
from protocol.messages import Declined, Enrol, Enrolled, ShowTicket

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000
SECRET = b"s" * 40
KEY, OTHER_KEY = b"k" * 40, b"o" * 40
RULES = TokenRules("cni-infoblox", "kube-system:cni-infoblox-agent")
IS_AUTHENTICATED = True
FACTS = TokenFacts(IS_AUTHENTICATED, RULES.username, ("cni-infoblox",), "node-1", "agent-x", "uid-x", "")


# The machine


@dataclass
class Files:
    keys: dict[bytes, str] = field(default_factory=dict)

    def node_of(self, public_key: bytes) -> str | None:
        return self.keys.get(public_key)

    def has(self, node: str) -> bool:
        return node in self.keys.values()


class Room:
    """An enrolment with what surrounds it; `live` maps nodes that are connected to their boot IDs."""

    def __init__(self) -> None:
        self.files = Files()
        self.live: dict[str, str] = {}
        self.now_ms = NOW_MS
        self.tickets = Tickets(SECRET)
        self.machine = Enrolment(self.tickets, HOUR_MS, self.files, lambda node, now_s: self.live.get(node))

    def knock(
        self, message: Enrol | ShowTicket, key: bytes = KEY, connection: bytes = b"c"
    ) -> list[EnrolmentEffect]:
        return self.machine.knocked(Knocked(connection, key, message, 0.0, self.now_ms))

    def review(self, found: str | Problem, key: bytes = KEY) -> list[EnrolmentEffect]:
        return self.machine.reviewed(Reviewed(key, found), 0.0, self.now_ms)

    def enrol(self, node: str = "node-1", key: bytes = KEY, boot_id: str = "b1") -> Enrolled | Declined:
        self.knock(an_enrol(node, boot_id), key)
        return answer(self.review(node, key))

    def show(
        self, ticket: str, node: str = "node-1", key: bytes = KEY, boot_id: str = "b1"
    ) -> Enrolled | Declined:
        return answer(self.knock(ShowTicket(id="ticket-1", node=node, boot_id=boot_id, ticket=ticket), key))

    def node_of(self, key: bytes = KEY) -> str | None:
        return self.machine.node_of(key, self.now_ms)

    def restarted(self) -> Room:
        room = Room()
        room.now_ms = self.now_ms
        return room


def an_enrol(node: str = "node-1", boot_id: str = "b1") -> Enrol:
    return Enrol.model_validate({"id": "enrol-1", "node": node, "boot_id": boot_id, "token": "secret-token"})


def answer(effects: list[EnrolmentEffect]) -> Enrolled | Declined:
    found = [effect.message for effect in effects if isinstance(effect, Send)]
    assert len(found) == 1
    assert isinstance(found[0], Enrolled | Declined)
    return found[0]


def ticket_of(enrolled: Enrolled | Declined) -> str:
    assert isinstance(enrolled, Enrolled)
    assert enrolled.ticket
    return enrolled.ticket


def code_of(declined: Enrolled | Declined) -> int:
    assert isinstance(declined, Declined)
    return declined.code


def test_a_reviewed_token_binds_the_key_and_earns_a_ticket() -> None:
    room = Room()
    assert room.knock(an_enrol()) == [Review(KEY, "secret-token", 0.0)]
    assert room.node_of() is None
    enrolled = answer(room.review("node-1"))
    assert isinstance(enrolled, Enrolled)
    assert (enrolled.node, enrolled.valid_ms) == ("node-1", HOUR_MS)
    assert room.node_of() == "node-1"
    assert room.node_of(OTHER_KEY) is None


def test_the_token_shows_in_no_text() -> None:
    room = Room()
    effects = [*room.knock(an_enrol()), *room.review(EnrolmentUnavailable(cause="down"))]
    knocked = Knocked(b"c", KEY, an_enrol(), 0.0, NOW_MS)
    assert "secret-token" not in repr((effects, knocked))


def test_a_ticket_serves_a_coordinator_that_knows_nothing_yet() -> None:
    room = Room()
    ticket = ticket_of(room.enrol())
    room.now_ms += 1000
    later = room.restarted()
    shown = later.show(ticket)
    assert isinstance(shown, Enrolled)
    assert (shown.ticket, shown.valid_ms) == (None, HOUR_MS - 1000)
    assert later.node_of() == "node-1"


def test_a_key_is_forgotten_when_its_ticket_ends() -> None:
    room = Room()
    ticket = ticket_of(room.enrol())
    room.now_ms += HOUR_MS
    assert room.node_of() is None
    assert code_of(room.show(ticket)) == 104


@pytest.mark.parametrize("found", ["node-2", "Node-1", "node-1.example"])
def test_a_token_of_another_node_is_refused(found: str) -> None:
    room = Room()
    room.knock(an_enrol("node-1"))
    effects = room.review(found)
    declined = answer(effects)
    assert isinstance(declined, Declined)
    assert (declined.code, declined.kind) == (103, "refused")
    assert "node-1" in declined.msg
    assert found in declined.msg
    assert [effect.event for effect in effects if isinstance(effect, Note)] == ["enrolment_refused"]
    assert room.node_of() is None


def test_a_ticket_of_another_node_name_is_refused() -> None:
    room = Room()
    assert code_of(room.show(ticket_of(room.enrol()), node="node-2")) == 103


def test_a_stolen_ticket_is_refused_to_another_key() -> None:
    room = Room()
    assert code_of(room.show(ticket_of(room.enrol()), key=OTHER_KEY)) == 104
    assert room.node_of(OTHER_KEY) is None


def test_an_api_server_that_is_down_postpones() -> None:
    room = Room()
    room.knock(an_enrol())
    declined = answer(room.review(EnrolmentUnavailable(cause="no connection")))
    assert isinstance(declined, Declined)
    assert (declined.code, declined.kind) == (11, "try_again")
    assert "no connection" in declined.details


def test_a_second_key_of_the_same_boot_takes_the_place_of_the_first() -> None:
    room = Room()
    room.enrol()
    room.live["node-1"] = "b1"
    assert isinstance(room.enrol(key=OTHER_KEY), Enrolled)
    assert (room.node_of(), room.node_of(OTHER_KEY)) == (None, "node-1")


def test_a_second_machine_is_kept_out_while_the_first_is_connected() -> None:
    room = Room()
    room.enrol()
    room.live["node-1"] = "b1"
    declined = room.enrol(key=OTHER_KEY, boot_id="b2")
    assert isinstance(declined, Declined)
    assert (declined.code, declined.kind) == (11, "try_again")
    assert (room.node_of(), room.node_of(OTHER_KEY)) == ("node-1", None)
    room.live.clear()
    assert isinstance(room.enrol(key=OTHER_KEY, boot_id="b2"), Enrolled)


def test_the_older_of_two_keys_does_not_come_back_with_its_ticket() -> None:
    room = Room()
    old = ticket_of(room.enrol())
    room.now_ms += 1
    room.enrol(key=OTHER_KEY)
    assert code_of(room.show(old)) == 104
    assert room.node_of(OTHER_KEY) == "node-1"


def test_after_a_restart_the_newer_of_two_keys_wins_in_either_order() -> None:
    room = Room()
    old = ticket_of(room.enrol())
    room.now_ms += 1
    new = ticket_of(room.enrol(key=OTHER_KEY))
    later = room.restarted()
    assert isinstance(later.show(old), Enrolled)
    assert isinstance(later.show(new, key=OTHER_KEY), Enrolled)
    assert (later.node_of(), later.node_of(OTHER_KEY)) == (None, "node-1")


def test_a_copied_key_does_not_serve_a_second_node() -> None:
    room = Room()
    room.enrol()
    assert code_of(room.enrol(node="node-2")) == 105
    assert room.node_of() == "node-1"
    room.now_ms += HOUR_MS
    assert isinstance(room.enrol(node="node-2"), Enrolled)
    room.now_ms += HOUR_MS
    assert isinstance(room.enrol(node="node-1", key=OTHER_KEY), Enrolled)


def test_an_authorized_key_is_known_without_the_api_server() -> None:
    room = Room()
    room.files.keys[KEY] = "node-1"
    enrolled = answer(room.knock(an_enrol()))
    assert enrolled == Enrolled(id="enrol-1", node="node-1")
    assert code_of(answer(room.knock(an_enrol("node-2")))) == 103


def test_a_node_with_an_authorized_key_has_no_second_one() -> None:
    room = Room()
    room.files.keys[OTHER_KEY] = "node-1"
    assert code_of(room.enrol()) == 105


def test_who_asks_again_is_answered_once_where_it_asked_last() -> None:
    room = Room()
    room.knock(an_enrol(), connection=b"old")
    assert room.knock(an_enrol(), connection=b"new") == []
    sent = [effect for effect in room.review("node-1") if isinstance(effect, Send)]
    assert [effect.connection for effect in sent] == [b"new"]
    assert room.review("node-1") == []


def test_no_more_tokens_wait_than_the_limit() -> None:
    room = Room()
    for number in range(REVIEWS_MAX):
        room.knock(an_enrol(f"node-{number}"), b"%040d" % number)
    declined = answer(room.knock(an_enrol("late")))
    assert isinstance(declined, Declined)
    assert declined.kind == "try_again"
    room.review("node-0", b"%040d" % 0)
    assert isinstance(room.knock(an_enrol("late"))[0], Review)


def test_expired_bindings_are_forgotten() -> None:
    room = Room()
    for number in range(100):
        room.enrol(f"node-{number}", b"%040d" % number)
    room.now_ms += HOUR_MS
    room.enrol()
    assert len(room.machine) == 1


def test_a_key_that_moved_to_another_node_outlives_its_former_binding() -> None:
    room = Room()
    room.enrol()
    room.now_ms += HOUR_MS - 1000
    room.enrol("bystander", OTHER_KEY)
    room.now_ms += 1000
    room.enrol("node-2")
    room.now_ms += 60_000
    room.enrol("bystander", OTHER_KEY)
    assert room.node_of() == "node-2"
