"""Makes a directory for an agent's socket where the plugin accepts one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

DEFAULT: Final = Path("/run/cni")


@contextmanager
def socket_directory(name: str) -> Iterator[Path]:
    """An empty directory below the default one, root's alone, whose name begins with `name`; gone afterwards."""
    DEFAULT.mkdir(mode=0o755, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=DEFAULT))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
