"""The locked versions that the images are built from: whole, checked by hash, what the project asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
HASHES = r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
PINNED = re.compile(rf"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;]+)(?: ;[^\\]*)?{HASHES}$", re.M)


def locked(name: str) -> dict[str, str]:
    """Versions by name; a line that is no comment, or has no hash, is a mistake."""
    text = (ROOT / name).read_text()
    entries = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert PINNED.sub("", entries).strip() == ""
    return {canonicalize_name(found["name"]): found["version"] for found in PINNED.finditer(entries)}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked_for(name: str) -> list[str]:
    described = project()
    daemons: list[str] = described["project"]["dependencies"]
    return {
        "requirements.lock": daemons,
        "requirements-gridsim.lock": [*daemons, *described["project"]["optional-dependencies"]["gridsim"]],
        "images/build.lock": described["build-system"]["requires"],
    }[name]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-gridsim.lock", "images/build.lock"])
def test_a_lock_file_has_every_dependency_in_a_version_that_the_project_accepts(name: str) -> None:
    versions = locked(name)
    for requirement in map(Requirement, asked_for(name)):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_simulator_runs_with_the_daemons_versions() -> None:
    daemons, simulator = locked("requirements.lock"), locked("requirements-gridsim.lock")
    assert daemons.items() <= simulator.items()
