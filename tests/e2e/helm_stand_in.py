"""Stands in for helm: Helm's own library renders, the stand-in of kubectl takes what comes of it.

A release is the objects that were applied last; they are kept in the directory in which helm is called.
"""

from __future__ import annotations

import shlex
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SHIM: Final = '#!/bin/sh\nexec {python} {program} {renderer} -- "$@"\n'


def put(bin_dir: Path, renderer: Sequence[str]) -> None:
    """A `helm` in this directory, which must be in PATH with `kubectl`. `renderer` is a real one's command."""
    path = bin_dir / "helm"
    path.write_text(_SHIM.format(python=sys.executable, program=__file__, renderer=shlex.join(renderer)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def main() -> int:
    """Carry out one command."""
    end = sys.argv.index("--")
    renderer, (verb, *rest) = sys.argv[1:end], sys.argv[end + 1 :]
    if verb not in ("install", "upgrade", "uninstall"):
        return subprocess.run([*renderer, verb, *rest], check=False).returncode
    release = Path(f"{rest[0]}.release.yaml")
    if verb == "uninstall":
        done = subprocess.run(["kubectl", "delete", "-f", release], check=False)
        release.unlink()
        return done.returncode
    if (verb == "install") == release.exists():
        sys.stderr.write(f"Error: {rest[0]}: {'is there' if release.exists() else 'has no deployed releases'}\n")
        return 1
    rendered = subprocess.run([*renderer, "template", *rest], capture_output=True, text=True, check=False)
    if rendered.returncode:
        sys.stderr.write(rendered.stderr)
        return rendered.returncode
    release.write_text(rendered.stdout)
    return subprocess.run(["kubectl", "apply", "-f", release], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
