"""Passes on what the machine and the agents' port note, has it remembered, and writes it to the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from coordinator.core.outbox import Note
from coordinator.core.recent import DECLINED, Recent
from daemon.log_limit import LogLimit
from daemon.logs import Logger

LIMITED: Final = frozenset(
    {
        "answer_undeliverable",
        "claim_ignored",
        DECLINED,
        "enrolment_postponed",
        "enrolment_refused",
        "key_refused",
        "node_goes_apart",
        "node_key_replaced",
        "not_yours",
        "repair_not_allowed",
        "unreadable_message",
        "wrong_cluster",
    }
)
"""What others can make happen as often as they like, so that the log has one line of each in 10 s."""

LIMITED_BY_NODE: Final = frozenset({"enrolled", "node_connected", "ticket_accepted"})
"""What a node can make happen as often as it likes, and must not hide of others."""

LINES_OF_NODE_MAX: Final = 4
"""So many lines of each of these has a node in 10 s: a node may have agents of several drivers."""


class Notes:
    """For the loop's thread alone. All of `hearers` are told each note; `wall` counts seconds since 1970."""

    def __init__(
        self,
        hearers: Sequence[Callable[[Note], None]],
        recent: Recent,
        logger: Logger,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._hearers = hearers
        self._recent = recent
        self._wall = wall
        self._logger = logger
        self._clock = clock
        self._limit = LogLimit()
        self._limit_by_node = LogLimit(LINES_OF_NODE_MAX)

    def tell(self, note: Note) -> None:
        """Pass it on, and write it down unless there are too many of its kind."""
        for hear in self._hearers:
            hear(note)
        if note.event == DECLINED:
            self._recent.declined(note, self._wall())
        left_out = self._admits(note)
        if left_out is None:
            return
        self._recent.happened(note, self._wall())
        log = self._logger.info
        if note.is_alarm:
            log = self._logger.warning
        elif note.is_detail:
            log = self._logger.debug
        log(note.event, **note.fields, **({"left_out": left_out} if left_out else {}))

    def _admits(self, note: Note) -> int | None:
        """None where its line is left out; else how many were left out before it."""
        if note.event in LIMITED:
            return self._limit.admits(note.event, self._clock())
        if note.event in LIMITED_BY_NODE:
            return self._limit_by_node.admits(f"{note.event} {note.fields['node']}", self._clock())
        return 0
