"""The index agrees with a grid that holds one object at each place, whatever order it hears of it in."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coordinator.allocation.index import Index
from coordinator.allocation.seal import DIGITS, Sealer
from coordinator.grid.allocation_object import AllocationObject

NODES = ("1" * 16, "2" * 16)


def an_id(node: int, number: int) -> str:
    return f"{'c' * 12}-{NODES[node]}-{'2' * 8}-{'3' * 8}-{'4' * 4}-{'5' * 8}-{number:012x}"


ids = st.builds(an_id, st.integers(0, 1), st.integers(0, 2))
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.1.0.1"])
macs = st.sampled_from([None, "00:00:00:00:00:01", "00:00:00:00:00:02"])


class IndexAgrees(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.index = Index()
        self.grid: dict[str, AllocationObject] = {}

    @rule(allocation=ids, address=addresses, mac=macs)
    def saw(self, allocation, address, mac):
        seen = AllocationObject(allocation, "default", f"{address.rpartition('.')[0]}.0/24", address, mac=mac)
        self.grid = {key: each for key, each in self.grid.items() if each.address != address}
        self.grid[allocation] = seen
        self.index.saw(seen)

    @rule(allocation=ids)
    def drop(self, allocation):
        self.grid.pop(allocation, None)
        self.index.drop(allocation)

    @invariant()
    def agrees(self):
        known = sorted(self.grid.values(), key=lambda each: each.allocation)
        assert sorted(self.index, key=lambda each: each.allocation) == known
        assert len(self.index) == len(known)
        for node in NODES:
            assert self.index.of_node(node) == [each for each in known if each.allocation.split("-")[1] == node]
        for subnet in ("10.0.0.0/24", "10.1.0.0/24"):
            there = [each for each in known if each.subnet == subnet]
            assert {each.allocation for each in self.index.in_network("default", subnet)} == {
                each.allocation for each in there
            }
            assert self.index.count("default", subnet) == len(there)
        for each in known:
            assert self.index.at("default", each.address) == each
            assert each.allocation in self.index
            if each.mac:
                others = [other for other in known if other.mac == each.mac and other != each]
                assert self.index.has_mac(each.mac, each.allocation) == bool(others)


IndexAgrees.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
TestIndexAgrees = IndexAgrees.TestCase


def test_a_seal_proves_one_allocation_at_one_address_under_one_secret():
    sealer = Sealer(b"secret")
    seal = sealer.seal("id", "default", "10.0.0.1")
    assert len(seal) == DIGITS
    assert sealer.is_right(seal, "id", "default", "10.0.0.1")
    for other in (("id2", "default", "10.0.0.1"), ("id", "x", "10.0.0.1"), ("id", "default", "10.0.0.2")):
        assert not sealer.is_right(seal, *other)
    assert not Sealer(b"other").is_right(seal, "id", "default", "10.0.0.1")
    assert not sealer.is_right("\u00e9" * 32, "id", "default", "10.0.0.1")
