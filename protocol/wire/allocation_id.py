"""The id of an allocation: drawn once, by one journal, and it names that journal.

    CLUSTER-NODE-MACHINE-BOOT-DRIVER-JOURNAL-RANDOM     (12, 16, 8, 8, 4, 8, 12 hexadecimal digits)

It stands in the grid as the extensible attribute `Allocation ID`. CLUSTER is drawn by `keys init`; NODE to DRIVER
are hashes of what they name; JOURNAL is drawn when a journal begins. Nothing that people can edit decides whose an
object is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

ADOPTED_JOURNAL: Final = "00000000"
"""The JOURNAL of ids that `adopt` writes on objects of the original plugin; no journal is called this."""

UNKNOWN_MACHINE: Final = "00000000"
"""The MACHINE of a node whose hardware does not say which one it is."""

CLUSTER_DIGITS: Final = 12
NODE_DIGITS: Final = 16
MACHINE_DIGITS: Final = 8
BOOT_DIGITS: Final = 8
DRIVER_DIGITS: Final = 4
JOURNAL_DIGITS: Final = 8
RANDOM_DIGITS: Final = 12

REMEMBERED_OWNERS_MAX: Final = 16_384
"""A listing reads each of them as often as it has addresses."""

PATTERN: Final = "^" + "-".join(f"[0-9a-f]{{{digits}}}" for digits in (12, 16, 8, 8, 4, 8, 12)) + "$"
LENGTH: Final = 74

_PATTERN: Final = re.compile(PATTERN)


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """The journal that draws ids, as an id names it: who alone may let an allocation go."""

    cluster: str
    node: str
    machine: str
    boot: str
    driver: str
    journal: str

    def draw(self, random: str) -> AllocationId:
        """An id of this owner. `random`: 12 hexadecimal digits, drawn for this id alone. Raises ValueError."""
        return AllocationId.parse(f"{self}-{random}")

    @property
    def agent(self) -> tuple[str, str]:
        """NODE and DRIVER: the agent of this node that serves the plugin of this name, in whichever boot."""
        return self.node, self.driver

    def is_same_journal(self, other: Owner) -> bool:
        """Whether one journal has drawn both, be it before or after its cluster got another id."""
        return (self.node, self.machine, self.boot, self.driver, self.journal) == (
            other.node,
            other.machine,
            other.boot,
            other.driver,
            other.journal,
        )

    def is_neighbour(self, other: Owner) -> bool:
        """Whether both are journals of one driver in one boot of one machine."""
        return (self.cluster, self.node, self.machine, self.boot, self.driver) == (
            other.cluster,
            other.node,
            other.machine,
            other.boot,
            other.driver,
        )

    def __str__(self) -> str:
        return "-".join((self.cluster, self.node, self.machine, self.boot, self.driver, self.journal))


@dataclass(frozen=True, slots=True, order=True)
class AllocationId:
    """One allocation's identity: its owner, and what was drawn for it."""

    owner: Owner
    random: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that `text` spells, exactly. Raises ValueError for anything else."""
        if not _PATTERN.fullmatch(text):
            raise ValueError("not an allocation id")
        owner, _, random = text.rpartition("-")
        return cls(_owner(owner), random)

    def __str__(self) -> str:
        return f"{self.owner}-{self.random}"


@lru_cache(REMEMBERED_OWNERS_MAX)
def _owner(text: str) -> Owner:
    return Owner(*text.split("-"))


def hash_node(name: str) -> str:
    """NODE of the node that is called so (Kubernetes: `metadata.name`)."""
    return _hash("node", name, NODE_DIGITS)


def hash_machine(serial: str) -> str:
    """MACHINE of the machine whose product UUID or serial number this is; empty: unknown."""
    return _hash("machine", serial, MACHINE_DIGITS) if serial else UNKNOWN_MACHINE


def hash_boot(boot_id: str) -> str:
    """BOOT of the running kernel (`/proc/sys/kernel/random/boot_id`)."""
    return _hash("boot", boot_id, BOOT_DIGITS)


def hash_driver(name: str) -> str:
    """DRIVER of the agent that serves the plugin of this name (`--driver-name`)."""
    return _hash("driver", name, DRIVER_DIGITS)


def _hash(kind: str, text: str, digits: int) -> str:
    return sha256(f"{kind}\0{text}".encode()).hexdigest()[:digits]
