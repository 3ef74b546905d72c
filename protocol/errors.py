"""The shape that every failure has on its way to the container runtime.

A failure is a type. Its base says what the caller does about it, its attributes say what a person
reads: the CNI error code (CNI specification, "Error"), a short `msg` that names the field or the hop,
and `details` with the cause and the remedy. `docs/errors.md` is generated from the leaves.
"""

from __future__ import annotations

from typing import ClassVar

from protocol.texts import scrub

INCOMPATIBLE_CNI_VERSION = 1
UNKNOWN_CONTAINER = 3
INVALID_ENVIRONMENT = 4
IO_FAILURE = 5
DECODE_FAILURE = 6
INVALID_NETWORK_CONFIG = 7
TRY_AGAIN_LATER = 11
PLUGIN_NOT_AVAILABLE = 50
"""The codes that the CNI specification reserves; those of 100 and above are ours."""


class Problem(Exception):
    """A failure with everything that its reader needs.

    Leaves set `code`, `message` and `remedy`; the last two are format strings over the keyword
    arguments of the constructor. `request_id` follows the request through all logs.
    """

    kind: ClassVar[str]
    code: ClassVar[int]
    message: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.msg)

    @property
    def msg(self) -> str:
        """One short sentence that names the field or the hop (CNI: `msg`)."""
        return scrub(self.message.format(**self.facts))

    @property
    def details(self) -> str:
        """The cause where it is known, then the remedy (CNI: `details`)."""
        cause = self.facts.get("cause")
        remedy = self.remedy.format(**self.facts)
        # The grid ends some of its sentences itself.
        return scrub(f"{str(cause).rstrip('.')}. {remedy}" if cause else remedy)


class TryAgain(Problem):
    """May heal without anybody's help: the runtime asks again (code 11)."""

    kind = "try_again"
    code = TRY_AGAIN_LATER


class Refused(Problem):
    """Stays until a person changes something."""

    kind = "refused"


def leaves(base: type[Problem]) -> list[type[Problem]]:
    """All concrete problems below `base`, by name; those that set a message of their own."""
    found = {cls for cls in _descendants(base) if "message" in vars(cls)}
    return sorted(found, key=lambda cls: (cls.code, cls.__name__))


def _descendants(base: type[Problem]) -> list[type[Problem]]:
    children = base.__subclasses__()
    return children + [grandchild for child in children for grandchild in _descendants(child)]
