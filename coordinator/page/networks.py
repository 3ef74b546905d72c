"""How full the networks are: a bar for each, the fullest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coordinator.page.markup import Html, element, join
from coordinator.page.words import duration
from protocol.wire.status import NetworkStatus

SHOWN_MAX: Final = 100
NEARLY_FULL: Final = 0.80
FULL: Final = 0.95
"""From these shares on a network is worth a look: those of the alert rules."""

_WORDS: Final = {
    "held": "used by pods",
    "ready": "kept ready by nodes",
    "resting": "released, soon free",
    "others": "used by others",
    "ranges": "in DHCP ranges",
}


def networks_card(networks: Sequence[NetworkStatus]) -> Html:
    """All networks with allocations of this cluster."""
    fullest = sorted(networks, key=lambda each: (-_share(each), each.view, each.subnet))
    shown = [_network(each) for each in fullest[:SHOWN_MAX]] or [element("p", "No pod has an address yet.")]
    if len(fullest) > SHOWN_MAX:
        shown.append(element("p", f"{len(fullest) - SHOWN_MAX:,} networks that are less full are not shown."))
    return element("section", element("h2", "Networks"), *shown, class_="card")


def parts_of(network: NetworkStatus) -> dict[str, int]:
    """How many addresses are used for what; what is left of the size is free, as far as is known here."""
    resting = min(network.resting, network.allocations)
    ready = min(network.ready, network.allocations - resting)
    ours = {"held": network.allocations - ready - resting, "ready": ready, "resting": resting}
    return ours | {"others": network.others or 0, "ranges": network.in_ranges or 0}


def _share(network: NetworkStatus) -> float:
    return sum(parts_of(network).values()) / max(1, network.size)


def _network(network: NetworkStatus) -> Html:
    parts, share = parts_of(network), _share(network)
    used = sum(parts.values())
    level = "bad" if share >= FULL else "warn" if share >= NEARLY_FULL else "soft"
    line = element(
        "div",
        element("b", network.subnet),
        element("span", f"view {network.view}", class_="soft"),
        element("span", f"{used:,} of {network.size:,} ({_percent(share)})", class_=f"right {level}"),
        class_="line",
    )
    return element("div", line, _bar(network, parts), _legend(network, parts), class_="network")


def _bar(network: NetworkStatus, parts: dict[str, int]) -> Html:
    """As SVG, whose lengths are attributes: the page's policy lets no element have a style of its own."""
    size, begin, drawn = max(1, network.size), 0.0, []
    for name, number in parts.items():
        width = min(100.0 - begin, 100.0 * number / size)
        drawn.append(element("rect", class_=name, x=round(begin, 3), width=round(width, 3), height=1))
        begin += width
    words = ", ".join(f"{number:,} {_WORDS[name]}" for name, number in parts.items())
    return element(
        "svg",
        *drawn,
        class_="bar",
        viewBox="0 0 100 1",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{network.subnet}: {words}, of {network.size:,}",
    )


def _legend(network: NetworkStatus, parts: dict[str, int]) -> Html:
    named = [
        element("span", f"{number:,} {_WORDS[name]}", class_=name) for name, number in parts.items() if number
    ]
    left = max(0, network.size - sum(parts.values())) if network.free is None else network.free
    free = element("span", f"{left:,} free")
    if network.days_left is not None:
        named.append(element("b", f"empty in {duration(network.days_left * 86_400)}", class_="warn"))
    return element("div", join([free, *named]), class_="legend")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or not share else "< 1 %"
