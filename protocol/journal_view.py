"""What a node's agent shows of its journal to people, on the plugin's socket."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

ASK_VARIABLE: Final = "CNI_INFOBLOX_ASK"
"""Names in a frame what is asked. The plugin never sends it, so no runtime can ask."""

ASK_JOURNAL: Final = "journal"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class JournalRow(_Part):
    """One allocation. What its label does not say is empty, and `inode` 0.

    `state`: ready, held, adopted, lost or let_go. `is_labelled`: the grid is known to show the label.
    `let_go_s_ago` is None while somebody may use it. `lost_to`: who has the address now, where that is lost.
    """

    allocation: str
    state: str
    address: str
    view: str
    subnet: str
    network: str
    gateway: str
    namespace: str
    pod: str
    container_id: str
    ifname: str
    mac: str
    netns: str
    inode: int
    is_labelled: bool
    let_go_s_ago: float | None
    lost_to: str


class JournalView(_Part):
    """A journal. `more` is how many rows did not fit. `cluster_id` is None before the first welcome."""

    node: str
    driver: str
    machine: str
    boot: str
    journal: str
    cluster_id: str | None
    allocations: tuple[JournalRow, ...]
    more: int
