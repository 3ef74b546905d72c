"""The reserve never exhausts a network, and no node has a second ready allocation before each has one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from coordinator.allocation.reserve import NetworkUse, is_granted, usable_addresses

FREE = NetworkUse(usable=254, ours=0, ready=0, ready_of_agent=0, agents_asking_without=0)


def test_a_node_gets_its_first_and_its_second_and_no_third_of_two():
    assert is_granted(FREE, reserve=2)
    assert is_granted(replace(FREE, ready=1, ours=1, ready_of_agent=1), reserve=2)
    assert not is_granted(replace(FREE, ready=2, ours=2, ready_of_agent=2), reserve=2)


def test_nobody_has_a_second_before_everybody_who_asks_has_one():
    assert not is_granted(replace(FREE, ready=1, ready_of_agent=1, agents_asking_without=1), reserve=2)
    assert is_granted(replace(FREE, ready=1, ready_of_agent=0, agents_asking_without=1), reserve=2)


def test_a_small_network_has_one_ready_and_a_full_one_none():
    assert is_granted(replace(FREE, usable=2), reserve=2)
    assert not is_granted(replace(FREE, usable=2, ready=1, ours=1), reserve=2)
    assert not is_granted(replace(FREE, ours=229), reserve=2)


@given(st.integers(1, 70_000), st.integers(0, 100), st.integers(1, 50))
def test_all_nodes_together_hold_at_most_a_twentieth_ready(usable, nodes, reserve):
    ready, of_node = 0, [0] * nodes
    for _ in range(3):
        for node in range(nodes):
            use = NetworkUse(usable, ready, ready, of_node[node], agents_asking_without=0)
            if is_granted(use, reserve):
                ready += 1
                of_node[node] += 1
    assert ready <= max(1, usable // 20)
    assert all(each <= reserve for each in of_node)


def test_network_and_broadcast_address_are_not_usable():
    assert [usable_addresses(length) for length in (24, 30, 31, 32)] == [254, 2, 2, 1]
