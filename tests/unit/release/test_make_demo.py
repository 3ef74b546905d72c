"""`make demo` sets up what the demonstration runs, and nothing that only checks or tests need."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

TREE = Path(__file__).parents[3]
LOADED = "import sys, ctl.__main__, demo.__main__, coordinator.__main__, gridsim.__main__, nodeagent.__main__"
FOR_TESTS = ("docker", "podman", "containerd ", "qemu", "valgrind", "spin", "gcc", "'.[gridsim,dev]'")


def made(target: str) -> str:
    """Every command that make would execute on a machine where nothing was prepared."""
    argv = ["make", "--dry-run", "--always-make", target]
    return subprocess.run(argv, cwd=TREE, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("needless", FOR_TESTS)
def test_nothing_that_only_tests_need_is_installed(needless: str) -> None:
    assert needless not in made("demo")


def test_the_tests_set_up_more() -> None:
    assert not [name for name in ("docker", "qemu", "'.[gridsim,dev]'") if name not in made("test")]


def test_the_demonstration_imports_nothing_that_it_does_not_install() -> None:
    program = f"{LOADED}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=TREE, capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for_development = {re.split(r"[><=,]", each)[0].lower() for each in project["dev"]}
    known = packages_distributions()
    used = {distribution.lower() for top in tops for distribution in known.get(top, [])}
    assert not used & for_development
