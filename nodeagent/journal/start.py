"""Opens the journal at start: goes on with the one of this boot, or begins anew.

No pod outlives its kernel, so a journal of another boot is worth nothing. What cannot be read now is not lost:
only what SQLite calls damaged is given up, and kept under another name.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from typing import Final

from nodeagent.crash_points import OnCrashPoint
from nodeagent.journal.contents import Contents, Identity
from nodeagent.journal.database import Damaged
from nodeagent.journal.place import JournalUnready, Place, file_at, is_on_tmpfs
from nodeagent.journal.store import Store, WriteFailed

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""Codes of a file that is no journal of ours; the last: a table or column is missing."""


class BootUnbelievable(Exception):
    """The boot ID is not the kernel's: a tmpfs holds a journal of another one."""


@dataclass(frozen=True)
class Opened:
    """The journal, with what it held; `alarm` tells people of one that was damaged."""

    store: Store
    contents: Contents
    alarm: str | None = None


def open_journal(place: Place, fresh: Identity, on_crash_point: OnCrashPoint) -> Opened:
    """The journal in `place`. `fresh`: whose it is, where it begins anew; its machine is not looked at else.

    Raises `JournalTaken` and `BootUnbelievable`, which stay, and `JournalUnready`, which may pass.
    """
    try:
        place.take()
        return _open(place, fresh, on_crash_point)
    except (sqlite3.Error, WriteFailed) as error:
        raise JournalUnready(f"--run-dir: {place.path}: {error}") from None
    except OSError as error:
        raise JournalUnready(f"--run-dir: {error.filename or place.path}: {error.strerror}") from None


def _open(place: Place, fresh: Identity, on_crash_point: OnCrashPoint) -> Opened:
    store = Store(place, on_crash_point)
    if file_at(place.path) is None:
        return _begin_anew(store, fresh)
    try:
        contents = store.open()
    except (Damaged, UnicodeDecodeError) as error:  # SQLite's own words may quote the file, and be no text then
        return _give_up(place, store, fresh, str(error))
    except sqlite3.Error as error:
        # Text that is no UTF-8 is an error of the driver, which has no code.
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _DAMAGE:
            return _give_up(place, store, fresh, str(error))
        store.close()
        raise
    if contents.identity.boot_id == fresh.boot_id:
        return Opened(store, contents)
    if is_on_tmpfs(place.directory):
        store.close()
        raise BootUnbelievable(
            f"--run-dir: {place.path} lies on a tmpfs, yet is of boot {contents.identity.boot_id}, while "
            f"/proc/sys/kernel/random/boot_id says {fresh.boot_id}: run the agent where it sees the kernel's own"
        )
    return _begin_anew(store, fresh)


def _begin_anew(store: Store, fresh: Identity, alarm: str | None = None) -> Opened:
    contents = Contents(fresh)
    store.begin(contents)
    return Opened(store, contents, alarm)


def _give_up(place: Place, store: Store, fresh: Identity, why: str) -> Opened:
    store.close()
    os.replace(place.path, place.damaged_path)
    return _begin_anew(
        store, fresh, f"the journal {place.path} is damaged ({why}); it is kept as {place.damaged_path}"
    )
