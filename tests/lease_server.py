"""A Lease in memory, which takes the steps of an election one after the other, as the API server does."""

from __future__ import annotations

from coordinator.lease.record import Absent, Answer, Conflict, Create, Found, Read, Record, Silence, Step, Update


class LeaseServer:
    """One Lease. While it `is_away` nobody is answered."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self.version = 0
        self.is_away = False
        self.last_holder = ""
        """Who has had it last, be it gone or given up."""

    def take(self, step: Step) -> Answer:
        if self.is_away:
            return Silence("no connection")
        if isinstance(step, Create):
            return Conflict() if self.record else self.write(step.record)
        if self.record is None:
            return Absent()
        if isinstance(step, Update):
            return self.write(step.record) if step.version == str(self.version) else Conflict()
        assert isinstance(step, Read)
        return Found(self.record, str(self.version))

    def write(self, record: Record) -> Found:
        self.version += 1
        self.record = record
        self.last_holder = record.holder or self.last_holder
        return Found(record, str(self.version))

    def delete(self) -> None:
        self.record = None
