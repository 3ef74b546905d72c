"""What tests of every kind share."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def static_plugin() -> Path:
    """The plugin as one static file, as `make test` builds it beforehand."""
    file = Path(__file__).parents[1] / "dist" / "infoblox"
    assert file.is_file(), "the static plugin is missing: run 'make plugin'"
    return file
