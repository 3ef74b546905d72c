"""A boot is over when a minute of silence is followed by a sign of life of another boot of the same machine."""

import pytest

from coordinator.nodes.boots import Boot, Boots

OLD, NEW = Boot("2" * 8, "a" * 8), Boot("2" * 8, "b" * 8)
OTHER_MACHINE, UNKNOWN = Boot("9" * 8, "c" * 8), Boot("0" * 8, "d" * 8)


def heard(*boots: Boot) -> Boots:
    known = Boots()
    for number, boot in enumerate(boots, start=1):
        known.greeted("node-1", boot, number, 10.0)
    return known


def test_a_probe_that_left_within_the_silence_proves_nothing():
    boots = heard(OLD, NEW)
    assert boots.probe_at_s("node-1", OLD, NEW) == 70.0
    assert boots.answered("node-1", NEW, sent_s=69.9) == []
    assert boots.answered("node-1", NEW, sent_s=70.0) == [OLD]
    assert boots.is_over("node-1", OLD)


def test_a_boot_that_was_never_heard_is_silent_since_it_was_first_seen():
    boots = Boots()
    boots.greeted("node-1", NEW, 1, 101.0)
    assert boots.probe_at_s("node-1", OLD, NEW) is None
    boots.saw("node-1", OLD, 200.0)
    boots.saw("node-1", OLD, 250.0)
    assert boots.probe_at_s("node-1", OLD, NEW) == 260.0


@pytest.mark.parametrize("other", [OTHER_MACHINE, UNKNOWN, OLD])
def test_only_another_boot_of_the_same_machine_proves_anything(other):
    assert heard(OLD, other).probe_at_s("node-1", OLD, other) is None


def test_two_boots_that_are_heard_in_turn_are_two_machines_and_prove_nothing():
    boots = heard(OLD, NEW)
    assert not boots.heard("node-1", OLD, 11.0)
    assert not boots.heard("node-1", OLD, 20.0)
    assert boots.heard("node-1", OLD, 26.0)
    assert not boots.heard("node-1", OLD, 60.0)
    assert boots.has_two_machines("node-1")
    assert boots.probe_at_s("node-1", OLD, NEW) is None


def test_what_a_dead_boot_left_in_a_queue_comes_once_and_raises_no_alarm():
    boots = heard(OLD, NEW)
    assert not boots.heard("node-1", OLD, 11.0)
    assert not boots.heard("node-1", NEW, 40.0)
    assert not boots.has_two_machines("node-1")


def test_a_dead_boot_whose_answer_to_its_welcome_is_read_late_is_no_second_machine():
    boots = Boots()
    boots.greeted("node-1", NEW, 2, 10.0)
    boots.greeted("node-1", OLD, 1, 20.0)
    assert not any(boots.heard("node-1", NEW, now_s) for now_s in (30.0, 50.0, 70.0))
    assert boots.answered("node-1", NEW, sent_s=80.0) == [OLD]


def test_a_person_closes_the_alarm_and_says_which_boot_is_the_nodes():
    boots = heard(OLD, NEW)
    boots.heard("node-1", OLD, 11.0)
    boots.heard("node-1", OLD, 30.0)
    assert boots.replaced("node-1", NEW, boots.of("node-1")) == [OLD]
    assert not boots.has_two_machines("node-1")
    assert boots.is_over("node-1", OLD)


def test_a_boot_that_is_heard_again_is_not_over():
    boots = heard(OLD, NEW)
    boots.answered("node-1", NEW, sent_s=70.0)
    boots.heard("node-1", OLD, 71.0)
    assert not boots.is_over("node-1", OLD)


def test_the_boots_of_one_node_that_are_remembered_are_bounded():
    boots = Boots()
    for number in range(200):
        boots.greeted("node-1", Boot("2" * 8, f"{number:08x}"), number, float(number))
    assert len(boots.answered("node-1", Boot("2" * 8, f"{199:08x}"), sent_s=1_000.0)) < 64
