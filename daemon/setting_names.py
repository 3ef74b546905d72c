"""Which names in a file of settings, or in the environment, mean nothing to the program that reads them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

ENV_PREFIX: Final = "CNI_INFOBLOX_"

_SIMULATORS: Final = ENV_PREFIX + "GRIDSIM_"
_OF_SERVICE: Final = re.compile(
    r"\w+_SERVICE_HOST|\w+_SERVICE_PORT(_\w+)?|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
"""What Kubernetes puts into each pod's environment about a Service whose name begins like ours."""

_SERVICE_URL: Final = re.compile(r"(tcp|udp|sctp)://.+")
"""Also the value of SERVICE_PORT, a name that may be a misspelt setting as well."""


def unknown_lines(names: Iterable[str], known: Collection[str]) -> list[str]:
    """A complaint for each name of a file's lines that is not among the known ones."""
    return [f"{name} is unknown{hint(name, known)}" for name in names if name.upper() not in known]


def unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> list[str]:
    """The variables that have our prefix, and that nobody reads."""
    ours = {name: value for name, value in environment.items() if name.upper().startswith(ENV_PREFIX)}
    return [
        name
        for name, value in ours.items()
        if name.upper() not in known and not _is_somebody_elses(name.upper(), value)
    ]


def hint(name: str, known: Collection[str]) -> str:
    """Which name was probably meant, as the end of a sentence; empty where none is near."""
    # Our prefix counts for nothing: it would make all of our names alike.
    meant = {each.removeprefix(ENV_PREFIX): each for each in sorted(known)}
    found = difflib.get_close_matches(name.upper().removeprefix(ENV_PREFIX), meant, n=1)
    return f": did you mean {meant[found[0]]}?" if found else ""


def _is_somebody_elses(name: str, value: str) -> bool:
    if name.startswith(_SIMULATORS) or _OF_SERVICE.fullmatch(name):
        return True
    return name.endswith("_PORT") and _SERVICE_URL.fullmatch(value) is not None
