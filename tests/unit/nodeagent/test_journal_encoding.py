"""Rows as SQLite has them: whatever was written is read again, and nonsense is not."""

from __future__ import annotations

import sqlite3
from ipaddress import ip_address
from typing import Any, Final

import pytest
from core_builders import IDENTITY, an_allocation, an_id
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.domain.allocation import Allocation, Attachment, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from nodeagent.journal import database, encoding
from nodeagent.journal.contents import Changes, Contents
from protocol.ipam.ranges import Range

TEXT = st.text(st.characters(categories=["L", "N"]), max_size=20)
NAME = st.one_of(st.none(), TEXT)
IFNAMES = st.from_regex(r"[a-z0-9]{1,15}", fullmatch=True)
ATTACHMENTS = st.builds(AttachmentId, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), IFNAMES)
MACS = st.sampled_from([None, "02:00:00:00:00:01"])
RANGES = st.sampled_from([Range("10.56.0.0/24"), Range("10.57.0.0/24", "0.0.0.1")])
RANGES6 = st.sampled_from([Range("fd00:56::/64", "::1")])
EXCLUDED = st.lists(st.sampled_from(["10.55.0.7", "10.55.0.8-10.55.0.15", "10.55.0.128/25"]), max_size=3).map(
    tuple
)
EXCLUDED6 = st.sampled_from([(), ("fd00:55::7", "fd00:55::8000/113")])
NAMESPACES = st.builds(Namespace, TEXT, st.integers(0, 2**63 - 1))
LABELS = st.builds(Label, ATTACHMENTS, st.builds(Pod, NAME, NAME, NAME), MACS, st.one_of(st.none(), NAMESPACES))
ALLOCATION: Final[dict[str, Any]] = {
    "id": st.integers(0, 2**40).map(an_id),
    "view": TEXT,
    "seal": st.just("5ea1" * 8),
    "state": st.sampled_from(State),
    "label": st.one_of(st.none(), LABELS),
    "is_labelled": st.booleans(),
    "was_held": st.booleans(),
    "let_go_s": st.floats(0, 1e9),
    "lost_to": TEXT,
}
IPV4 = st.builds(
    Allocation,
    network=st.builds(
        Network,
        IFNAMES,
        NAME,
        st.sampled_from([None, "10.55.0.0/24"]),
        st.sampled_from([None, "10.55.0.1"]),
        st.booleans(),
        st.lists(RANGES, max_size=2).map(tuple),
        EXCLUDED,
    ),
    subnet=st.just("10.55.0.0/24"),
    address=st.integers(1, 254).map("10.55.0.{}".format),
    gateway=st.sampled_from([None, "10.55.0.1"]),
    **ALLOCATION,
)
IPV6 = st.builds(
    Allocation,
    network=st.builds(
        Network,
        IFNAMES,
        NAME,
        st.just("fd00:55::/64"),
        st.sampled_from([None, "fd00:55::1", "::1"]),
        st.booleans(),
        st.lists(RANGES6, max_size=2).map(tuple),
        EXCLUDED6,
    ),
    subnet=st.just("fd00:55::/64"),
    address=st.integers(1, 2**64 - 1).map(lambda host: str(ip_address("fd00:55::") + host)),
    gateway=st.sampled_from([None, "fd00:55::1"]),
    **ALLOCATION,
)
ALLOCATIONS = st.one_of(IPV4, IPV6)


@given(st.lists(ALLOCATIONS, max_size=4, unique_by=lambda row: row.id), ATTACHMENTS, NAMESPACES)
def test_a_journal_is_read_again_as_it_was_written(
    rows: list[Allocation], attachment: AttachmentId, namespace: Namespace
) -> None:
    allocations = {row.id: row for row in rows}
    attachments = {attachment: Attachment(attachment, tuple(allocations), namespace)} if rows else {}
    contents = Contents(IDENTITY, allocations, attachments, {attachment: 7}, frozenset(allocations))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    database.make_tables(connection)

    database.apply(connection, database.everything(contents))

    assert database.read(connection) == contents
    database.apply(
        connection, Changes(allocations=dict.fromkeys(allocations), attachments=dict.fromkeys(attachments))
    )
    assert database.read(connection) == Contents(IDENTITY, {}, {}, {attachment: 7}, frozenset(allocations))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "c0c0"),
        ("state", "asked"),
        ("address", "10.55.0.256"),
        ("subnet", None),
        ("network", "{}"),
        ("network", "nothing"),
        ("label", "{}"),
        ("label", "[]"),
        ("let_go_s", "long ago"),
        ("view", 7),
        ("gateway", "here"),
        ("gateway", "fd00:55::1"),
        ("address", "fd00:55::1"),
        ("address", "::ffff:10.55.0.2"),
        ("subnet", "fd00:55::/64"),
        ("subnet", "FD00:55::/64"),
        ("seal", "none"),
        ("lost_to", 7),
    ],
)
def test_a_row_of_nonsense_is_refused(column: str, value: str | int | None) -> None:
    row = dict(
        zip(encoding.ALLOCATION_COLUMNS, encoding.encode_allocation(an_allocation(1)), strict=True),
        **{column: value},
    )

    with pytest.raises((ValueError, TypeError, KeyError)):
        encoding.decode_allocation(tuple(row.values()))
