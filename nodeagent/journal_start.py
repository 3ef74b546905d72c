"""Opens the journal, and tries again while its disk does not let it: that loses nothing."""

from __future__ import annotations

import select
from pathlib import Path
from typing import Final

from daemon.inbox import Inbox
from daemon.logs import Logger
from nodeagent.board import Board
from nodeagent.front import Item, StopAsked
from nodeagent.journal.place import JournalUnready
from nodeagent.journal_file import Journal
from nodeagent.steps import OnStep
from protocol.status import AgentStatus

RETRY_S: Final = 5.0


def open_when_possible(
    state_dir: Path, on_step: OnStep, inbox: Inbox[Item], board: Board[AgentStatus], log: Logger
) -> Journal | None:
    """The journal, None when the process is told to end before. Raises `BadJournal`."""
    told = ""
    while True:
        try:
            journal = Journal(state_dir, on_step)
        except JournalUnready as error:
            if str(error) != told:
                told = str(error)
                log.error("journal_unready", why=told)
            board.wait_for(told)
        else:
            if journal.damage:
                log.error("journal_damaged", why=journal.damage, kept=str(journal.damaged_path))
            elif told:
                log.info("journal_ready", journal=str(journal.path))
            return journal
        if _is_stopped(inbox):
            return None


def _is_stopped(inbox: Inbox[Item]) -> bool:
    select.select([inbox.wakeup_fd], [], [], RETRY_S)
    return any(isinstance(item, StopAsked) for item in inbox.take_all())
