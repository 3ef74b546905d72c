"""What the installer tells about itself to people and probes, frozen so that any thread may read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pydantic import TypeAdapter

from daemon.metrics.described import Described, gauge
from daemon.metrics.registry import MetricRegistry

PREFIX: Final = "cni_infoblox_installer_"

METERS: Final[tuple[Described, ...]] = (
    gauge(
        "ready",
        "Whether the node is as it should be: plugin and configuration are in place, or gone if that is wanted.",
        "The installer's log, and its `/status`, say what it waits for.",
    ),
    gauge(
        "warnings",
        "What a person should change although it stops nothing, by event of the log.",
        "Read the line of that event in the installer's log: it names the remedy.",
        "event",
    ),
)


class State(StrEnum):
    """How the node's configuration stands to the wanted one."""

    IN_PLACE = "in place"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True)
class Warned:
    """Something that a person should change, though it stops nothing."""

    event: str
    why: str


@dataclass(frozen=True)
class Configuration:
    """The configuration at one moment; `why` says what it waits for, or what is wrong with it."""

    state: State
    file: str | None = None
    why: str | None = None
    warnings: tuple[Warned, ...] = ()


class Told(Protocol):
    """What the status page shows."""

    def unready(self) -> str | None:
        """Why the node is not as it should be, None when it is."""
        ...

    def json(self) -> bytes:
        """All of it as `/status` shows it."""
        ...

    def metrics(self) -> bytes:
        """All of it as Prometheus wants it."""
        ...


@dataclass(frozen=True)
class Report:
    """The node at one moment. `configuration` is None where only the plugin is looked after."""

    plugin: str
    release: str
    why_no_plugin: str | None
    configuration: Configuration | None

    def unready(self) -> str | None:
        """Why the node is not as it should be, None when it is."""
        if self.why_no_plugin:
            return f"plugin: {self.why_no_plugin}"
        if self.configuration is None or self.configuration.state is State.IN_PLACE:
            return None
        return f"configuration {self.configuration.state}: {self.configuration.why}"

    def json(self) -> bytes:
        """The report as `/status` shows it."""
        return TypeAdapter(Report).dump_json(self, indent=1)

    def metrics(self) -> bytes:
        """The report as Prometheus wants it."""
        registry = _readiness(self)
        for warned in self.configuration.warnings if self.configuration else ():
            registry.gauge("warnings").labels(warned.event).inc()
        return registry.text()


@dataclass(frozen=True)
class Removal:
    """A node from which plugin and configuration are taken. `why_left` is None when they are gone."""

    plugin: str
    release: str
    why_left: str | None

    def unready(self) -> str | None:
        """What still needs them."""
        return self.why_left

    def json(self) -> bytes:
        """The removal as `/status` shows it."""
        return TypeAdapter(Removal).dump_json(self, indent=1)

    def metrics(self) -> bytes:
        """The removal as Prometheus wants it."""
        return _readiness(self).text()


def _readiness(told: Told) -> MetricRegistry:
    registry = MetricRegistry(PREFIX, METERS)
    registry.gauge("ready").set(told.unready() is None)
    return registry
