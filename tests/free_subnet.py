"""Finds a network for the nodes of a test that no interface of this machine is on: tests run side by side."""

from __future__ import annotations

import secrets
from typing import Final

from pyroute2 import IPRoute

BLOCK: Final = "198.19"
"""Half of what RFC 2544 sets aside for tests; the demo has the other half."""


def free_subnet() -> str:
    """The first three numbers of a /24, such as 198.19.7. By chance, as others choose at the same time."""
    with IPRoute() as links:
        taken = {str(found.get_attr("IFA_ADDRESS")).rpartition(".")[0] for found in links.get_addr(family=2)}
    return secrets.choice([prefix for number in range(256) if (prefix := f"{BLOCK}.{number}") not in taken])
