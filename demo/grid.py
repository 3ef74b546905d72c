"""The simulated grid: its control surface, and the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import requests

from demo.daemons import Daemon, command

PASSWORD: Final = "infoblox"
CALLS_MAX: Final = 2**31
"""More than a simulator is ever asked: from there on it has no calls to list, and says how many there were."""

OBJECTS_AT_ONCE: Final = 2000
BULK_TIMEOUT_S: Final = 60


class GridControl:
    """Looks into a running simulator, and steers it."""

    def __init__(self, url: str, certificate: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = certificate

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def calls(self, since: int = 1) -> list[dict[str, Any]]:
        """The WAPI calls that were made, from number `since` on."""
        calls: list[dict[str, Any]] = self._get("calls", since=since)["calls"]
        return calls

    def call_count(self) -> int:
        """How many WAPI calls have been finished."""
        return int(self._get("calls", since=CALLS_MAX)["next"]) - 1

    def objects(self, object_type: str = "fixedaddress") -> list[dict[str, Any]]:
        """Every object of a type, with all fields."""
        objects: list[dict[str, Any]] = self._get("objects", type=object_type)
        return objects

    def pods(self) -> dict[str, dict[str, Any]]:
        """The addresses of pods, by address: not gateways or what others reserved."""
        return {
            found["ipv4addr"]: found
            for found in self.objects()
            if ea(found, "VM ID") and ea(found, "Tenant ID") and ea(found, "Interface Name")
        }

    def needs_restart(self) -> bool:
        """Whether the grid's GUI shows its "restart required" banner."""
        return bool(self._get("restart")["needed"])

    def set_faults(self, **switches: object) -> None:
        """Change how the grid misbehaves."""
        self._session.put(f"{self.url}/sim/faults", json=switches, timeout=10).raise_for_status()

    def create(self, object_type: str, data: Mapping[str, Any]) -> None:
        """Put an object into the grid as its administrator, which is no WAPI call."""
        body = {"type": object_type, "data": data}
        response = self._session.post(f"{self.url}/sim/objects", json=body, timeout=10)
        assert response.ok, response.text

    def create_all(self, object_type: str, several: Sequence[Mapping[str, Any]]) -> None:
        """Put many objects of a type into the grid as its administrator."""
        for start in range(0, len(several), OBJECTS_AT_ONCE):
            body = {"type": object_type, "data": several[start : start + OBJECTS_AT_ONCE]}
            response = self._session.post(f"{self.url}/sim/objects", json=body, timeout=BULK_TIMEOUT_S)
            assert response.ok, response.text

    def update(self, reference: str, fields: Mapping[str, Any]) -> None:
        """Change an object as the grid's administrator."""
        response = self._session.put(f"{self.url}/sim/objects", params={"ref": reference}, json=fields, timeout=10)
        assert response.ok, response.text

    def delete(self, reference: str) -> None:
        """Remove an object as the grid's administrator."""
        response = self._session.delete(f"{self.url}/sim/objects", params={"ref": reference}, timeout=10)
        assert response.ok, response.text

    def wait_for_calls(self, count: int, *, finished: bool = False, timeout_s: float = 10) -> bool:
        """Wait until so many calls in all have been received, or finished. False when that took too long."""
        body = {"calls": count, "timeout_s": timeout_s, "finished": finished}
        response = self._session.post(f"{self.url}/sim/wait", json=body, timeout=timeout_s + 5)
        response.raise_for_status()
        return bool(response.json()["reached"])

    def wait_until_left_alone(self, silence_s: float) -> None:
        """Wait until no call has ended for so long."""
        while self.wait_for_calls(self.call_count() + 1, finished=True, timeout_s=silence_s):
            pass

    def wait_until(self, holds: Callable[[], bool], timeout_s: float = 20) -> bool:
        """Wait until something about the grid holds, looking after each call. False when that took too long."""
        while True:
            calls = self.call_count()
            if holds():
                return True
            if not self.wait_for_calls(calls + 1, finished=True, timeout_s=timeout_s):
                return holds()

    def _get(self, what: str, **arguments: object) -> Any:
        response = self._session.get(f"{self.url}/sim/{what}", params=arguments, timeout=BULK_TIMEOUT_S)  # type: ignore[arg-type]
        response.raise_for_status()
        return response.json()


class SimulatedGrid(GridControl):
    """Starts the simulator, on a free port of loopback unless the flags say otherwise."""

    def __init__(self, directory: Path, *flags: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        argv = [
            *command("cni-infoblox-gridsim"),
            "--listen",
            "127.0.0.1:0",
            "--state-dir",
            str(directory / "state"),
        ]
        self.daemon = Daemon([*argv, *flags], {}, directory / "gridsim.log")
        line = self.daemon.wait_until(lambda said: "url" in said, "start")
        self.page: str = line["page"]
        self.certificate: str = line["certificate"]
        super().__init__(line["url"], self.certificate)

    @property
    def port(self) -> int:
        """The port."""
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """End the simulator."""
        self.close()
        self.daemon.stop()


def ea(found: Mapping[str, Any], name: str) -> str:
    """The text of an extensible attribute, empty where the object has none."""
    return str(found.get("extattrs", {}).get(name, {}).get("value", ""))
