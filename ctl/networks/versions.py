"""Which cniVersion a configuration file should name, so that every executable involved speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ctl.networks.failures import BadConfiguration

VERSION_MAX: Final = "1.0.0"
"""Of the versions that are chosen, not of those that a file may name: a runtime of 2023 does not understand the
results of 1.1.0, and it cannot be asked."""

Spoken = frozenset[str]


def choose(named: str | None, spoken: Mapping[str, Spoken], version_max: str) -> str:
    """The version that the file names, where all executables speak it; else the highest that all do.

    `spoken` has the versions of each executable that told them. A version above `version_max` is chosen only where
    nothing else is common. Raises `BadConfiguration`.
    """
    if not spoken:
        return named or version_max
    common = frozenset[str].intersection(*spoken.values())
    if named is not None and named in common:
        return named
    if not common:
        each = "; ".join(f"{name} speaks {', '.join(_sorted(versions))}" for name, versions in spoken.items())
        raise BadConfiguration(f"cniVersion: no version is spoken by all plugins ({each}); install others")
    usable = [version for version in _sorted(common) if order(version) <= order(version_max)]
    return usable[-1] if usable else _sorted(common)[0]


def order(version: str) -> tuple[int, ...]:
    """The key by which versions are compared; what is no version comes first."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else ()


def _sorted(versions: Spoken) -> list[str]:
    return sorted(versions, key=order)
