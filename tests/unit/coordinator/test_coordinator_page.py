"""The status page says what the status says, whatever stands in it, and lets nothing else into the browser."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.page.markup import element
from coordinator.page.status_page import NODES_SHOWN_MAX, render
from coordinator.page.style import POLICY
from coordinator.page.words import ago, duration
from protocol.texts import scrub
from protocol.wire.status import (
    AlarmStatus,
    EventStatus,
    FailureStatus,
    KubernetesStatus,
    LeaseStatus,
    NetworkStatus,
    SweepStatus,
)
from tests.statuses import a_coordinator, a_grid, a_node

NOW = datetime(2026, 11, 30, 3, 0, 0, tzinfo=UTC)
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta title link style body main header h1 h2 section div span p b i ul li svg rect time code "
        "table caption thead tbody tr th td",
    )
)
ATTRIBUTES = set(
    re.findall(
        r"[\w-]+",
        "lang charset name content http-equiv rel href class viewbox preserveaspectratio role aria-label x width "
        "height scope tabindex datetime title",
    )
)
VOID = {"meta", "link", "rect"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "<!-- ",
    "]]>",
    "&lt;b&gt; &amp; &#60;",
    "javascript:alert(1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}detrevni",
    "a\x00b\x1b[31m\r\nc",
)


class Reader(HTMLParser):
    """Reads a page as a browser does: tags, attributes, and what a person sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.style = ""
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += f"{data} "

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def an_event(event: str = "network_ready", **fields: str) -> EventStatus:
    return EventStatus(at="2026-11-30T02:59:58Z", event=event, is_alarm=event == "lost", fields=fields)


def a_failure(**changes: Any) -> FailureStatus:
    known = {
        "at": "2026-11-30T02:59:00Z",
        "first_at": "2026-11-30T02:50:00Z",
        "times": 3,
        "pod": "shop/web-1",
        "node": "node-1",
        "network": "10.55.0.0/24",
        "code": 11,
        "error": "NetworkExhausted",
        "reason": "no address left in network 10.55.0.0/24",
        "remedy": "Enlarge it.",
        "request": "r-0123456789",
    }
    return FailureStatus(**{**known, **changes})


def a_network(held: int, ready: int = 0, resting: int = 0, size: int = 254, **changes: Any) -> NetworkStatus:
    known = {"view": "default", "subnet": "10.55.0.0/24", "allocations": held + ready + resting, "ready": ready}
    return NetworkStatus(**{**known, "resting": resting, "size": size, **changes})


def everywhere(text: str) -> Any:
    """A status that has a text in each place where one can come from outside."""
    return a_coordinator(
        cluster=text,
        cluster_id=text,
        release=text,
        why_not_leading=text,
        grid=a_grid(state=text, reason=text, since_s=5, mode=text, missing_definitions=(text,)),
        nodes=(a_node(text).model_copy(update={"driver": text, "boot": text, "release": text}),),
        networks=(a_network(3, view=text, subnet=text),),
        sweep=SweepStatus(listed_s_ago=1, unreadable=1, stopped=text),
        alarms=(AlarmStatus(kind=text, node=text, since_s=1, text=text),),
        kubernetes=KubernetesStatus(fresh=False, nodes=2),
        lease=LeaseStatus(identity=text, holder=text, since=text, renewed_s_ago=1, valid=True, trouble=text),
        events=(EventStatus(at=text, event=text, is_alarm=True, fields={text: text}),),
        failures=(
            a_failure(at=text, first_at=text, pod=text, node=text, network=text).model_copy(
                update={"error": text, "reason": text, "remedy": text, "request": text}
            ),
        ),
    )


def check_harmless(page: str) -> Reader:
    read = Reader(page)
    assert read.tags <= TAGS
    assert {name for name, _ in read.attributes} <= ATTRIBUTES
    assert [value for name, value in read.attributes if name == "href"] == [
        value for name, value in read.attributes if value.startswith("data:image/svg+xml,")
    ]
    return read


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_whatever_comes_from_outside_is_text_wherever_it_stands(text: str) -> None:
    page = render(everywhere(text), NOW)
    read = check_harmless(page)
    assert read.text.count(scrub(text)) >= 20


@given(st.text(max_size=40))
def test_any_text_is_text(text: str) -> None:
    check_harmless(render(everywhere(text), NOW))


