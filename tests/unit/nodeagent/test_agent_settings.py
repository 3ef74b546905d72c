"""Bad configuration ends the agent with 2, in one line that names the flag and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.settings import read
from protocol.settings import BadSettings

GOOD = ("--coordinator", "tcp://gm:5510", "--keys", "/k")


def complaint(*flags: str) -> str:
    with pytest.raises(BadSettings) as caught:
        read(flags)
    return str(caught.value)


def test_all_that_is_missing_is_told_at_once() -> None:
    assert complaint() == (
        "--keys, --coordinator: are required (or CNI_INFOBLOX_KEYS, CNI_INFOBLOX_COORDINATOR in the environment)"
    )


def test_a_line_of_the_file_that_nobody_reads_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("CNI_INFOBLOX_NODENAME=n1\n")
    told = "CNI_INFOBLOX_NODENAME is unknown: did you mean CNI_INFOBLOX_NODE_NAME?"
    assert complaint(*GOOD, "--config", str(file)) == f"--config: {file}: {told}"
    file.write_bytes(b"\xff")
    assert complaint(*GOOD, "--config", str(file)) == f"--config: {file}: is not UTF-8"


def test_a_file_name_is_asked_for_in_words() -> None:
    assert "--driver-name: 'a/b' must be at most 64 letters" in complaint(*GOOD, "--driver-name", "a/b")
