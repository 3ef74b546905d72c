"""Commits one allocation after the other and says each on stdout, until it is killed: DIRECTORY [STEP TIMES]."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from nodeagent.domain.allocation import Allocation, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network
from nodeagent.journal.contents import Identity
from nodeagent.journal.place import Place
from nodeagent.journal.rows import Rows
from nodeagent.journal.start import open_journal

FRESH = Identity("boot-1", "11112222", "node-1", "infoblox", "0a0a0a0a", "c0c0c0c0c0c0")
LABEL = Label(AttachmentId("c1", "eth0"), namespace=Namespace("/run/netns/t", 4026532001))


def allocation(number: int) -> Allocation:
    """A ready allocation of the journal."""
    owner = FRESH.owner()
    return Allocation(
        id=f"{owner}-{number:012x}",
        network=Network("pods"),
        view="default",
        subnet="10.0.0.0/8",
        address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        seal="5ea1" * 8,
        state=State.READY,
    )


def main(directory: Path, step: str = "", times: int = 0) -> None:
    """Write until something kills this process; itself at the `times`-th `step`."""
    passed = 0

    def on_crash_point(name: str) -> None:
        nonlocal passed
        passed += name == step
        if step and passed == times:
            os.kill(os.getpid(), signal.SIGKILL)

    opened = open_journal(Place(directory, "node-1", "infoblox"), FRESH, on_crash_point)
    rows = Rows(opened.contents)
    number = len(rows.allocations)
    while True:
        number += 1
        rows.make_ready(allocation(number))
        label = replace(LABEL, attachment=AttachmentId(f"c{number}", "eth0"))
        rows.hold([rows.allocations[allocation(number).id]], label)
        opened.store.commit(rows)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:4]))
