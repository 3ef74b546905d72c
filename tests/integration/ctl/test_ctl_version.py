"""Each of the programs says which release it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from demo.daemons import command
from release.version import project_version

RELEASE = project_version(Path(__file__).parents[3])
PROGRAMS = ("cni-infoblox", "cni-infoblox-agent", "cni-infoblox-coordinator", "cni-infoblox-gridsim")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_says_its_release_without_any_other_flag(program: str) -> None:
    done = subprocess.run([*command(program), "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{program} {RELEASE}\n", "")
