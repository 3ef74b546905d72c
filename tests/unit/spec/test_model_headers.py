"""What a model's opening comment may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.__main__ import MODELS
from spec.header import HeaderError, Mutant, Run, read
from spec.pan import REST

HEADER = """/*
 * tiny: a model.
 *
 * run wide:  -DIDS=3 -DFAULTS=1
 * quick:     -DIDS=2
 * mutant BY_ADDRESS:  backed  a deletion names the address
 */
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "tiny.pml"
    path.write_text(text, encoding="utf-8")
    return path


def test_runs_and_mutants_are_read(tmp_path: Path) -> None:
    model = read(written(tmp_path, HEADER))
    assert model.name == "tiny"
    assert model.runs == (Run("wide", ("-DIDS=3", "-DFAULTS=1")),)
    assert model.quick == Run("quick", ("-DIDS=2",))
    assert model.mutants == (Mutant("BY_ADDRESS", "backed", "a deletion names the address"),)


def test_lines_after_the_opening_comment_are_not_read(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, HEADER + " * run other: -DIDS=1\n")).runs) == 1


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        (" * run wide:  -DIDS=3 -DFAULTS=1", " *", "need"),
        (" * quick:     -DIDS=2", " *", "quick"),
        ("backed  a deletion", "backed", "BY_ADDRESS"),
        (" * run wide:", " * run:", "cannot read"),
    ],
)
def test_a_header_that_lacks_something_is_refused(tmp_path: Path, line: str, instead: str, said: str) -> None:
    with pytest.raises(HeaderError, match=said):
        read(written(tmp_path, HEADER.replace(line, instead)))


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.pml")), ids=lambda path: path.stem)
def test_the_mutants_of_each_model_are_built_in_and_break_properties_that_it_has(path: Path) -> None:
    model = read(path)
    body = path.read_text(encoding="utf-8").split("*/", 1)[1]
    for mutant in model.mutants:
        assert mutant.name in body
        assert mutant.property_name == REST or f"assert({mutant.property_name})" in body
