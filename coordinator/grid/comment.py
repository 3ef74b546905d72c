"""The comment of an allocation's object: a sentence for people first, then what machines read.

    shop/web-2 on node-1, cluster prod-1 (id=<74 characters> ns=4026532281:/run/netns/cni-1)

The grid takes 256 characters (WAPI: `comment`). The people's part is cut to fit, the machine's never. What stands
here is believed beside the object's own `Allocation ID` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from protocol.wire.allocation_id import PATTERN

LENGTH_MAX: Final = 256

_MACHINE_PART: Final = re.compile(rf"\(id=({PATTERN[1:-1]})(?: ns=([0-9]{{1,19}}):([^()]*))?\)$")


@dataclass(frozen=True, slots=True)
class MachinePart:
    """The id, and the network namespace of the attachment: empty path and inode 0 where there is none."""

    allocation: str
    namespace: str = ""
    inode: int = 0


def write(people: str, part: MachinePart) -> str:
    """The comment for an object; `people` is cut so that the whole has at most 256 characters and bytes."""
    namespace = f" ns={part.inode}:{part.namespace}" if part.namespace and _is_plain(part.namespace) else ""
    machine = f"(id={part.allocation}{namespace})"
    room = LENGTH_MAX - len(machine.encode()) - 1
    told = people.encode()[:room].decode(errors="ignore").strip()
    return f"{told} {machine}" if told else machine


def read(comment: str) -> MachinePart | None:
    """What machines read in a comment; None where its end was edited."""
    found = _MACHINE_PART.search(comment)
    if found is None:
        return None
    allocation, inode, namespace = found.groups()
    return MachinePart(allocation, namespace or "", int(inode or 0))


def _is_plain(path: str) -> bool:
    # Others than ASCII take several bytes: so many that nothing would be left for people, or not even enough.
    return path.isascii() and path.isprintable() and not set(path) & set("()#")
