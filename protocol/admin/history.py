"""What `cni-infoblox history` asks, and what it is told: changes of allocations, and what is held now.

The same record of a change is a line of the history's files, and what a SIEM is sent.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from protocol.texts import Scrubbed
from protocol.wire.messages import Message
from protocol.wire.values import Model

HISTORY_PAGE_MAX: Final = 250
"""Changes of one answer: each may have names of several hundred bytes."""

Name = Annotated[Scrubbed, Field(max_length=1000)]


class ChangeRecord(Model):
    """One change of one allocation.

    `time` is RFC 3339 in UTC, by the clock of the coordinator that recorded it. `event`: ready, held, let_go,
    gone, repaired, lost; `present` is what is so now, not a change. Names that were not known are empty.
    """

    time: Name
    event: Name
    address: Name
    view: Name
    network: Name
    network_name: Name = ""
    node: Name = ""
    pod: Name = ""
    container: Name = ""
    ifname: Name = ""
    mac: Name = ""
    allocation: Name
    why: Name = ""
    cluster: Name = ""
    coordinator: Name = ""


class TellHistory(Message):
    """Who had an address when; which addresses a pod (NAME or NAMESPACE/NAME), container or allocation had.

    With `at`, RFC 3339 in UTC, what is needed to know who had it then.
    """

    type: Literal["tell_history"] = "tell_history"
    what: Annotated[Scrubbed, Field(min_length=1, max_length=253)]
    at: Annotated[str, Field(max_length=40)] = ""


class HistoryTold(Message):
    """Answers `tell_history`, in pages, oldest change first.

    `coordinator` is who tells. `leader` is who leads where that is another one. `directory` is where it keeps its
    history, empty where that is its memory; it holds what happened since `since`. `lost` changes were never
    written down; `unreadable` lines of the files could not be read. `left_out`: there are more changes than it
    tells.
    """

    type: Literal["history"] = "history"
    coordinator: Name
    leader: Name = ""
    directory: Name = ""
    since: Name = ""
    lost: Annotated[int, Field(ge=0)] = 0
    unreadable: Annotated[int, Field(ge=0)] = 0
    left_out: bool = False
    several: bool = False
    changes: Annotated[list[ChangeRecord], Field(max_length=HISTORY_PAGE_MAX)]
    last: bool
