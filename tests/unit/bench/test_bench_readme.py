"""The README quotes the run, or stays as it is."""

from __future__ import annotations

from pathlib import Path

from bench.report.readme import BEGIN, END, quote
from bench.result import Result, Samples, Table

FIGURES = {
    "exec": {"add.took": 4.4, "host_local_add.took": 4.0},
    "one_pod": {"150ms.alone.add": 170.0, "150ms.plain.add": 930.0},
    "reserve": {"150ms.add": 5.0, "150ms.host_local": 4.5, "down.add": 5.1},
    "throughput": {"lane.150ms.200.rate": 165.0, **{f"plain.150ms.{n}.rate": 6.0 for n in (1, 10, 50)}},
    "storm": {"5000.all_served": 60.0, "5000.memory": 250.0},
}
README = f"before\n{BEGIN}\nold figures\n{END}\nafter\n"


def results(*parts: str) -> list[Result]:
    """Of these parts, with one sample of each figure."""
    return [
        Result(
            part,
            part,
            "",
            Table([], []),
            [],
            {name: Samples("", [value]) for name, value in FIGURES[part].items()},
            [],
        )
        for part in parts
    ]


def test_figures_take_the_place_of_older_ones_and_of_nothing_else(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README)
    for _ in range(2):
        assert quote(results(*FIGURES), readme)
    text = readme.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old figures" not in text
    assert text.count("4.4 ms; `host-local`'s ADD: 4.0 ms") == 1


def test_where_a_figure_is_missing_the_readme_stays_as_it_is(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README)
    assert not quote(results("exec", "one_pod"), readme)
    assert readme.read_text() == README
