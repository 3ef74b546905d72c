"""Runs the parts of the bench that are named, or all of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench import exec_times, hops, memory

PARTS: Final[Mapping[str, Callable[[Path], None]]] = {
    "memory": memory.measure,
    "hops": hops.measure,
    "exec": exec_times.measure,
}


def main() -> int:
    """Run each part in a directory of its own; 2 for an unknown name."""
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        print(f"bench: there is no part {unknown[0]!r}, but: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-bench-") as directory:
        for name in chosen:
            PARTS[name](Path(directory) / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
