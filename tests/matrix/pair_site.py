"""A site with two coordinators, of which a Lease lets one lead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from tests.kubernetes_stub import KubernetesStub
from tests.matrix.site import CONNECT_TIMEOUT_S, LOOK_EVERY_S, Site

LEASE: Final = (
    *("--leader-elect", "true"),
    *("--lease-duration", "3", "--lease-renew-deadline", "2", "--lease-retry-period", "0.4"),
)
"""A fifth of the usual timings, so that another one leads long before an ADD is given up."""
STATUS_TIMEOUT_S: Final = 10.0


class PairSite(Site):
    """Both coordinators have one API server. What a row does to the coordinator befalls the one that follows."""

    def __init__(self, directory: Path, api: KubernetesStub) -> None:
        asks = ("--kubernetes-api", api.url, "--kubernetes-credentials", str(api.credentials))
        super().__init__(directory, coordinators=2, flags=(*LEASE, *asks))

    @property
    def leader(self) -> int:
        """The number of the coordinator that leads, while all is well."""
        return next(number for number in (0, 1) if self._leads(number))

    @property
    def struck(self) -> int:
        return 1 - self.leader

    def wait_until_connected(self) -> None:
        """Wait until one of the two leads and serves the node, and the other one knows."""
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while not self._is_whole():
            assert time.monotonic() < deadline_s, [self.running(number).tail() for number in (0, 1)]
            time.sleep(LOOK_EVERY_S)

    def _is_whole(self) -> bool:
        if [self._leads(number) for number in (0, 1)].count(True) != 1 or self.node.status()["why_not_connected"]:
            return False
        of_leader, of_other = (self._status(number) for number in (self.leader, self.struck))
        is_served = any(node["connected_s"] is not None for node in of_leader["nodes"])
        return is_served and bool(of_other["lease"]["holder"] == of_leader["lease"]["identity"])

    def _leads(self, number: int) -> bool:
        return bool(self._status(number)["why_not_leading"] is None)

    def _status(self, number: int) -> Any:
        port = self.running(number).wait_for("started")["status_port"]
        return requests.get(f"http://127.0.0.1:{port}/status", timeout=STATUS_TIMEOUT_S).json()


@contextmanager
def pair_site(directory: Path) -> Iterator[PairSite]:
    """The site with its API server."""
    (directory / "api").mkdir(parents=True)
    with KubernetesStub(directory / "api") as api, PairSite(directory / "cluster", api) as site:
        yield site
