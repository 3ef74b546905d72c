"""What tickets and tokens prove, and how much is heard of strangers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from coordinator.cluster.token_claims import PodAsk, PodFacts, TokenFacts, TokenRules, judge, node_of_pod
from coordinator.cluster.token_reviewer import PATIENCE_S, Review, Reviewed, Reviewer
from coordinator.core.errors import EnrolmentUnavailable, TicketRefused, TokenRefused
from coordinator.nodes.rate_limit import CONNECTIONS_MAX, MESSAGE_BYTES_MAX, MESSAGES_MAX, WINDOW_S, RateLimit
from coordinator.nodes.tickets import Ticket, Tickets
from protocol.errors import Problem
from tests.unexpected import NothingUnexpected

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000
SECRET = b"s" * 40
KEY, OTHER_KEY = b"k" * 40, b"o" * 40
RULES = TokenRules("cni-infoblox", "kube-system:cni-infoblox-agent")
IS_AUTHENTICATED = True
FACTS = TokenFacts(IS_AUTHENTICATED, RULES.username, ("cni-infoblox",), "node-1", "agent-x", "uid-x", "")


# Tickets


def a_ticket(node: str = "node-1", key: bytes = KEY, issued_ms: int = NOW_MS) -> Ticket:
    return Ticket(node, key, issued_ms, issued_ms + HOUR_MS)


def test_a_ticket_is_read_back_until_it_expires() -> None:
    tickets = Tickets(SECRET)
    text = tickets.issue(a_ticket())
    assert tickets.read(text, KEY, NOW_MS + HOUR_MS - 1) == a_ticket()
    with pytest.raises(TicketRefused, match="expired"):
        tickets.read(text, KEY, NOW_MS + HOUR_MS)


def test_a_stolen_ticket_does_not_serve_another_key() -> None:
    tickets = Tickets(SECRET)
    with pytest.raises(TicketRefused, match="another key"):
        tickets.read(tickets.issue(a_ticket()), OTHER_KEY, NOW_MS)


def test_another_coordinators_ticket_is_refused() -> None:
    text = Tickets(b"x" * 40).issue(a_ticket())
    with pytest.raises(TicketRefused, match="did not issue"):
        Tickets(SECRET).read(text, KEY, NOW_MS)


@given(position=st.integers(0, 400), letter=st.sampled_from("Aa0_-.z"))
def test_a_ticket_with_one_other_letter_is_refused(position: int, letter: str) -> None:
    tickets = Tickets(SECRET)
    text = tickets.issue(a_ticket())
    position %= len(text)
    forged = text[:position] + letter + text[position + 1 :]
    try:
        assert tickets.read(forged, KEY, NOW_MS) == a_ticket()  # base64 has spare bits at its end
    except TicketRefused:
        assert forged != text


@given(text=st.text(max_size=99))
def test_garbage_is_no_ticket(text: str) -> None:
    with pytest.raises(TicketRefused):
        Tickets(SECRET).read(text, KEY, NOW_MS)


# Claims


def test_the_token_names_the_node() -> None:
    assert judge(FACTS, RULES) == "node-1"


def test_a_token_without_a_node_leads_to_its_pod() -> None:
    ask = judge(replace(FACTS, node=None), RULES)
    assert ask == PodAsk("kube-system", "agent-x", "uid-x")
    assert node_of_pod(PodFacts("uid-x", "node-7"), ask, RULES) == "node-7"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(FACTS, authenticated=False, error="[invalid bearer token]"), "invalid bearer"),
        (replace(FACTS, authenticated=False), "does not authenticate"),
        (replace(FACTS, audiences=("vault",)), "vault"),
        (replace(FACTS, audiences=()), "no audience"),
        (replace(FACTS, username="system:serviceaccount:default:cni-infoblox-agent"), "default"),
        (replace(FACTS, username="system:serviceaccount:kube-system:cni-infoblox-agent-2"), "agent-2"),
        (replace(FACTS, username="kubernetes-admin"), "admin"),
        (replace(FACTS, node=None, pod_name=None), "no pod"),
        (replace(FACTS, node=None, pod_uid=None), "no pod"),
        (replace(FACTS, node="", pod_uid=""), "no pod"),
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(facts: TokenFacts, why: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        judge(facts, RULES)
    assert why in caught.value.details


@pytest.mark.parametrize("pod", [None, PodFacts("uid-of-a-later-pod", "node-7"), PodFacts("uid-x", None)])
def test_a_pod_that_is_not_the_tokens_decides_nothing(pod: PodFacts | None) -> None:
    with pytest.raises(TokenRefused):
        node_of_pod(pod, PodAsk("kube-system", "agent-x", "uid-x"), RULES)


# The thread that asks


@dataclass
class ScriptedApi:
    facts: TokenFacts | Problem
    found: PodFacts | None = None
    asked: list[str] = field(default_factory=list)

    def review(self, token: str, audience: str) -> TokenFacts:
        self.asked.append(f"{token} for {audience}")
        if isinstance(self.facts, Problem):
            raise self.facts
        return self.facts

    def pod(self, namespace: str, name: str) -> PodFacts | None:
        self.asked.append(f"{namespace}/{name}")
        return self.found


def reviewed(api: ScriptedApi, waited_s: float = 0.0) -> str | Problem:
    results: list[Reviewed] = []
    reviewer = Reviewer(api, RULES, results.append, lambda: 100.0, NothingUnexpected())
    reviewer.review(Review(KEY, "the-token", 100.0 - waited_s))
    reviewer.stop()
    reviewer.run()
    assert [result.key for result in results] == [KEY]
    return results[0].found


def test_a_token_is_reviewed_and_its_pod_asked_for_where_need_be() -> None:
    api = ScriptedApi(replace(FACTS, node=None), PodFacts("uid-x", "node-7"))
    assert reviewed(api) == "node-7"
    assert api.asked == ["the-token for cni-infoblox", "kube-system/agent-x"]


def test_trouble_is_handed_back_as_it_is() -> None:
    problem = EnrolmentUnavailable(cause="down")
    assert reviewed(ScriptedApi(problem)) is problem


def test_a_token_that_waited_too_long_costs_no_question() -> None:
    api = ScriptedApi(FACTS)
    assert isinstance(reviewed(api, PATIENCE_S + 1), EnrolmentUnavailable)
    assert api.asked == []


# Strangers


def test_a_stranger_is_heard_a_few_times_in_a_while() -> None:
    strangers = RateLimit()
    heard = [strangers.may_speak(b"c1", 100, 5.0) for _ in range(MESSAGES_MAX + 5)]
    assert sum(heard) == MESSAGES_MAX
    assert strangers.may_speak(b"c2", 100, 5.0)
    assert strangers.may_speak(b"c1", 100, 5.0 + WINDOW_S)


def test_long_messages_are_not_read() -> None:
    strangers = RateLimit()
    assert strangers.may_speak(b"c1", MESSAGE_BYTES_MAX, 0.0)
    assert not strangers.may_speak(b"c1", MESSAGE_BYTES_MAX + 1, 0.0)


def test_whoever_comes_new_is_heard_through_any_crowd() -> None:
    strangers = RateLimit()
    for number in range(2 * CONNECTIONS_MAX):
        assert strangers.may_speak(b"%d" % number, 1, 0.0)