def test_the_policy_allows_this_very_style_and_no_script() -> None:
    style = Reader(render(a_coordinator(), NOW)).style
    digest = b64encode(sha256(style.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert set(rules) == {"default-src", "style-src", "img-src", "base-uri", "form-action", "frame-ancestors"}
    assert "prefers-color-scheme: dark" in style


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render(everywhere("x"), NOW)
    assert set(re.findall(r"https?://[^'\"\s&]+", page)) == {"http://www.w3.org/2000/svg"}


def test_the_page_tells_grid_lane_leader_networks_and_nodes() -> None:
    lease = LeaseStatus(
        identity="c-1_ab", holder="c-1_ab", since="2026-11-29T00:00:00.1Z", renewed_s_ago=1, valid=True, trouble=""
    )
    status = a_coordinator(
        lease=lease,
        nodes=(a_node("node-1", held=20), a_node("node-2", connected_s=None, heard_s_ago=300, held=2)),
        networks=(a_network(183, 5, 2),),
        sweep=SweepStatus(listed_s_ago=130, unreadable=0, stopped=""),
        events=(an_event(network="10.55.0.0/24"), an_event("lost", address="10.55.0.9")),
        failures=(a_failure(),),
    )
    text = " ".join(Reader(render(status, NOW)).text.split())
    for told in (
        "Cluster prod-1",
        "2026-11-30 03:00:00 UTC",
        "Grid ok 7 calls, mode request",
        "Leader leads this one is c-1_ab c-1_ab since 2026-11-29T00:00:00",
        "Lane 0 tasks up to 256 operations a call 1 deletion waiting",
        "Nodes 1 connected 1 of 2 agents silent",
        "Grid listed 2 min ago",
        "10.55.0.0/24 view default 190 of 254 (75 %)",
        "64 free 183 used by pods 5 kept ready by nodes 2 released, soon free",
        "node-2 silent, heard 5 min ago 2 2 infoblox",
        "node-1 connected for 5 s 20 2 infoblox",
        "2026-11-30 02:59:00 3 × shop/web-1 node-1 10.55.0.0/24 11 no address left in network 10.55.0.0/24 .",
        "2026-11-30 02:59:58 lost address 10.55.0.9",
    ):
        assert told in text
    assert text.index("node-2") < text.index("node-1 connected"), "who is silent comes first"


def test_an_empty_cluster_has_a_page_too() -> None:
    text = Reader(render(a_coordinator(), NOW)).text
    assert "No pod has an address yet." in text
    assert "No agent has said hello yet." in text
    assert "A person should look" not in text


def test_one_that_follows_says_who_leads_and_alarms_come_before_the_networks() -> None:
    alarm = AlarmStatus(kind="two_machines", node="node-1", since_s=7_300, text="give each its own key")
    text = Reader(render(a_coordinator(why_not_leading="does not lead; c-2 does", alarms=(alarm,)), NOW)).text
    assert "follows" in text
    assert "does not lead; c-2 does" in text
    told = r"A person should look: 1 alarm\s+two_machines\s+node-1\s+give each its own key\s+\(for 2 h\)"
    assert re.search(told, text)
    assert text.index("two_machines") < text.index("Networks")


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_a_bar_never_leaves_its_frame(allocations: int, ready: int, resting: int, size: int) -> None:
    network = a_network(0, ready, resting, size).model_copy(update={"allocations": allocations})
    page = render(a_coordinator(networks=(network,)), NOW)
    rects = re.findall(r'<rect class="\w+" x="([\d.]+)" width="([\d.]+)"', page)
    assert len(rects) == 5
    end = 0.0
    for begin, width in rects:
        assert float(begin) == pytest.approx(end, abs=0.01)
        end = float(begin) + float(width)
    assert end <= 100.01


@pytest.mark.parametrize(("held", "level"), [(100, "soft"), (204, "warn"), (242, "bad"), (254, "bad")])
def test_a_network_that_is_nearly_full_stands_out(held: int, level: str) -> None:
    assert f'class="right {level}"' in render(a_coordinator(networks=(a_network(held),)), NOW)


def test_what_others_use_counts_and_a_forecast_is_told() -> None:
    network = a_network(100, others=90, in_ranges=40, free=24, days_left=3.2)
    text = " ".join(Reader(render(a_coordinator(networks=(network,)), NOW)).text.split())
    assert "230 of 254 (91 %) 24 free 100 used by pods 90 used by others 40 in DHCP ranges empty in 3 d" in text


def test_the_fullest_network_comes_first() -> None:
    networks = (a_network(1, subnet="10.1.0.0/24"), a_network(200, subnet="10.2.0.0/24"))
    text = Reader(render(a_coordinator(networks=networks), NOW)).text
    assert text.index("10.2.0.0/24") < text.index("10.1.0.0/24")


def test_of_a_large_cluster_all_who_are_silent_are_shown_first_and_the_rest_is_counted() -> None:
    nodes = tuple(a_node(f"node-{number:04}", connected_s=5 if number else None) for number in range(5_000))
    page = render(a_coordinator(nodes=nodes), NOW)
    assert "node-0000" in page
    assert f"{5_000 - NODES_SHOWN_MAX:,} more are connected and not shown." in page
    assert len(page) < 200_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (200_000, "2 d"),
        (-3, "0 s"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert ago(None) == "never"


def test_html_is_not_escaped_again_and_text_is() -> None:
    assert (
        element("p", element("b", "a & b"), " <c>", title='"')
        == '<p title="&quot;"><b>a &amp; b</b> &lt;c&gt;</p>'
    )
