"""A WAPI client that knows nothing but HTTPS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

TIMEOUT_S = 10.0


class Client:
    """A WAPI client as thin as possible: one session, JSON in, replies out."""

    def __init__(self, url: str, certificate: Path | str, password: str = "infoblox") -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(certificate)
        self.session.auth = ("admin", password)

    def call(self, method: str, target: str, body: Any = None, timeout_s: float = TIMEOUT_S) -> requests.Response:
        return self.session.request(method, f"{self.url}/wapi/v2.5/{target}", json=body, timeout=timeout_s)

    def sim(self, method: str, path: str, body: Any = None, **arguments: Any) -> Any:
        url = f"{self.url}/sim/{path}"
        return self.session.request(method, url, json=body, params=arguments, timeout=TIMEOUT_S)

    def addresses(self) -> list[str]:
        return [shown["ipv4addr"] for shown in self.sim("GET", "objects", type="fixedaddress").json()]
