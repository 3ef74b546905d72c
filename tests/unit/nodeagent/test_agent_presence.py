"""Which namespaces are gone, by what was seen so far."""

from __future__ import annotations

from dataclasses import replace

from request_builders import NAMESPACE, NETNS

from nodeagent.attachments.presence import BELIEVED_MAX, Presence, Verdict
from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import NO_NAMESPACE, Directory, Sight

DIRECTORY, ANOTHER_DIRECTORY = Directory(25, 900), Directory(25, 901)
NEIGHBOUR = Namespace("/run/netns/u", 4026532002)

PRESENT = Sight(NAMESPACE, DIRECTORY, NETNS)
MISSING = Sight(NAMESPACE, DIRECTORY)
REPLACED = Sight(NAMESPACE, DIRECTORY, NO_NAMESPACE)
NEIGHBOUR_PRESENT = Sight(NEIGHBOUR, DIRECTORY, NEIGHBOUR.inode)


def verdict(sightings: Presence, *sights: Sight) -> Verdict:
    return sightings.judge(sights)[NAMESPACE]


def test_a_namespace_that_was_seen_and_is_missing_is_gone() -> None:
    sightings = Presence()

    assert verdict(sightings, PRESENT) is Verdict.PRESENT
    assert verdict(sightings, MISSING) is Verdict.GONE


def test_an_empty_directory_in_which_nothing_was_ever_seen_proves_nothing() -> None:
    sightings = Presence()

    assert verdict(sightings, MISSING, Sight(NEIGHBOUR, DIRECTORY)) is Verdict.UNKNOWN


def test_a_neighbour_in_the_same_look_shows_that_the_directory_is_the_right_one() -> None:
    assert verdict(Presence(), MISSING, NEIGHBOUR_PRESENT) is Verdict.GONE


def test_a_neighbour_in_another_directory_shows_nothing() -> None:
    elsewhere = Sight(NEIGHBOUR, ANOTHER_DIRECTORY, NEIGHBOUR.inode)
    assert verdict(Presence(), MISSING, elsewhere) is Verdict.UNKNOWN


def test_a_directory_that_became_another_one_is_not_believed_any_more() -> None:
    sightings = Presence()
    sightings.judge([PRESENT])

    assert verdict(sightings, replace(MISSING, directory=ANOTHER_DIRECTORY)) is Verdict.UNKNOWN
    assert verdict(sightings, replace(REPLACED, directory=ANOTHER_DIRECTORY)) is Verdict.UNKNOWN
    assert verdict(sightings, MISSING) is Verdict.GONE


def test_a_directory_that_cannot_be_seen_says_nothing_whatever_was_seen() -> None:
    sightings = Presence()
    sightings.judge([PRESENT])

    assert verdict(sightings, Sight(NAMESPACE)) is Verdict.UNKNOWN


def test_another_file_is_the_end_of_a_namespace_that_was_seen_and_of_no_other() -> None:
    sightings = Presence()
    assert verdict(sightings, REPLACED, NEIGHBOUR_PRESENT) is Verdict.UNKNOWN

    sightings.judge([PRESENT])
    assert verdict(sightings, REPLACED) is Verdict.GONE


def test_what_is_not_kept_is_forgotten_except_that_the_directory_is_the_right_one() -> None:
    sightings = Presence()
    sightings.judge([PRESENT, NEIGHBOUR_PRESENT])
    sightings.keep([NEIGHBOUR])

    assert sightings.count() == {"present": 1, "gone": 0, "unknown": 0}
    assert verdict(sightings, REPLACED) is Verdict.UNKNOWN
    assert verdict(sightings, MISSING) is Verdict.GONE


def test_of_directories_that_come_and_go_those_stay_believed_in_which_something_is_seen() -> None:
    sightings = Presence()
    for number in range(2 * BELIEVED_MAX):
        passing = Namespace(f"/run/sandboxes/{number}/net", 5026532000 + number)
        seen = Sight(passing, Directory(26, number), passing.inode)
        assert sightings.judge([PRESENT, seen, Sight(NEIGHBOUR, DIRECTORY)])[NEIGHBOUR] is Verdict.GONE
        sightings.keep([NAMESPACE])

    first = Sight(NEIGHBOUR, Directory(26, 0))
    assert sightings.judge([first])[NEIGHBOUR] is Verdict.UNKNOWN
