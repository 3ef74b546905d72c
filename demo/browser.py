"""Has a page drawn by the machine's browser, without a screen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S: Final = 60.0

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
    "--blink-settings=preferredColorScheme=1",  # light, whatever this machine prefers
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
)


class NoPicture(Exception):
    """There is no browser, or it has drawn nothing."""


def browser() -> str | None:
    """The machine's browser; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def screenshot(url: str, picture: Path, width: int, height: int) -> None:
    """Draw the page at `url` into the file. Raises `NoPicture`, too where the browser complains about the page."""
    program = browser()
    if program is None:
        raise NoPicture(f"none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-browser-") as profile:
        place = (f"--user-data-dir={profile}", f"--screenshot={picture}", f"--window-size={width},{height}")
        argv = [program, *_FLAGS, *place, url]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if not picture.exists():
        raise NoPicture(f"{program}: exit code {done.returncode}: {done.stderr[-2000:]}")
    complaints = [
        line for line in done.stderr.splitlines() if "CONSOLE" in line or "Content Security Policy" in line
    ]
    if complaints:
        raise NoPicture(f"{program} complains: {complaints[0]}")
