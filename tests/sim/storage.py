"""The journal's disk: what survives of its writes when a process or a machine dies.

A transaction is on the disk or it is not: SQLite drops a torn record by its checksum. One that was under way when
the process or the power went may have become either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from nodeagent.domain.attachment import AttachmentId
from nodeagent.events import Event, Persisted, PersistFailed
from nodeagent.journal_file import Contents, Erase, Job, Reached, Write
from nodeagent.journal_records import decode, encode
from tests.sim.story import Story
from tests.sim.timeline import Process


@dataclass
class Disk:
    """What is durable on one node."""

    journal_id: str
    last_seq: int = 0
    reached_boot_id: str = ""
    rows: dict[AttachmentId, tuple[Any, ...]] = field(default_factory=dict)

    def contents(self) -> Contents:
        """What the journal holds when it is opened."""
        records = tuple(decode(row) for row in self.rows.values())
        return Contents(self.journal_id, self.last_seq, self.reached_boot_id, records)

    def apply(self, jobs: list[Job]) -> None:
        """One transaction."""
        for job in jobs:
            if isinstance(job, Write):
                self.rows[job.record.attachment] = encode(job.record)
                self.last_seq = max(self.last_seq, job.record.seq)
            elif isinstance(job, Erase):
                self.rows.pop(job.attachment, None)
            elif isinstance(job, Reached):
                self.reached_boot_id = job.boot_id


class JournalWriter:
    """The thread that writes: all that waits goes into one transaction."""

    def __init__(
        self,
        disk: Disk,
        process: Process,
        random: Random,
        story: Story,
        sync_s: float,
        deliver: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self.fails = False
        self._disk = disk
        self._process = process
        self._random = random
        self._story = story
        self._sync_s = sync_s
        self._deliver = deliver
        self._clock = clock
        self._jobs: list[Job] = []
        self._under_way: list[Job] = []
        self._has_failed = False

    def submit(self, job: Job) -> None:
        """Have it done after all that was submitted before."""
        self._jobs.append(job)
        if not self._under_way and not self._has_failed:
            self._begin()

    def die(self) -> None:
        """The process is killed, or the power is gone."""
        if not self._under_way:
            return
        self._story.mark("journal_torn")
        if self._random.random() < 0.5:
            self._disk.apply(self._under_way)
        self._under_way = []

    def _begin(self) -> None:
        self._under_way, self._jobs = self._jobs, []
        self._process.later(self._sync_s * self._random.uniform(0.5, 1.5), self._end)

    def _end(self) -> None:
        jobs, self._under_way = self._under_way, []
        if self.fails:
            self._has_failed = True
            self._story.mark("journal_failed")
            self._deliver(PersistFailed(self._clock(), "journal.sqlite3", "disk is full"))
            return
        self._disk.apply(jobs)
        for job in jobs:
            if isinstance(job, Write):
                self._deliver(Persisted(self._clock(), job.ticket))
        if self._jobs:
            self._begin()
