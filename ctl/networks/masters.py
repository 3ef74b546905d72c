"""What must be true of the node's interfaces that a configuration file names: masters and shared bridges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ctl.networks.file import NetworkFile

KINDS: Final = ("macvlan", "ipvlan")
PROMISCUOUS_KIND: Final = "macvlan"
"""Each pod has a MAC of its own there, for which the master must take frames."""


@dataclass(frozen=True)
class Link:
    """An interface of the node."""

    is_up: bool
    is_promiscuous: bool


def names(file: NetworkFile) -> tuple[str, ...]:
    """All that the file needs."""
    return tuple(dict.fromkeys((*_masters(file), *_joined_bridges(file))))


def not_promiscuous(file: NetworkFile, links: Mapping[str, Link | None]) -> tuple[str, ...]:
    """The masters that are there, but would drop the frames of pods."""
    wanted = dict.fromkeys(file.masters(PROMISCUOUS_KIND))
    return tuple(name for name in wanted if (link := links.get(name)) and not link.is_promiscuous)


def complaints(file: NetworkFile, links: Mapping[str, Link | None]) -> tuple[str, ...]:
    """What is wrong with the masters on this node, in words with the remedy."""
    missing = [
        f"master {name}: this node has no such interface; name one that it has, or see that it comes"
        for name in _masters(file)
        if links.get(name) is None
    ]
    lonely = [
        f"bridge {name}: this node has no such interface, and one that the plugin makes leads nowhere; "
        'make it with the node\'s interface in that network as its port, or set "isGateway": true'
        for name in _joined_bridges(file)
        if links.get(name) is None
    ]
    down = [
        f"master {name}: is down; run 'ip link set {name} up'"
        for name in _masters(file)
        if (link := links.get(name)) and not link.is_up
    ]
    deaf = [
        f"master {name}: is not promiscuous, frames for pods may be lost; run 'ip link set {name} promisc on'"
        for name in not_promiscuous(file, links)
    ]
    return (*missing, *lonely, *down, *deaf)


def _masters(file: NetworkFile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(master for kind in KINDS for master in file.masters(kind)))


def _joined_bridges(file: NetworkFile) -> tuple[str, ...]:
    """Bridges that are named, and no gateways: without a port that leads elsewhere nobody reaches their pods."""
    joined = [
        plugin.get("bridge")
        for plugin in file.plugins
        if plugin["type"] == "bridge" and not (plugin.get("isGateway") or plugin.get("isDefaultGateway"))
    ]
    return tuple(name for name in joined if isinstance(name, str) and name)
