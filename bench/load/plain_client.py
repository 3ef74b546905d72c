"""What a user might write instead: an address by the original's sequence of WAPI calls, one after the other.

The calls are those of an ADD for a `macvlan` pod: view, network, gateway, address by MAC (nothing is found, so the
original asks the grid master once more), then the creation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any, Final

import requests

from bench.load.closed_loop import Load, Served
from demo.grid import PASSWORD

CALLS: Final = 6
VIEW: Final = "default"
FIELDS: Final = {"_return_fields": "extattrs,ipv4addr,mac,name,network,network_view"}
TIMEOUT_S: Final = 60


class PlainClient:
    """Threads with a session of their own each, on one network that exists."""

    def __init__(self, url: str, certificate: str, subnet: str, tenant: str) -> None:
        self._url = f"{url}/wapi/v2.5"
        self._certificate = certificate
        self._subnet = subnet
        self._tenant = tenant
        self._own = local()

    def create(self, count: int, threads: int, prefix: str) -> Load:
        """So many ADDs. Raises `requests.HTTPError` for what the grid refuses."""
        began_s = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            served = list(pool.map(lambda number: self._add(f"{prefix}-{number}", number), range(count)))
        return Load(time.perf_counter() - began_s, served, [])

    def _add(self, container: str, number: int) -> Served:
        began_s = time.perf_counter()
        gateway = self._subnet.replace(".0.0/16", ".0.1")
        mac = "0a:58:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))
        within = {"network_view": VIEW, "network": self._subnet}
        self._get("networkview", {"name": VIEW})
        self._get("network", within)
        self._get("fixedaddress", {**within, "ipv4addr": gateway})
        self._get("fixedaddress", {**within, "mac": mac})
        self._get("fixedaddress", {**within, "mac": mac, "_proxy_search": "GM"})
        address = self._post(container, {**within, "mac": mac})
        now_s = time.perf_counter()
        return Served(container, address, now_s, now_s - began_s, grid_s=now_s - began_s)

    def _get(self, kind: str, search: Mapping[str, str]) -> None:
        arguments = {**search, **(FIELDS if kind == "fixedaddress" else {})}
        self._session().get(f"{self._url}/{kind}", params=arguments, timeout=TIMEOUT_S).raise_for_status()

    def _post(self, container: str, known: Mapping[str, str]) -> str:
        eas = {
            "VM ID": container,
            "Tenant ID": self._tenant,
            "CMP Type": "Kubernetes",
            "Cloud API Owned": "True",
            "Interface Name": "eth0",
        }
        body: dict[str, Any] = {
            "network_view": VIEW,
            "ipv4addr": f"func:nextavailableip:{self._subnet},{VIEW}",
            "mac": known["mac"],
            "name": container,
            "extattrs": {name: {"value": value} for name, value in eas.items()},
        }
        reply = self._session().post(
            f"{self._url}/fixedaddress", params={"_return_fields": "ipv4addr"}, json=body, timeout=TIMEOUT_S
        )
        reply.raise_for_status()
        return str(reply.json()["ipv4addr"])

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = session = requests.Session()
            session.trust_env = False
            session.verify = self._certificate
            session.auth = ("admin", PASSWORD)
        return self._own.session  # type: ignore[no-any-return]
