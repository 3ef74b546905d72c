"""Tells which release this is: the version of the installed distribution, which pyproject.toml names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

DISTRIBUTION: Final = "cni-infoblox"
UNRELEASED: Final = "unreleased"
"""The release of a source tree that was never installed."""


def own_release() -> str:
    """The version, which is also the images' label `org.opencontainers.image.version`."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return UNRELEASED


class ShowRelease(argparse.Action):
    """`--version`: prints program and release on standard output, then ends the process with 0.

    The release is looked up on demand: a short command would spend most of its time on it.
    """

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        help_text = "print the release and exit"
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help_text)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        sys.stdout.write(f"{parser.prog} {own_release()}\n")
        parser.exit()
