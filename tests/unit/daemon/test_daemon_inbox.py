"""What the front thread waits for wakes it, from other threads and from signals."""

from __future__ import annotations

import select
import signal
import threading
from collections.abc import Iterator

import pytest

from daemon.inbox import Inbox

IN_THE_MIDST_OF_WAITING_S = 0.3
TIMEOUT_S = 10.0


@pytest.fixture
def inbox() -> Iterator[Inbox[str]]:
    """An inbox that hears SIGUSR1 and SIGUSR2; afterwards all is as before."""
    heard = {signal.SIGUSR1: "one", signal.SIGUSR2: "two"}
    before = {number: signal.getsignal(number) for number in heard}
    previous_fd = signal.set_wakeup_fd(-1)
    made: Inbox[str] = Inbox()
    made.hear(heard)
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(previous_fd)
    made.close()


def is_woken(inbox: Inbox[str]) -> bool:
    return bool(select.select([inbox.wakeup_fd], [], [], TIMEOUT_S)[0])


def test_items_are_taken_in_order_and_once(inbox: Inbox[str]) -> None:
    for item in ("a", "b"):
        inbox.put(item)
    assert is_woken(inbox)
    assert inbox.take_all() == ["a", "b"]
    assert inbox.take_all() == []


def test_more_items_than_wake_ups_have_room_for_are_all_taken(inbox: Inbox[str]) -> None:
    items = [str(number) for number in range(70_000)]
    for item in items:
        inbox.put(item)
    assert inbox.take_all() == items


def test_a_signal_that_does_not_interrupt_the_wait_ends_it(inbox: Inbox[str]) -> None:
    """As one that comes right before the wait; another thread takes this one."""

    def take_signal() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)

    timer = threading.Timer(IN_THE_MIDST_OF_WAITING_S, take_signal)
    timer.start()
    assert is_woken(inbox)
    timer.join()
    assert inbox.take_all() == ["two"]
