"""The one writer of the grid: how long writes take, whatever the simulator needs to compute them."""

from __future__ import annotations

import threading

from gridsim.http.writer import Writer


class Time:
    """A clock that only pauses and computing move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds


def test_computing_is_part_of_the_time_that_a_write_takes() -> None:
    time = Time()
    writer = Writer(lambda: time.now_s, time.pass_by)
    took = []
    for _ in range(10):
        started_s = time.now_s
        writer.write(started_s, 1.0, 100, lambda: time.pass_by(0.2))
        took.append(time.now_s - started_s)
    assert [round(each, 6) for each in took[-5:]] == [1.0] * 5


def test_a_write_is_carried_out_at_the_end_of_its_time() -> None:
    time = Time()
    committed_s: list[float] = []
    Writer(lambda: time.now_s, time.pass_by).write(100.0, 1.0, 1, lambda: committed_s.append(time.now_s))
    assert committed_s == [101.0]


def test_a_write_that_waited_takes_its_time_from_the_end_of_the_one_before() -> None:
    time = Time()
    writer = Writer(lambda: time.now_s, time.pass_by)
    writer.write(100.0, 1.0, 1, lambda: None)
    writer.write(100.1, 1.0, 1, lambda: None)
    assert time.now_s == 102.0


def test_a_write_that_came_to_an_idle_writer_has_begun_when_it_was_received() -> None:
    time = Time()
    writer = Writer(lambda: time.now_s, time.pass_by)
    time.pass_by(0.3)
    writer.write(100.0, 1.0, 1, lambda: None)
    assert time.now_s == 101.0


def test_writes_of_many_threads_are_carried_out_one_at_a_time() -> None:
    inside, seen = [0], []

    def carry_out() -> None:
        inside[0] += 1
        seen.append(inside[0])
        inside[0] -= 1

    writer = Writer(lambda: 0.0, lambda _: None)
    threads = [threading.Thread(target=writer.write, args=(0.0, 0.0, 1, carry_out)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == [1] * 20
