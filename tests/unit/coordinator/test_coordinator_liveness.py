"""What a source of liveness says of nodes."""

from coordinator.cluster.liveness import LiveNodes, NobodyTells


def test_a_node_that_was_never_seen_is_gone_since_the_list_was_complete() -> None:
    nodes = LiveNodes(frozenset({"a"}), complete_since_s=100.0, gone_since_s={"b": 250.0})
    assert nodes.absent_since_s("a") is None
    assert nodes.absent_since_s("b") == 250.0
    assert nodes.absent_since_s("c") == 100.0


def test_who_was_told_of_no_source_knows_nothing() -> None:
    assert NobodyTells().look(5.0).nodes is None
