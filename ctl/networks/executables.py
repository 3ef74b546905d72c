"""Asks the plugins of a directory which versions of the CNI specification they speak."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from ctl.networks.failures import NotYet
from ctl.networks.versions import Spoken

ANSWER_LIMIT_S: Final = 10
_QUESTION: Final = b'{"cniVersion":"1.0.0"}'
_Signature = tuple[int, int, int]


class Unanswered(Exception):
    """The executable does not say; the text tells why."""


class Executables:
    """The plugins of one directory; each is asked anew when its file has changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, tuple[_Signature, Spoken]] = {}

    def versions(self, name: str) -> Spoken:
        """What the plugin of this file name speaks. Raises `NotYet` where it is missing, or `Unanswered`."""
        path = self._directory / name
        try:
            status = path.stat()
        except FileNotFoundError:
            raise NotYet(f"there is no plugin {name} in {self._directory}: install it there") from None
        signature = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known.get(name)
        if known is None or known[0] != signature:
            known = (signature, _ask(path))
            self._known[name] = known
        return known[1]


def _ask(path: Path) -> Spoken:
    environment = {"CNI_COMMAND": "VERSION", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    try:
        done = subprocess.run(
            [path], env=environment, input=_QUESTION, capture_output=True, timeout=ANSWER_LIMIT_S, check=False
        )
        versions = json.loads(done.stdout)["supportedVersions"]
    except subprocess.TimeoutExpired:
        raise Unanswered(f"no answer to VERSION within {ANSWER_LIMIT_S} s") from None
    except OSError as error:
        raise Unanswered(f"it does not run here: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise Unanswered("its answer to VERSION is not understood") from None
    if not isinstance(versions, list) or not all(isinstance(version, str) for version in versions):
        raise Unanswered("its answer to VERSION is not understood")
    return frozenset(versions)
