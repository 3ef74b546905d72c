"""Whatever names the release names the same one, and is named anew by one command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from protocol.release import own_release
from release.version import BadVersion, bump, has_section, named_versions, project_version, released

TREE = Path(__file__).parents[3]
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0 (2026-11-30)\n\n- First.\n"


def test_every_place_names_the_projects_version() -> None:
    named = list(named_versions(TREE))
    files = {str(each.file) for each in named}
    assert {each.version for each in named} == {project_version(TREE)}
    assert {"Dockerfile", "docker-compose.yml", "k8s/cni-infoblox-daemon.yaml"} <= files


def test_no_other_image_of_the_manifests_is_passed_over() -> None:
    files = [TREE / "docker-compose.yml", *(TREE / "k8s").rglob("*.yaml")]
    images = [line for file in files for line in file.read_text().splitlines() if "image: cni-infoblox" in line]
    places = [each for each in named_versions(TREE) if each.file.suffix in (".yml", ".yaml")]
    charts = [each for each in places if each.file.name == "Chart.yaml"]
    assert len(images) == len(places) - len(charts)


def test_no_file_of_a_release_is_passed_over_in_the_documents() -> None:
    pages = [*TREE.glob("*.md"), *(TREE / "docs").glob("*.md"), TREE / "k8s" / "README.md"]
    named = re.compile(r"cni-infoblox[\w-]*?[:_-]\d+\.\d+\.\d+")
    files = [file for page in pages for file in named.findall(page.read_text(encoding="utf-8"))]
    assert len(files) == len([each for each in named_versions(TREE) if each.file.suffix == ".md"]) > 0


def test_the_installed_programs_are_of_that_version() -> None:
    assert own_release() == project_version(TREE)


def test_the_changelog_says_what_is_in_the_version() -> None:
    assert has_section((TREE / "CHANGELOG.md").read_text(encoding="utf-8"), project_version(TREE))


def test_a_bump_reaches_every_place_and_names_the_unreleased_section(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "Dockerfile", "docker-compose.yml"):
        shutil.copy(TREE / name, tmp_path)
    shutil.copytree(TREE / "k8s", tmp_path / "k8s")
    shutil.copytree(TREE / "docs", tmp_path / "docs")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    changed = bump(tmp_path, "7.8.9", "2027-01-02")
    assert {each.version for each in named_versions(tmp_path)} == {"7.8.9"}
    assert {named.file for named in named_versions(tmp_path)} == {
        file.relative_to(tmp_path) for file in changed if file.name != "CHANGELOG.md"
    }
    assert (tmp_path / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## Unreleased\n\n## 7.8.9 (2027-01-02)\n\n- New.\n\n## 0.1.0 (2026-11-30)\n\n- First.\n"
    )


@pytest.mark.parametrize("version", ["1", "v1.0.0", "1.0.0-rc1", "1.0"])
def test_what_is_no_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(BadVersion, match=r"X\.Y\.Z"):
        bump(tmp_path, version, "2027-01-02")


def test_nothing_is_released_twice() -> None:
    with pytest.raises(BadVersion, match=r"0\.1\.0 already"):
        released(CHANGELOG, "0.1.0", "2027-01-02")


def test_a_release_needs_something_new() -> None:
    with pytest.raises(BadVersion, match="Unreleased"):
        released(CHANGELOG.replace("- New.\n", ""), "0.2.0", "2027-01-02")
