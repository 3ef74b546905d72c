"""The end of a command that runs on, asked for at any moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ctl.installer.ending import Ending

ASKED_TIMES = 200
PAUSE_S = 0.0005


@pytest.fixture
def ending() -> Iterator[Ending]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Ending()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nobody_asks(ending: Ending) -> None:
    assert not ending.comes(0.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_came_before_the_wait_is_not_lost(ending: Ending, number: int) -> None:
    os.kill(os.getpid(), number)
    assert ending.comes(0.0)


@pytest.mark.timeout(20)
def test_a_signal_is_noticed_at_whichever_moment_of_the_wait_it_comes(ending: Ending) -> None:
    is_over = threading.Event()

    def ask_again_and_again() -> None:
        while not is_over.wait(PAUSE_S):
            os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=ask_again_and_again)
    sender.start()
    count = 0
    try:
        while count < ASKED_TIMES:
            count += ending.comes(0.0)
    finally:
        is_over.set()
        sender.join()
