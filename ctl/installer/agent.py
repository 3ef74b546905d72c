"""Asks whether this node can give addresses: a real STATUS by the installed plugin through the real socket."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

ANSWER_LIMIT_S: Final = 5


def why_not_serving(plugin: Path, socket_dir: Path) -> str | None:
    """What the plugin answers instead of success; None where the node's agent serves."""
    driver_name = plugin.name
    ipam = {"type": driver_name, "socket-dir": str(socket_dir)}
    question = {"cniVersion": "1.1.0", "name": "status", "type": driver_name, "ipam": ipam}
    try:
        done = subprocess.run(
            [plugin],
            env={"CNI_COMMAND": "STATUS"},
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=ANSWER_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the plugin did not answer within {ANSWER_LIMIT_S} s"
    except OSError as error:
        return f"the plugin does not run here: {error.strerror}"
    return None if done.returncode == 0 else _complaint(done.stdout)


def _complaint(stdout: bytes) -> str:
    """The message without its details, which carry the id of this one request."""
    try:
        return str(json.loads(stdout)["msg"])
    except (ValueError, LookupError, TypeError):
        return "the plugin failed"
