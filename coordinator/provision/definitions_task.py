"""Sees that the grid defines our extensible attributes, each with the type that our values need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.grid.operations import Found, Operation, Reply
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Priority
from coordinator.provision.objects import Provider
from coordinator.provision.task import CREATES_MAX, TaskApart
from protocol.attributes import misfit


@dataclass(frozen=True)
class Defined:
    """Which of our attributes are undefined, made, or of a type that does not take our values (name, type).

    All by their names on this grid.
    """

    missing: tuple[str, ...]
    created: tuple[str, ...]
    mistyped: tuple[tuple[str, str], ...] = ()


class DefinitionsTask(TaskApart[Defined]):
    """Looks for the definitions of our extensible attributes; creates those that are missing, if it may.

    A user who may not see definitions gets an empty answer, so what seems to be missing is only reported.
    """

    priority = Priority.START
    patient = True

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self._provider = provider
        self._types = provider.names.types()
        self._missing: list[str] = []
        self._mistyped: list[tuple[str, str]] = []
        self._created: list[str] = []
        self._creates_lost = 0
        self._is_searching = True

    def operations(self) -> tuple[Operation, ...]:
        if self._is_searching:
            return (self._provider.find_definitions(),)
        return (self._provider.create_definition(self._missing[0]),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Defined | None:
        if not self._is_searching:
            self._created.append(self._missing.pop(0))
            return None if self._missing else self._outcome()
        found = {hit.get("name"): hit for reply in replies if isinstance(reply, Found) for hit in reply.hits}
        self._missing = [name for name in self._types if name not in found]
        misfits = [(name, misfit(found[name], kind)) for name, kind in self._types.items() if name in found]
        self._mistyped = [(name, there) for name, there in misfits if there]
        self._is_searching = False
        return None if self._missing else self._outcome()

    def refused(self, refusal: Refusal, now_s: float) -> Defined | None:
        if refusal.kind is not Kind.EXISTS or self._is_searching:
            return self._outcome()
        self._missing.pop(0)
        return None if self._missing else self._outcome()

    def unknown(self, now_s: float) -> Defined | None:
        self._creates_lost += not self._is_searching
        self._is_searching = True
        return self._outcome() if self._creates_lost >= CREATES_MAX else None

    def _outcome(self) -> Defined:
        return Defined(tuple(self._missing), tuple(self._created), tuple(self._mistyped))


class DefinitionsLook(DefinitionsTask):
    """Looks for them, and makes none: this coordinator does not lead."""

    def answered(self, replies: Sequence[Reply], now_s: float) -> Defined:
        return super().answered(replies, now_s) or self._outcome()
