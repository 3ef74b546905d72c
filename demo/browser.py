"""Has a page drawn by the machine's browser, without a screen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S: Final = 60.0
LIGHT: Final = 1
DARK: Final = 0
"""What the browser calls the colours that a person prefers."""

_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
)


class NoPicture(Exception):
    """There is no browser, or it has drawn nothing."""


def browser() -> str | None:
    """The machine's browser; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def screenshot(url: str, picture: Path, width: int, height: int, colours: int = LIGHT) -> str:
    """Draw the page at `url` into the file; what the browser says meanwhile. Raises `NoPicture`."""
    program = browser()
    if program is None:
        raise NoPicture(f"none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-browser-") as profile:
        place = (f"--user-data-dir={profile}", f"--screenshot={picture}", f"--window-size={width},{height}")
        argv = [program, *_FLAGS, *place, f"--blink-settings=preferredColorScheme={colours}", url]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if not picture.exists():
        raise NoPicture(f"{program}: exit code {done.returncode}: {done.stderr[-2000:]}")
    return done.stderr
