"""The agent's error tree."""

from __future__ import annotations

import pytest

from nodeagent import errors as agent_errors
from protocol import config_errors
from protocol.errors import Problem, leaves

FORBIDDEN = ("not found", "no such file or directory")
MODULES = (agent_errors.__name__, config_errors.__name__)
OURS = [leaf for leaf in leaves(Problem) if leaf.__module__ in MODULES]


def test_the_tree_is_not_empty() -> None:
    assert len(OURS) > 15


@pytest.mark.parametrize("leaf", OURS, ids=lambda leaf: leaf.__name__)
def test_no_text_contains_words_that_runtimes_take_for_success(leaf: type[Problem]) -> None:
    text = f"{leaf.message} {leaf.remedy}".lower()
    assert not [words for words in FORBIDDEN if words in text]


@pytest.mark.parametrize("leaf", OURS, ids=lambda leaf: leaf.__name__)
def test_every_failure_has_code_message_and_remedy(leaf: type[Problem]) -> None:
    assert leaf.code > 0
    assert leaf.message
    assert leaf.remedy
    assert leaf.code < 100 or leaf.kind == "refused"


@pytest.mark.parametrize("leaf", OURS, ids=lambda leaf: leaf.__name__)
def test_codes_of_our_own_stay_clear_of_those_that_the_specification_reserves(leaf: type[Problem]) -> None:
    assert leaf.code in {1, 3, 4, 5, 6, 7, 11, 50} or leaf.code >= 100
