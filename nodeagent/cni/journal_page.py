"""Words the journal for people, as far as one answer on the plugin's socket has room for it."""

from __future__ import annotations

import json
from typing import Final

from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.outcomes import Journal
from protocol.journal_view import JournalRow, JournalView

ROWS_BYTES_MAX: Final = 900 * 1024
"""The rest of an answer, which has `STDOUT_BYTES_MAX`, is for whose journal it is."""


def page(journal: Journal) -> bytes:
    """A `JournalView` as JSON; rows that find no room are counted alone."""
    rows: list[JournalRow] = []
    size = 0
    for each in journal.allocations:
        row = _row(each, journal.now_s)
        size += len(_encode(row.model_dump()))
        if size > ROWS_BYTES_MAX:
            break
        rows.append(row)
    view = JournalView(
        node=journal.node,
        driver=journal.driver,
        machine=journal.machine,
        boot=journal.boot,
        journal=journal.journal,
        cluster_id=journal.cluster,
        allocations=tuple(rows),
        more=len(journal.allocations) - len(rows),
    )
    return _encode(view.model_dump(mode="json")) + b"\n"


def _row(row: Allocation, now_s: float) -> JournalRow:
    label = row.label
    namespace = label.namespace if label else None
    return JournalRow(
        allocation=row.id,
        state=row.state.value,
        address=row.address,
        view=row.view,
        subnet=row.subnet,
        network=row.network.name,
        gateway=row.gateway or "",
        namespace=(label.pod.namespace or "") if label else "",
        pod=(label.pod.name or "") if label else "",
        container_id=label.attachment.container_id if label else "",
        ifname=label.attachment.ifname if label else "",
        mac=(label.mac or "") if label else "",
        netns=namespace.path if namespace else "",
        inode=namespace.inode if namespace else 0,
        is_labelled=row.is_labelled,
        let_go_s_ago=round(now_s - row.let_go_s, 1) if row.state is State.LET_GO else None,
        lost_to=row.lost_to,
    )


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()
