"""What becomes of an attachment when the code that dealt with it has failed half-way."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator import answering
from coordinator.commands import Command
from coordinator.core.errors import InternalFailure
from coordinator.ownership import Identity
from coordinator.registrar import Registrar


def distrust(registrar: Registrar, identity: Identity) -> Iterator[Command]:
    """Believe nothing of the attachment before the grid was asked: whoever asks next has it looked at.

    Work that is still queued is given up, what is in a call ends by itself. Whoever waits is told.
    """
    record = registrar.allocations.find(identity.container_id, identity.ifname)
    if record is None or record.identity != identity:
        return
    record.next = None
    if record.work and not registrar.withdraw(record):
        record.work.is_unsure = True
    record.is_unsure = True
    yield from answering.decline(record, InternalFailure())
