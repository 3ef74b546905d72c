"""An allocation id names its owner and is read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire import allocation_id
from protocol.wire.allocation_id import AllocationId, Owner

HEX = "0123456789abcdef"


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=count, max_size=count)


owners = st.builds(
    Owner,
    cluster=digits(12),
    node=digits(16),
    machine=digits(8),
    boot=digits(8),
    driver=digits(4),
    journal=digits(8),
)


@given(owners, digits(12))
def test_an_id_is_read_as_it_was_written(owner, random):
    drawn = owner.draw(random)
    assert AllocationId.parse(str(drawn)) == drawn
    assert drawn.owner == owner
    assert len(str(drawn)) == allocation_id.LENGTH


@given(owners, digits(12), st.integers(0, 80), st.characters())
def test_an_id_with_one_character_more_is_none(owner, random, at, character):
    text = str(owner.draw(random))
    with pytest.raises(ValueError, match="not an allocation id"):
        AllocationId.parse(text[:at] + character + text[at:])


@pytest.mark.parametrize("random", ["", "0" * 11, "0" * 13, "ABCDEF012345", "0" * 12 + "\n"])
def test_an_id_is_not_drawn_from_less_than_twelve_digits(random):
    with pytest.raises(ValueError, match="not an allocation id"):
        Owner("0" * 12, "0" * 16, "0" * 8, "0" * 8, "0" * 4, "0" * 8).draw(random)


def test_journals_of_one_boot_are_neighbours_and_those_of_another_machine_are_not():
    first = Owner("0" * 12, "1" * 16, "2" * 8, "3" * 8, "4" * 4, "5" * 8)
    assert first.is_neighbour(Owner("0" * 12, "1" * 16, "2" * 8, "3" * 8, "4" * 4, "6" * 8))
    assert not first.is_neighbour(Owner("0" * 12, "1" * 16, "f" * 8, "3" * 8, "4" * 4, "5" * 8))


def test_the_same_text_is_another_hash_as_node_and_as_boot():
    assert allocation_id.hash_node("a")[:8] != allocation_id.hash_boot("a")
    assert allocation_id.hash_machine("") == allocation_id.UNKNOWN_MACHINE
    assert allocation_id.hash_machine("a") != allocation_id.UNKNOWN_MACHINE
