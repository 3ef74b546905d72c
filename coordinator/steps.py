"""The named steps at which a test can stop this process for good."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.operations import Create, DeleteFound, Operation, UpdateFound

OnStep = Callable[[str], None]

STEPS = (
    "message:hello:received",
    "message:allocate:received",
    "message:release:received",
    "wapi:search:before",
    "wapi:search:after",
    "wapi:create:before",
    "wapi:create:after",
    "wapi:update:before",
    "wapi:update:after",
    "wapi:delete:before",
    "wapi:delete:after",
    "message:allocated:before",
    "message:allocated:after",
    "message:released:before",
    "message:released:after",
)


def no_step(name: str) -> None:
    """What production passes."""


def call_name(operations: tuple[Operation, ...]) -> str:
    """What a call does, by the first of its operations that changes something."""
    names = {Create: "create", DeleteFound: "delete", UpdateFound: "update"}
    return next((names[type(each)] for each in operations if type(each) in names), "search")
