"""What a source of liveness says of nodes and pods."""

from coordinator.cluster.liveness import LiveNodes, LivePods, NobodyTells


def test_a_node_that_was_never_seen_is_gone_since_the_list_was_complete() -> None:
    nodes = LiveNodes(frozenset({"a"}), complete_since_s=100.0, gone_since_s={"b": 250.0})
    assert nodes.absent_since_s("a") is None
    assert nodes.absent_since_s("b") == 250.0
    assert nodes.absent_since_s("c") == 100.0


def test_a_pod_that_came_again_under_its_name_is_another_one() -> None:
    pods = LivePods(frozenset({"uid-2"}), frozenset({"default/db-0"}))
    assert not pods.has("uid-1", "default/db-0")
    assert pods.has("uid-2", "default/db-0")
    assert pods.has("", "default/db-0")
    assert not pods.has("", "default/db-1")


def test_who_was_told_of_no_source_knows_nothing() -> None:
    liveness = NobodyTells().look(5.0)
    assert liveness.nodes is None
    assert liveness.pods is None
