"""What a grid may answer: any bytes with any status, and lies in the right form."""

from __future__ import annotations

import json
from typing import Any

from coordinator.grid.exchange import LostError, NotSentError, RefusedError
from coordinator.grid.wapi_reply import read_body
from tests.fuzz.border import check_told
from tests.fuzz.grid_world import GridWorld


def read_reply(data: bytes) -> None:
    """A status with a body."""
    status, _, body = data.partition(b"\n")
    code = int(status) if status.isdigit() and len(status) == 3 else 200
    try:
        read_body(code, body, "admin", "grid.example:443")
    except RefusedError as refused:
        assert refused.refusal.text
    except (LostError, NotSentError) as ended:
        check_told(ended.problem)


def read_lies(data: bytes) -> None:
    """A list of [number of the HTTP call, path into its true reply, what stands there instead].

    Nothing that the grid says stops the coordinator: when it has come to its senses, the next ADD is served; and
    no lie makes it give one address to two attachments.
    """
    lies = lies_of(data)
    world = GridWorld(lambda number, body: told(lies.get(number, []), body))
    owner = world.greet("n1")
    released, _ = world.ask("n1", owner), world.ask("n1", owner)
    world.let_go("n1", released)
    world.ask("n1", owner)
    world.advance(120.0)
    lies.clear()
    world.advance(120.0)
    assert world.serves("n9"), world.told
    given = world.addresses()
    given.pop(released, None)
    assert len(set(given.values())) == len(given), given


def lies_of(data: bytes) -> dict[int, list[tuple[list[int], Any]]]:
    """What is told instead of the truth, by the number of the HTTP call."""
    try:
        script = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    lies: dict[int, list[tuple[list[int], Any]]] = {}
    for each in script if isinstance(script, list) else []:
        match each:
            case [int(number), list(path), instead]:
                steps = [step for step in path if isinstance(step, int)]
                lies.setdefault(number, []).append((steps, instead))
    return lies


def told(lies: list[tuple[list[int], Any]], body: Any) -> Any:
    """The body with these lies in it."""
    for path, instead in lies:
        body = _replaced(body, path, instead)
    return body


def _replaced(node: Any, path: list[int], instead: Any) -> Any:
    """The node at the path; its steps are counted round, so that each path leads somewhere."""
    if not path or not isinstance(node, dict | list) or not node:
        return instead
    if isinstance(node, list):
        at = path[0] % len(node)
        return [*node[:at], _replaced(node[at], path[1:], instead), *node[at + 1 :]]
    key = sorted(node)[path[0] % len(node)]
    return {**node, key: _replaced(node[key], path[1:], instead)}
