"""The journal's file: SQLite, one synced transaction for all writes that wait.

A failed write or sync poisons the journal: the kernel may have dropped the pages, and a second try would succeed
without them. The process must end and read again what is really there.
"""

from __future__ import annotations

import os
import queue
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nodeagent.domain.attachment import AttachmentId
from nodeagent.journal.place import JournalUnready
from nodeagent.journal_records import COLUMNS, Record, decode, encode
from nodeagent.steps import OnStep

FILE_NAME: Final = "journal.sqlite3"
SCHEMA_VERSION: Final = 3
WRITES_PER_TRANSACTION_MAX: Final = 1000
CACHE_KIB: Final = 128
LOG_PAGES: Final = 256
"""After so many pages SQLite empties its log into the database and writes from the log's beginning again."""
_JOURNAL_ID_BYTES: Final = 8

_UPSERT: Final = (
    f"INSERT OR REPLACE INTO attachments ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
)
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE attachments ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())},
                          PRIMARY KEY (container_id, ifname));
INSERT INTO meta VALUES ('journal_id', '{{journal_id}}'), ('last_seq', '0'), ('reached_boot', '');
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""Codes of a file that is no journal of ours; the last: a table or column is missing."""
_COLUMNS_SINCE: Final = {1: ("namespace", "released_ms"), 2: ("released_ms",)}
"""What a journal of an earlier version lacks."""
_ROOM: Final = f"""
BEGIN;
CREATE TABLE room (filler BLOB);
INSERT INTO room SELECT zeroblob({LOG_PAGES} * page_size) FROM pragma_page_size;
DROP TABLE room;
COMMIT;
PRAGMA wal_checkpoint(RESTART);
"""


class BadJournal(Exception):
    """A journal of a later release; the text names the file and the remedy."""


class _Damaged(Exception):
    """A file that is no journal, or no whole one."""


@dataclass(frozen=True)
class Write:
    """Make `record` durable, then say so under `ticket`."""

    ticket: int
    record: Record


@dataclass(frozen=True)
class Erase:
    """Remove what is known of `attachment`."""

    attachment: AttachmentId


@dataclass(frozen=True)
class Reached:
    """The coordinator was reached in this boot."""

    boot_id: str


@dataclass(frozen=True)
class Reread:
    """Say what is in the journal when all jobs before are done."""


@dataclass(frozen=True)
class _Close:
    """No write follows."""


Job = Write | Erase | Reached


@dataclass(frozen=True)
class Contents:
    """What the journal held when it was opened."""

    journal_id: str
    last_seq: int
    reached_boot_id: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Reports:
    """To whom the journal's thread reports: which tickets are `durable`, what was `read`.

    `botched`: none of the jobs at hand were done, since we failed at one. `failed`: the file did, the end.
    """

    durable: Callable[[list[int]], None]
    read: Callable[[Contents], None]
    botched: Callable[[Exception], None]
    failed: Callable[[str], None]


class Journal:
    """The open journal. `run` is the life of its own thread; `submit` may be called by any other.

    A damaged one is kept under another name, and a new one begun: then `damage` says what was wrong with it.
    """

    def __init__(self, state_dir: Path, on_step: OnStep) -> None:
        """Raises `BadJournal`, and `JournalUnready` while the disk does not let it be opened."""
        self.path = state_dir / FILE_NAME
        self.damaged_path = state_dir / f"{FILE_NAME}.damaged"
        self.damage: str | None = None
        self._on_step = on_step
        self._jobs: queue.SimpleQueue[Job | Reread | _Close] = queue.SimpleQueue()
        try:
            try:
                self._connection, self.contents = _open(self.path)
            except _Damaged as error:
                self.damage = str(error)
                self._set_aside()
                self._connection, self.contents = _open(self.path)
        except OSError as error:
            raise JournalUnready(f"--state-dir: {error.filename or self.path}: {error.strerror}") from None
        except (sqlite3.Error, _Damaged) as error:
            raise JournalUnready(f"--state-dir: {self.path}: {error}") from None

    def submit(self, job: Job | Reread) -> None:
        """Have `job` done after all that were submitted before."""
        self._jobs.put(job)

    def close(self) -> None:
        """Let `run` return when all that was submitted is done."""
        self._jobs.put(_Close())

    def run(self, reports: Reports) -> None:
        """Do jobs until `close`, or until the file fails."""
        try:
            self._make_room()
        except sqlite3.Error as error:
            reports.failed(str(error))
            return
        while True:
            jobs = self._next_jobs()
            try:
                self._do(jobs, reports)
            except (sqlite3.Error, OSError, UnicodeDecodeError, _Damaged) as error:
                reports.failed(str(error))
                return
            except Exception as error:  # noqa: BLE001, the file is well, but a record that nobody expects is not in it
                reports.botched(error)
            if any(isinstance(job, _Close) for job in jobs):
                self._connection.close()
                return

    def _do(self, jobs: Iterable[Job | Reread | _Close], reports: Reports) -> None:
        self._commit([job for job in jobs if isinstance(job, Job)])
        if tickets := [job.ticket for job in jobs if isinstance(job, Write)]:
            reports.durable(tickets)
        if any(isinstance(job, Reread) for job in jobs):
            reports.read(_read(self._connection))

    def _set_aside(self) -> None:
        """Keep the newest damaged journal, with its log as SQLite would look for it."""
        for ending in ("-wal", "-shm"):
            Path(f"{self.damaged_path}{ending}").unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{ending}", f"{self.damaged_path}{ending}")
        os.replace(self.path, self.damaged_path)

    def _make_room(self) -> None:
        """Let the log have its full size from the start: a sync of a file that grew takes ten times as long."""
        try:
            self._connection.executescript(_ROOM)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self._connection.rollback()  # little room is enough to work, if slowly

    def _next_jobs(self) -> list[Job | Reread | _Close]:
        jobs = [self._jobs.get()]
        while len(jobs) < WRITES_PER_TRANSACTION_MAX:
            try:
                jobs.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return jobs

    def _commit(self, jobs: list[Job]) -> None:
        records = [job.record for job in jobs if isinstance(job, Write)]
        for record in records:
            self._on_step(f"journal:{record.state}:before")
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._apply(job)
            if records:
                last_seq = max(record.seq for record in records)
                self._connection.execute(
                    "UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'last_seq'", (last_seq,)
                )
        for record in records:
            self._on_step(f"journal:{record.state}:after")

    def _apply(self, job: Job) -> None:
        if isinstance(job, Write):
            self._connection.execute(_UPSERT, encode(job.record))
        elif isinstance(job, Erase):
            self._connection.execute(
                "DELETE FROM attachments WHERE container_id = ? AND ifname = ?",
                (job.attachment.container_id, job.attachment.ifname),
            )
        else:
            self._connection.execute("UPDATE meta SET value = ? WHERE name = 'reached_boot'", (job.boot_id,))


def _open(path: Path) -> tuple[sqlite3.Connection, Contents]:
    """The file at `path`, made where it is missing. Raises `BadJournal`, `_Damaged`, OSError, sqlite3.Error."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise _Damaged("it is no file")
    # SQLite gives its side files the mode of the main one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    os.chmod(path, 0o600)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        _prepare(path, connection)
        return connection, _read(connection)
    except (sqlite3.Error, UnicodeDecodeError, BadJournal, _Damaged) as error:
        connection.close()
        # SQLite's own words may quote the file, and be no UTF-8 then.
        if isinstance(error, UnicodeDecodeError):
            raise _Damaged("it holds what is no text") from None
        # Text that is no UTF-8 is an error of the driver, which has no code.
        if isinstance(error, sqlite3.Error) and _code(error) in _DAMAGE:
            raise _Damaged(str(error)) from None
        raise


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    # In a container whose root is read-only there is no directory for temporary files.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(_SCHEMA.format(journal_id=secrets.token_hex(_JOURNAL_ID_BYTES)))
    elif version in _COLUMNS_SINCE:
        connection.executescript(_upgrade(_COLUMNS_SINCE[version]))
    elif version != SCHEMA_VERSION:
        raise BadJournal(
            f"--state-dir: {path}: schema version {version}, this release reads {SCHEMA_VERSION}; "
            "run the release that wrote it, or move the file away"
        )


def _upgrade(names: Iterable[str]) -> str:
    added = "".join(f"ALTER TABLE attachments ADD COLUMN {name} {COLUMNS[name]};\n" for name in names)
    return f"BEGIN;\n{added}PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;\n"


def _read(connection: sqlite3.Connection) -> Contents:
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise _Damaged(str(verdict))
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    rows: Iterable[tuple[object, ...]] = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM attachments")
    try:
        records = tuple(decode(row) for row in rows)
        return Contents(meta["journal_id"], int(meta["last_seq"]), meta["reached_boot"], records)
    except (ValueError, TypeError, KeyError) as error:
        raise _Damaged(f"a row cannot be read: {error}") from None
