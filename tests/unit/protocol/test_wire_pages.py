"""Rows over messages: in order, none lost, each message within the limits of the wire."""

from __future__ import annotations

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire.messages import SetLabels
from protocol.wire.pages import pages_of
from protocol.wire.values import MESSAGE_BYTES_MAX, PAGE_ROWS_MAX, Label, LabelRow

ID = "c0c0c0c0c0c0-0123456789abcdef-11112222-33334444-5555-0a0a0a0a-000000000001"


def a_row(number: int, pod: str) -> LabelRow:
    label = Label(container_id=f"c{number}", ifname="eth0", pod=pod, pod_namespace=pod, pod_uid=pod)
    return LabelRow(allocation=ID, label=label)


@given(st.lists(st.sampled_from(["web", "w" * 253, "\N{GRINNING FACE}" * 253]), max_size=250))
def test_every_page_fits_into_a_message_and_no_row_is_lost(pods: list[str]) -> None:
    rows = [a_row(number, pod) for number, pod in enumerate(pods)]

    pages = pages_of(rows)

    assert [row for page in pages for row in page] == rows
    assert all(len(page) <= PAGE_ROWS_MAX for page in pages)
    for page in pages:
        if page:
            message = SetLabels(id="x" * 64, labels=page)
            assert len(msgpack.packb(message.model_dump(exclude_none=True))) <= MESSAGE_BYTES_MAX


def test_no_rows_make_one_page() -> None:
    assert pages_of([]) == [[]]
