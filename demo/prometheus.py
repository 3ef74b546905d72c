"""Runs a Prometheus on loopback that scrapes the status ports of daemons, and asks it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from demo.daemons import Daemon, DaemonFailed, command

_READY: Final = re.compile(r'msg="Server is ready to receive web requests\."')
_LISTENS: Final = re.compile(r'msg="Listening on" address=(\S+)')
_TIMEOUT_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True)
class ScrapeTarget:
    """A status port of this machine, and the labels that Prometheus gives to what it reads there."""

    port: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Series:
    """A series of an answer: its labels, and its points as (seconds since 1970, value)."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class PrometheusRefused(Exception):
    """Prometheus cannot carry out a query; the text has its reason."""


class Prometheus:
    """A running server, its data in `directory`. It scrapes each target every `interval_s`, whole seconds."""

    def __init__(self, directory: Path, targets: Sequence[ScrapeTarget], interval_s: int) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "prometheus.yml"
        config.write_text(json.dumps(_config(targets, interval_s)))  # which is YAML, too
        argv = [
            *command("prometheus"),
            *("--config.file", str(config), "--storage.tsdb.path", str(directory / "data")),
            *("--web.listen-address", "127.0.0.1:0"),
        ]
        self.daemon = Daemon(argv, {}, directory / "prometheus.log")
        try:
            line = self.daemon.wait_until(
                lambda said: bool(_LISTENS.search(said["text"])), "Listening on", _TIMEOUT_S
            )
            self.daemon.wait_until(lambda said: bool(_READY.search(said["text"])), "Server is ready", _TIMEOUT_S)
        except DaemonFailed:
            self.daemon.kill()
            raise
        found = _LISTENS.search(line["text"])
        assert found
        self.url = f"http://{found[1]}"
        self._session = requests.Session()
        self._session.trust_env = False

    def stop(self) -> None:
        """End the server."""
        self._session.close()
        self.daemon.stop()

    def query(self, expression: str) -> list[Series]:
        """What an expression has now, one point each. Raises `PrometheusRefused`."""
        return _series(self._ask("query", query=expression))

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """What an expression had from `start_s` to `end_s`. Raises `PrometheusRefused`."""
        return _series(self._ask("query_range", query=expression, start=start_s, end=end_s, step=step_s))

    def label_values(self, selector: str, label: str) -> list[str]:
        """The values of a label in the series that a selector finds. Raises `PrometheusRefused`."""
        return list(self._ask(f"label/{label}/values", **{"match[]": selector}))

    def wait_for(self, expression: str) -> list[Series]:
        """The series of an expression, waited for if need be. Raises `DaemonFailed` where it has none for long."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while not (series := self.query(expression)):
            if time.monotonic() > deadline_s:
                raise DaemonFailed(f"no series of {expression}; its log ends with\n{self.daemon.tail()}")
            time.sleep(_LOOK_EVERY_S)
        return series

    def _ask(self, what: str, **arguments: object) -> Any:
        form = {name: str(value) for name, value in arguments.items()}
        response = self._session.get(f"{self.url}/api/v1/{what}", params=form, timeout=_TIMEOUT_S)
        body = response.json()
        if body["status"] != "success":
            raise PrometheusRefused(f"{form}: {body['error']}")
        return body["data"]


def _config(targets: Sequence[ScrapeTarget], interval_s: int) -> dict[str, Any]:
    static = [{"targets": [f"127.0.0.1:{each.port}"], "labels": dict(each.labels)} for each in targets]
    return {
        "global": {"scrape_interval": f"{interval_s}s", "scrape_timeout": f"{interval_s}s"},
        "scrape_configs": [{"job_name": "cni-infoblox", "static_configs": static}],
    }


def _series(data: Mapping[str, Any]) -> list[Series]:
    if data["resultType"] == "scalar":
        return [Series({}, [_point(data["result"])])]
    return [
        Series(each["metric"], [_point(point) for point in each.get("values") or [each["value"]]])
        for each in data["result"]
    ]


def _point(point: Sequence[Any]) -> tuple[float, float]:
    return float(point[0]), float(point[1])
