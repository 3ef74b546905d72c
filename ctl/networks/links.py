"""Looks at interfaces of this network namespace on which plugins put those of pods."""

from __future__ import annotations

import errno
from typing import Final

from ctl.networks.masters import Link

IFF_UP: Final = 0x1
IFF_PROMISC: Final = 0x100


class CannotSet(Exception):
    """The kernel refused; the text has the remedy."""


def look(ifname: str) -> Link | None:
    """The interface of that name, None where there is none."""
    from pyroute2 import IPRoute  # takes 0.2 s and 30 MB, which other commands do without

    with IPRoute() as routes:
        for link in routes.get_links():
            if link.get_attr("IFLA_IFNAME") == ifname:
                return Link(is_up=bool(link["flags"] & IFF_UP), is_promiscuous=bool(link["flags"] & IFF_PROMISC))
    return None


def set_promiscuous(ifname: str) -> None:
    """Let the interface take frames for every MAC. Raises `CannotSet`."""
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as routes:
            [index] = routes.link_lookup(ifname=ifname)
            routes.link("set", index=index, flags=IFF_PROMISC, change=IFF_PROMISC)
    except ValueError:
        raise CannotSet("it has gone") from None
    except NetlinkError as error:
        if error.code == errno.EPERM:
            raise CannotSet("this takes the capability NET_ADMIN in the node's network namespace") from None
        raise CannotSet(str(error)) from None
