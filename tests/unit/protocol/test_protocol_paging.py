"""Whatever names a node's journal has, each page of it fits into a message."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from protocol.codec import MESSAGE_BYTES_MAX, encode
from protocol.messages import PAGE_ITEMS_MAX, Address, Attachment, Hello, Holding
from protocol.paging import pages_of

texts = st.sampled_from(
    ["", "pods", "x" * 253, "\N{OGHAM LETTER BEITH}" * 253, "\N{CJK UNIFIED IDEOGRAPH-20000}" * 253]
)


@st.composite
def holdings(draw: st.DrawFn) -> list[Holding]:
    names = draw(st.lists(texts, min_size=1, max_size=4))
    addresses = [Address(address="255.255.255.255/32", gateway="255.255.255.254")] * draw(st.integers(0, 8))
    return [
        Holding(
            attachment=Attachment(container_id="c" * 200, ifname="e" * 15),
            seq=2**63 - 1,
            network_name=names[number % len(names)],
            view=names[-1 - number % len(names)],
            subnet="255.255.255.255/32",
            addresses=addresses,
        )
        for number in range(draw(st.integers(0, 350)))
    ]


@given(held=holdings())
def test_pages_hold_everything_in_order_and_each_fits_into_a_message(held: list[Holding]) -> None:
    pages = pages_of(held)
    assert [each for page in pages for each in page] == held
    assert all(pages) or pages == [[]]
    for page in pages:
        assert len(page) <= PAGE_ITEMS_MAX
        hello = Hello(
            id="h" * 64,
            boot_id="b" * 64,
            journal_id="j" * 64,
            page=9**9,
            last=False,
            holdings=page,
            release="r" * 253,
        )
        assert len(encode(hello)) <= MESSAGE_BYTES_MAX


def test_ordinary_names_fill_a_page_to_its_number_of_entries() -> None:
    held = [
        Holding(
            attachment=Attachment(container_id="c" * 64, ifname="eth0"),
            seq=number + 1,
            network_name="pods",
            view="default",
            subnet="10.55.0.0/16",
            addresses=[Address(address="10.55.200.200/16", gateway="10.55.0.1")],
        )
        for number in range(250)
    ]
    assert [len(page) for page in pages_of(held)] == [100, 100, 50]
