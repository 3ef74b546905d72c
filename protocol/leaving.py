"""How `cni-infoblox uninstall` tells the node's agent that it is about to go: by a file beside its socket."""

from __future__ import annotations

from pathlib import Path


def marker(socket_dir: Path, driver: str) -> Path:
    """While this file exists the agent keeps no allocation ready. `install` takes it away again."""
    return socket_dir / f"{driver}.leaving"
