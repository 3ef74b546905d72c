"""What a source of liveness says of nodes."""

from pathlib import Path

from coordinator.cluster.cache import REMEMBER_GONE_S
from coordinator.cluster.live_nodes import LiveNodesFile
from coordinator.cluster.liveness import LiveNodes, NobodyTells
from coordinator.settings import Settings


def test_a_node_that_was_never_seen_is_gone_since_the_list_was_complete() -> None:
    nodes = LiveNodes(frozenset({"a"}), complete_since_s=100.0, gone_since_s={"b": 250.0})
    assert nodes.absent_since_s("a") is None
    assert nodes.absent_since_s("b") == 250.0
    assert nodes.absent_since_s("c") == 100.0


def test_who_was_told_of_no_source_knows_nothing() -> None:
    assert NobodyTells().look(5.0).nodes is None


def test_names_that_left_the_file_long_ago_are_forgotten_and_still_count_as_gone(tmp_path: Path) -> None:
    now_s, file = [100.0], tmp_path / "nodes"
    file.write_text("stays\npasses\n")
    source = LiveNodesFile(file, lambda: now_s[0])
    file.write_text("stays\n")
    for _ in range(3):
        now_s[0] += REMEMBER_GONE_S
        source.reread()

    nodes = source.look(now_s[0]).nodes
    assert nodes
    assert not nodes.gone_since_s
    assert nodes.absent_since_s("passes") == 100.0


def test_no_node_is_forgotten_before_the_longest_time_after_which_one_counts_as_gone() -> None:
    longest_s = next(each.le for each in Settings.model_fields["node_gone_after"].metadata if hasattr(each, "le"))
    assert longest_s <= REMEMBER_GONE_S
