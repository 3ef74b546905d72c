"""Which addresses of a coordinator the agent takes, and as what."""

from __future__ import annotations

import pytest

from nodeagent.settings import read
from protocol.settings import BadSettings

FLAGS = ["--keys", "/k", "--node-name", "node-1"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("tcp://coordinator:5510", "tcp://coordinator:5510"),
        ("tcp://10.96.0.7:5510", "tcp://10.96.0.7:5510"),
        ("tcp://[fd00::7]:5510", "tcp://[fd00::7]:5510"),
        ("tcp://fd00::7:5510", "tcp://[fd00::7]:5510"),
    ],
    ids=["name", "IPv4", "IPv6", "IPv6 as in the variables of a Service"],
)
def test_an_address_of_the_coordinator_is_taken(given: str, meant: str) -> None:
    assert read([*FLAGS, "--coordinator", given]).coordinator == [meant]


@pytest.mark.parametrize(
    "given",
    [
        "tcp://[fd00::7]",
        "tcp://[fd00:::7]:5510",
        "tcp://[10.0.0.1]:5510",
        "tcp://fd00::x:5510",
        "tcp://[::1]:65536",
    ],
)
def test_what_is_no_address_is_refused_with_the_form(given: str) -> None:
    with pytest.raises(
        BadSettings, match="--coordinator: must be of the form tcp://HOST:PORT, an IPv6 address in"
    ):
        read([*FLAGS, "--coordinator", given])


@pytest.mark.parametrize(
    ("listen", "address"), [("[::1]:9511", ("::1", 9511)), ("[::]:0", ("::", 0)), (":9511", ("0.0.0.0", 9511))]
)
def test_the_status_page_may_be_at_an_ipv6_address(listen: str, address: tuple[str, int]) -> None:
    flags = [*FLAGS, "--coordinator", "tcp://c:1", "--status-listen", listen]
    assert read(flags).status_address == address
