"""However often something happens, the log has few lines of it, which tell how often."""

from __future__ import annotations

from collections import Counter, defaultdict

import hypothesis.strategies as st
from hypothesis import given

from daemon.log_limit import WINDOW_S, LogLimit

happenings = st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["junk", "enrolment"])), max_size=200)


@given(happened=happenings)
def test_a_kind_has_one_line_in_ten_seconds_and_nothing_is_uncounted(happened: list[tuple[float, str]]) -> None:
    limit, now_s = LogLimit(), 0.0
    lines: dict[str, list[float]] = defaultdict(list)
    told: Counter[str] = Counter()
    unsaid: Counter[str] = Counter()
    for pause_s, kind in happened:
        now_s += pause_s
        left_out = limit.admits(kind, now_s)
        if left_out is None:
            unsaid[kind] += 1
            assert now_s - lines[kind][-1] < WINDOW_S
            continue
        assert left_out == unsaid.pop(kind, 0)
        told[kind] += 1 + left_out
        assert not lines[kind] or now_s - lines[kind][-1] >= WINDOW_S
        lines[kind].append(now_s)
    assert told + unsaid == Counter(kind for _, kind in happened)
