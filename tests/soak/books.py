"""What runtimes were told: which container lives with which address, with everything that was ever wrong."""

from __future__ import annotations

import threading
from collections import Counter

from demo.cni import Outcome

TRY_AGAIN = 11


class Books:
    """Shared by all loops. `done` counts ADDs, whatever became of them."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._holders: dict[str, str] = {}
        self.done = 0
        self.target = 0
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    def next_number(self) -> int | None:
        """The number of the next ADD, None when there have been enough."""
        with self._news:
            if self.done >= self.target or self.wrong:
                return None
            self.done += 1
            self._news.notify_all()
            return self.done

    def wait_done(self, number: int) -> bool:
        """Wait until there were so many ADDs. False when there will not be so many in this stage."""
        with self._news:
            self._news.wait_for(lambda: self.done >= min(number, self.target) or bool(self.wrong))
            return self.done >= number and not self.wrong

    def noted(self, verb: str, container: str, outcome: Outcome) -> bool:
        """Take down an answer; returns whether it was success. A DEL must succeed, others may ask to try again."""
        with self._news:
            self.answers[f"{verb} {'ok' if outcome.ok else outcome.code}"] += 1
            if not outcome.ok and (verb == "DEL" or outcome.code != TRY_AGAIN):
                self._is_wrong(f"{verb} {container}: {outcome}")
        return outcome.ok

    def holds(self, container: str, address: str) -> None:
        """A runtime was told that the container has this address from now on, or still."""
        with self._news:
            holder = self._holders.setdefault(address, container)
            if holder != container:
                self._is_wrong(f"{address} was given to {container}, while {holder} lives with it")

    def goes(self, container: str, address: str) -> None:
        """The container is about to be deleted."""
        with self._news:
            if self._holders.pop(address, None) != container:
                self._is_wrong(f"{container} never had {address}")

    def living(self) -> dict[str, str]:
        """The addresses of all containers that live."""
        with self._news:
            return dict(self._holders)

    def _is_wrong(self, what: str) -> None:
        self.wrong.append(what)
        self._news.notify_all()
