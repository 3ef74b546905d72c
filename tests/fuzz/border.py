"""A place where bytes from outside come in, with the inputs that every run reads again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import msgpack

from protocol.errors import Problem

CORPUS = Path(__file__).parents[1] / "corpus"
MSG_LENGTH_MAX = 1000
DETAILS_LENGTH_MAX = 4000
RUNTIMES_MISREAD = ("not found", "no such file or directory")


class Shape(Enum):
    """How the bytes are built, so that damage can reach what lies inside."""

    BYTES = auto()
    JSON = auto()
    STATUS_JSON = auto()
    """An HTTP status in a line of its own, then JSON."""
    MSGPACK_JSON = auto()
    """JSON in the corpus, for people; msgpack on the wire."""


@dataclass(frozen=True)
class Border:
    """`read` returns, whatever it is given; anything raised is a finding. `name` is its folder of the corpus."""

    name: str
    shape: Shape
    read: Callable[[bytes], None]

    def corpus(self) -> list[Path]:
        """The inputs that are kept."""
        return sorted(path for path in (CORPUS / self.name).iterdir() if path.is_file())

    def input_of(self, kept: bytes) -> bytes:
        """The bytes that a file of the corpus stands for; what is no JSON there is taken as it is."""
        if self.shape is not Shape.MSGPACK_JSON:
            return kept
        try:
            return pack(json.loads(kept))
        except ValueError:
            return kept


def pack(value: Any) -> bytes:
    """A value as msgpack."""
    packed: bytes = msgpack.packb(value)
    return packed


def check_told(problem: Problem) -> None:
    """A person can use the error: it says something, on one line, with a remedy, of bounded length."""
    assert 0 < len(problem.msg) <= MSG_LENGTH_MAX, problem.msg
    assert 0 < len(problem.details) <= DETAILS_LENGTH_MAX, problem.details
    assert "\n" not in problem.msg, problem.msg


def check_del_told(text: str) -> None:
    """No runtime takes the error of a DEL for success."""
    assert not any(words in text.lower() for words in RUNTIMES_MISREAD), text
