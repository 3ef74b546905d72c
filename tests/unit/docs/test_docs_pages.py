"""What the pages point to exists: files, headings, properties of the models, attributes of the grid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.core.attributes import TYPES
from coordinator.grid import comment
from spec.__main__ import MODELS

ROOT = Path(__file__).parents[3]
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "k8s/README.md", "k8s/krew/README.md", "spec/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md"))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GRID = (ROOT / "docs" / "grid.md").read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """What a link may name after `#`, as GitHub makes it of headings."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_each_link_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        page = (ROOT / name).parent / path if path else ROOT / name
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text(encoding="utf-8")), target


def test_each_file_that_architecture_names_exists() -> None:
    named: set[str] = set()
    for line in ARCHITECTURE.splitlines():
        before = ""
        for text in re.findall(r"`([\w/.-]+)`", line):
            if "/" in text and not text.startswith("/"):
                before, named = text.rpartition("/")[0], named | {text}
            elif text.endswith(".py") and before:
                named.add(f"{before}/{text}")
    assert not [each for each in sorted(named) if not (ROOT / each).exists()]


@pytest.mark.parametrize("daemon", ["nodeagent", "coordinator"])
def test_architecture_names_each_room_of_a_daemon(daemon: str) -> None:
    table = ARCHITECTURE.partition(f"| room of `{daemon}` |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert named == {path.parent.name for path in (ROOT / daemon).glob("*/__init__.py")}


def test_each_sentence_of_the_argument_names_properties_of_the_models() -> None:
    section = ARCHITECTURE.partition("\n## Why no address is used twice\n")[2].partition("\n## ")[0]
    named = re.findall(r"\[`([\w, \n]+): ([\w, \n]+)`\]", section)
    assert named
    for models, properties in named:
        for model in re.split(r",\s*", models):
            text = (MODELS / f"{model}.pml").read_text(encoding="utf-8")
            assert not [each for each in re.split(r",\s*", properties) if f"assert({each})" not in text]


def test_the_grids_page_has_the_nine_attributes() -> None:
    assert set(re.findall(r"^\| `([A-Z][\w ]+)` \| (?:STRING|list)", GRID, re.MULTILINE)) == set(TYPES)


def test_the_comment_that_the_grids_page_shows_is_read_by_machines() -> None:
    (shown,) = re.findall(r"^shop/web-2 on .*\(id=.*\)$", GRID, re.MULTILINE)
    part = comment.read(shown)
    assert part is not None
    assert (part.namespace, part.inode) == ("/run/netns/cni-1", 4026532281)
