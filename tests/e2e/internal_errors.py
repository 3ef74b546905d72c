"""What a daemon tells of code that failed."""

from __future__ import annotations

import re
import urllib.request

from demo.daemons import Daemon


def told(daemon: Daemon) -> str:
    """The traceback of the first failure, waited for."""
    return str(daemon.wait_for("internal_error")["exception"])


def count(daemon: Daemon) -> int:
    """How many failures its metrics count."""
    started = daemon.wait_until(
        lambda line: "status_port" in line or line.get("event") == "status_listening", "port"
    )
    port = started.get("status_port") or started["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        counted = re.findall(r"^cni_infoblox_\w+_internal_errors_total\{.*\} (\S+)$", answer.read().decode(), re.M)
    return int(sum(map(float, counted)))
