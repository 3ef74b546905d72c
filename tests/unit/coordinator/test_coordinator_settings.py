"""Bad configuration ends the coordinator with 2, in one line that names the flag."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.__main__ import main

GRID = ["--grid-host", "gm", "--wapi-username", "pods"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--grid-host"),
        (["--grid-host", "gm"], "--wapi-username"),
        ([*GRID, "--nonsense", "x"], "--nonsense"),
        ([*GRID, "--wapi-port", "70000"], "--wapi-port"),
        ([*GRID, "--network", "10.0.0.1/8"], "--network"),
        ([*GRID, "--allow-network", "ten"], "--allow-network"),
        ([*GRID, "--listen", "0.0.0.0"], "--listen"),
        ([*GRID, "--ssl-verify", "/nowhere.pem"], "--ssl-verify"),
        ([*GRID, "--log-level", "loud"], "--log-level"),
        ([*GRID, "--config", "/nowhere"], "--config"),
        (GRID, "--wapi-password-file"),
    ],
    ids=str,
)
def test_it_names_the_flag(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], named: str
) -> None:
    assert main([*flags, "--keys", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert named in lines[0]
