"""What the namespaces of a node hold, when the coordinator asks for it."""

from __future__ import annotations

from core_builders import NOW_S, drawing, some_rows

from nodeagent.domain.effects import LookAtInterfaces, Transmit
from nodeagent.domain.events import InterfacesSeen, Received
from nodeagent.link.failover import Failover
from nodeagent.link.interfaces import told
from nodeagent.link.session import Session
from protocol.wire.messages import Interfaces, ListInterfaces
from protocol.wire.values import Interface


def pages_of(*interfaces: Interface, unreadable: int = 0) -> list[Interfaces]:
    effects = told(InterfacesSeen("adopt-1", interfaces, unreadable))
    return [each.message for each in effects if isinstance(each, Transmit)]  # type: ignore[misc]


def test_whoever_is_asked_looks() -> None:
    session = Session(some_rows(), Failover(1, lambda: 0.5), "1.0", drawing())
    assert session.handle(Received(ListInterfaces(id="adopt-1")), NOW_S) == [LookAtInterfaces("adopt-1")]


def test_a_node_without_pods_says_so() -> None:
    (page,) = pages_of(unreadable=2)
    assert (page.id, page.page, page.last, page.interfaces, page.unreadable) == ("adopt-1", 0, True, [], 2)


def test_many_interfaces_go_in_numbered_pages() -> None:
    many = [Interface(namespace=f"/run/netns/{n}", inode=n, ifname="eth0") for n in range(250)]
    pages = pages_of(*many)
    assert [(page.page, page.last) for page in pages] == [(0, False), (1, False), (2, True)]
    assert [each for page in pages for each in page.interfaces] == many
