"""The journal's tables in SQLite: written whole, changed by one turn, read at start."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from nodeagent.domain.allocation import Allocation, Attachment
from nodeagent.domain.attachment import AttachmentId
from nodeagent.journal import encoding
from nodeagent.journal.contents import Changes, Contents, Identity
from nodeagent.journal.encoding import ALLOCATION_COLUMNS, ATTACHMENT_COLUMNS

SCHEMA_VERSION: Final = 1
CACHE_KIB: Final = 128
_IDENTITY_COLUMNS: Final = ("boot_id", "machine", "node", "driver", "journal", "cluster")
_TABLES: Final = {
    "allocations": ALLOCATION_COLUMNS,
    "attachments": ATTACHMENT_COLUMNS,
    "deletes": ("container_id", "ifname", "number"),
    "adopted_let_go": ("id",),
}
_PUT: Final = {
    table: f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(columns))})"
    for table, columns in _TABLES.items()
}
_SCHEMA: Final = f"""
CREATE TABLE identity ({", ".join(_IDENTITY_COLUMNS)});
CREATE TABLE allocations ({", ".join(_TABLES["allocations"])}, PRIMARY KEY (id)) WITHOUT ROWID;
CREATE TABLE attachments ({", ".join(_TABLES["attachments"])}, PRIMARY KEY (container_id, ifname)) WITHOUT ROWID;
CREATE TABLE deletes ({", ".join(_TABLES["deletes"])}, PRIMARY KEY (container_id, ifname)) WITHOUT ROWID;
CREATE TABLE adopted_let_go ({", ".join(_TABLES["adopted_let_go"])}, PRIMARY KEY (id)) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
"""


class Damaged(Exception):
    """A file that is no journal, or no whole one."""


def connect(path: Path) -> sqlite3.Connection:
    """The file at `path`, for this process alone. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    # No write needs to survive the kernel, so none waits for a disk. All commits are in one file: of a write-ahead
    # log, which holds the newest ones, nobody would notice the loss.
    for pragma in (
        "locking_mode = EXCLUSIVE",
        "journal_mode = PERSIST",
        "synchronous = OFF",
        f"cache_size = -{CACHE_KIB}",
        # In a container whose root is read-only there is no directory for temporary files.
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def write_whole(path: Path, contents: Contents) -> None:
    """Fill the empty file at `path`. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        make_tables(connection)
        connection.execute(f"PRAGMA application_id = {_number_of(path)}")
        apply(connection, everything(contents))
    finally:
        connection.close()


def is_copy(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file was written as another one than lies at `path`. Raises sqlite3.Error, OSError.

    A copy that is put back goes back in time: it would disown what the journal has drawn since.
    """
    (number,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(number != _number_of(path))


def _number_of(path: Path) -> int:
    return os.stat(path).st_ino & 0x7FFF_FFFF


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty journal. Raises sqlite3.Error."""
    connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")


def everything(contents: Contents) -> Changes:
    """What makes an empty journal hold these contents."""
    return Changes(
        identity=contents.identity,
        allocations=contents.allocations,
        attachments=contents.attachments,
        deletes=contents.deletes,
        adopted_let_go={each: each for each in contents.adopted_let_go},
    )


def apply(connection: sqlite3.Connection, changes: Changes) -> None:
    """Write the changes in one transaction. Raises sqlite3.Error, with nothing written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if changes.identity:
            _name(connection, changes.identity)
        _apply_allocations(connection, changes.allocations)
        _apply_attachments(connection, changes.attachments)
        _apply_deletes(connection, changes.deletes)
        for id_, row in changes.adopted_let_go.items():
            _put(connection, "adopted_let_go", ("id",), (id_,), None if row is None else (id_,))
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def read(connection: sqlite3.Connection) -> Contents:
    """Everything. Raises `Damaged`, sqlite3.Error."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise Damaged(f"schema version {version}, this release reads {SCHEMA_VERSION}")
    names = _select(connection, "identity", _IDENTITY_COLUMNS)
    if len(names) != 1:
        raise Damaged("it does not say whose it is")
    try:
        contents = Contents(
            identity=Identity(*names[0]),
            allocations=_allocations(_select(connection, "allocations", ALLOCATION_COLUMNS)),
            attachments=_attachments(_select(connection, "attachments", ATTACHMENT_COLUMNS)),
            deletes=_deletes(connection),
            adopted_let_go=frozenset(id_ for (id_,) in _select(connection, "adopted_let_go", ("id",))),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(f"a row cannot be read: {error}") from None
    listed = {id_ for attachment in contents.attachments.values() for id_ in attachment.allocations}
    if not listed <= set(contents.allocations):
        raise Damaged("an attachment lacks its allocation")
    return contents


def _name(connection: sqlite3.Connection, identity: Identity) -> None:
    connection.execute("DELETE FROM identity")
    values = [getattr(identity, column) for column in _IDENTITY_COLUMNS]
    connection.execute(f"INSERT INTO identity VALUES ({', '.join('?' * len(values))})", values)


def _apply_allocations(connection: sqlite3.Connection, rows: Mapping[str, Allocation | None]) -> None:
    for id_, row in rows.items():
        values = None if row is None else encoding.encode_allocation(row)
        _put(connection, "allocations", ("id",), (id_,), values)


def _apply_attachments(connection: sqlite3.Connection, rows: Mapping[AttachmentId, Attachment | None]) -> None:
    for key, row in rows.items():
        values = None if row is None else encoding.encode_attachment(row)
        _put(connection, "attachments", ("container_id", "ifname"), (key.container_id, key.ifname), values)


def _apply_deletes(connection: sqlite3.Connection, rows: Mapping[AttachmentId, int | None]) -> None:
    for key, number in rows.items():
        values = None if number is None else (key.container_id, key.ifname, number)
        _put(connection, "deletes", ("container_id", "ifname"), (key.container_id, key.ifname), values)


def _put(
    connection: sqlite3.Connection,
    table: str,
    key_columns: Iterable[str],
    key: tuple[str, ...],
    values: encoding.Row | None,
) -> None:
    if values is None:
        condition = " AND ".join(f"{column} = ?" for column in key_columns)
        connection.execute(f"DELETE FROM {table} WHERE {condition}", key)
    else:
        connection.execute(_PUT[table], values)


def _select(connection: sqlite3.Connection, table: str, columns: Iterable[str]) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()


def _allocations(rows: Iterable[encoding.Row]) -> dict[str, Allocation]:
    return {row.id: row for row in map(encoding.decode_allocation, rows)}


def _attachments(rows: Iterable[encoding.Row]) -> dict[AttachmentId, Attachment]:
    return {row.id: row for row in map(encoding.decode_attachment, rows)}


def _deletes(connection: sqlite3.Connection) -> dict[AttachmentId, int]:
    rows = _select(connection, "deletes", ("container_id", "ifname", "number"))
    return {AttachmentId(container_id, ifname): int(number) for container_id, ifname, number in rows}
