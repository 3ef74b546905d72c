"""Which MACs are an interface's own."""

from __future__ import annotations

import pytest

from nodeagent.netns.mac import InterfaceMacs, own_mac

MAC = "02:00:00:00:00:01"


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (InterfaceMacs(MAC, None), MAC),
        (InterfaceMacs(MAC, "02:00:00:00:00:99"), MAC),
        (InterfaceMacs(MAC, MAC), None),
        (InterfaceMacs(None, None), None),
        (InterfaceMacs("00:00:00:00:00:00", None), None),
    ],
    ids=["own", "other master", "master's", "no interface", "zero"],
)
def test_only_a_mac_of_its_own_counts(read: InterfaceMacs, expected: str | None) -> None:
    assert own_mac(read, shares_mac=False) == expected
    assert own_mac(read, shares_mac=True) is None
