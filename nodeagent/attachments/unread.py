"""Answers to ADDs that no plugin is known to have read.

A plugin may die before it reads its answer. Then nobody has the addresses, unless another exec of the same ADD has
read them.
"""

from __future__ import annotations

Answer = tuple[str, ...]
"""The allocations of an answer."""


class Unread:
    """Who was told what, until one of them has read it."""

    def __init__(self) -> None:
        self._told: dict[int, Answer] = {}
        self._callers: dict[Answer, set[int]] = {}

    def tell(self, caller: int, answer: Answer) -> None:
        """A plugin is told what nobody has read before."""
        self._told[caller] = answer
        self._callers.setdefault(answer, set()).add(caller)

    def tell_again(self, caller: int, answer: Answer) -> None:
        """A plugin is told what was told before, and may have been read."""
        if answer in self._callers:
            self.tell(caller, answer)

    def forget(self, caller: int) -> None:
        """This plugin was told something else after all."""
        self.hung_up(caller)

    def delivered(self, caller: int) -> None:
        """This plugin has read its answer: it matters no more whether others do."""
        answer = self._told.pop(caller, None)
        if answer is not None:
            for other in self._callers.pop(answer, set()):
                self._told.pop(other, None)

    def hung_up(self, caller: int) -> Answer:
        """This plugin is gone; the allocations that nobody has read of now."""
        answer = self._told.pop(caller, None)
        if answer is None:
            return ()
        callers = self._callers[answer]
        callers.discard(caller)
        if callers:
            return ()
        del self._callers[answer]
        return answer
