"""Runs the loop beside its threads: when one of them ends, for whatever reason, all end."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from coordinator.loop import Item, Stop
from daemon.inbox import Inbox

JOIN_S: Final = 4.0
"""How long the end waits for its threads: for the one that gives the Lease up, not for a grid that is silent."""

COLLECT_AFTER_OBJECTS: Final = 10_000
"""More than the requests of one batch bring into being, of which reference counts free nearly all again."""


class Worker(Protocol):
    """What a thread of its own does."""

    def run(self) -> None:
        """The thread's body."""
        ...

    def stop(self) -> None:
        """End soon."""
        ...


class Server(Protocol):
    """What answers others."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End soon."""
        ...


def run_beside(
    workers: Mapping[str, Worker], servers: Sequence[Server], inbox: Inbox[Item], run: Callable[[], None]
) -> bool:
    """Run the loop until it ends, beside its threads; whether none of them ended before it."""
    threads = [_start(name, worker.run, inbox) for name, worker in workers.items()]
    for server in servers:
        server.start()
    _collect_seldom()
    run()
    is_healthy = all(thread.is_alive() for thread in threads)
    for worker in workers.values():
        worker.stop()
    for server in servers:
        server.stop()
    until_s = time.monotonic() + JOIN_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return is_healthy


def _collect_seldom() -> None:
    """Else a third of an ADD's time goes into walks over records and modules, in which no garbage is found."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def _start(name: str, body: Callable[[], None], inbox: Inbox[Item]) -> threading.Thread:
    """A thread whose end, for whatever reason, ends the process."""

    def run_then_stop() -> None:
        try:
            body()
        finally:
            inbox.put(Stop())

    thread = threading.Thread(target=run_then_stop, name=name, daemon=True)
    thread.start()
    return thread
