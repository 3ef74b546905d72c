"""Whatever comes in at any border: it is read, or refused by the right error."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.fuzz.border import CORPUS, Border
from tests.fuzz.borders import BORDERS
from tests.fuzz.explore import explore, replay

EXAMPLES = 100
WHOLE_EXAMPLES = 25
"""For the borders that take both daemons for each input."""

# Hypothesis would rather not show inputs of 100 kB; `Finding` cuts them off.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: border.name)
def test_what_was_ever_found_stays_harmless(border: Border) -> None:
    assert border.corpus()
    replay(border)


@pytest.mark.parametrize("border", BORDERS, ids=lambda border: border.name)
def test_nothing_that_comes_in_raises_another_error(border: Border) -> None:
    most = WHOLE_EXAMPLES if border.name.startswith("whole_") else EXAMPLES
    explore(border, settings(max_examples=most, derandomize=True))


def test_every_folder_of_the_corpus_belongs_to_a_border() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {border.name for border in BORDERS}
