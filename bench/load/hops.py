"""Where the time of an ADD went, hop by hop, as the daemons' log lines with its request id tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bench.run import Wrong
from demo.daemons import Line


@dataclass(frozen=True)
class Hops:
    """Milliseconds of one ADD, which add up to the whole."""

    execs: float
    agent: float
    wire: float
    lane: float
    grid: float
    wapi_calls: int


class Trail:
    """The lines of a node's agent and of the coordinator, after the ADDs in question."""

    def __init__(self, agent: Iterable[Line], coordinator: Iterable[Line]) -> None:
        agent = list(agent)
        # Backwards, as an ADD that is repeated has a line of its own.
        self._agent = {line["container"]: line for line in reversed(agent) if line.get("event") == "allocated"}
        self._sent = _moments(agent, "message_sent", "allocate")
        self._received = _moments(agent, "message_received", "allocated")
        self._coordinator = {line["request"]: line for line in coordinator if line.get("event") == "allocated"}

    def hops(self, container: str, took_ms: float) -> Hops:
        """Those of a container's ADD that asked the coordinator and took so long for who executed it."""
        mine = self._agent[container]
        request = mine["request"]
        if request not in self._coordinator:
            raise Wrong(f"the ADD of {container} did not reach the coordinator")
        its = self._coordinator[request]
        away_ms = (self._received[request] - self._sent[request]).total_seconds() * 1000
        return Hops(
            execs=took_ms - mine["took_ms"],
            agent=mine["took_ms"] - away_ms,
            wire=away_ms - its["took_ms"],
            lane=its["took_ms"] - its["grid_ms"],
            grid=its["grid_ms"],
            wapi_calls=its["wapi_calls"],
        )


def _moments(lines: Iterable[Line], event: str, kind: str) -> Mapping[str, datetime]:
    return {
        line["request"]: datetime.fromisoformat(line["timestamp"])
        for line in lines
        if line.get("event") == event and line.get("type") == kind
    }
