"""The open journal: one transaction for each turn, in a file that survives every death of a process.

People's scripts wipe directories in /run, and SQLite goes on writing into a removed file without an error. So the
file is looked for before each commit, and now and then; where it is gone, it is written anew from memory.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from nodeagent.crash_points import OnCrashPoint
from nodeagent.journal import database
from nodeagent.journal.contents import Changes, Contents
from nodeagent.journal.place import JournalTaken, JournalUnready, Place, file_at
from nodeagent.journal.rows import Rows

LOOK_EVERY_S: Final = 10.0
"""How often the loop has `look` see whether the file is still there."""
_PASSING: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)
"""Errors after which the file is as it was."""


class WriteFailed(Exception):
    """The journal cannot be written now: nothing of this turn is in it. The text says why."""


class Store:
    """The file, in the place of which this process has the lock."""

    def __init__(self, place: Place, on_crash_point: OnCrashPoint) -> None:
        self._place = place
        self._log_path = _log_of(place.path)
        self._on_crash_point = on_crash_point
        self._connection: sqlite3.Connection | None = None
        self._files: tuple[object, object] | None = None
        self.rewrites = 0
        """How often the file was written anew from memory."""

    def open(self) -> Contents:
        """Read the file. Raises `Damaged`, sqlite3.Error."""
        self._connection = database.connect(self._place.path)
        contents = database.read(self._connection)
        if database.is_copy(self._connection, self._place.path):
            raise database.Damaged("it is a copy, and may be older than what this boot was told")
        self._remember_files(self._connection, contents)
        return contents

    def read_again(self) -> Contents:
        """What is in the file, whatever this process believes. Raises `Damaged`, sqlite3.Error."""
        self.close()
        return self.open()

    @property
    def path(self) -> str:
        """The file's name."""
        return str(self._place.path)

    def begin(self, contents: Contents) -> None:
        """Write the file from memory, in place of whatever lies there. Raises `WriteFailed`."""
        path = self._place.path
        fresh = path.with_name(f"{path.name}.new")
        try:
            self._place.take()
            _remove(fresh)
            os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            database.write_whole(fresh, contents)
            self.close()
            _log_of(path).unlink(missing_ok=True)
            fresh.rename(path)
            self._connection = database.connect(path)
            self._remember_files(self._connection, contents)
        except (JournalTaken, JournalUnready) as error:
            raise WriteFailed(str(error)) from None
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(OSError):
                _remove(fresh)
            raise WriteFailed(f"{path}: {error}") from None

    def commit(self, rows: Rows) -> None:
        """Write what the draft of `rows` changes, and settle the draft. Raises `WriteFailed`: it is dropped."""
        changes = rows.changes()
        if not changes:
            rows.commit()
            return
        states = [row.state for row in changes.allocations.values() if row]
        for state in states:
            self._on_crash_point(f"journal:{state}:before")
        try:
            if not self.look(rows):
                self._apply(changes)
        except WriteFailed:
            rows.drop()
            raise
        rows.commit()
        for state in states:
            self._on_crash_point(f"journal:{state}:after")

    def look(self, rows: Rows) -> bool:
        """Write the file anew from `rows`, draft included, where it is not there any more; whether it was so.

        Raises `WriteFailed`.
        """
        try:
            is_there = self._connection is not None and self._place.is_taken() and self._seen() == self._files
        except OSError as error:
            raise WriteFailed(f"{error.filename}: {error.strerror}") from None
        if is_there:
            return False
        self.begin(rows.contents())
        self.rewrites += 1
        return True

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _apply(self, changes: Changes) -> None:
        assert self._connection is not None
        try:
            database.apply(self._connection, changes)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                self.close()
            raise WriteFailed(f"{self._place.path}: {error}") from None

    def _remember_files(self, connection: sqlite3.Connection, contents: Contents) -> None:
        # The rollback log is made by the first write, and stays.
        database.apply(connection, Changes(identity=contents.identity))
        self._files = self._seen()

    def _seen(self) -> tuple[object, object]:
        return file_at(self._place.path), file_at(self._log_path)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)
