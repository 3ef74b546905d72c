"""Rows by key, with a draft over those that are committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """One table: what is read is the draft, until it is committed or dropped.

    `moved` hears of each row's change, as it was and as it is, so that indexes follow drafts and drops alike.
    """

    def __init__(self, rows: Mapping[K, V], moved: Callable[[V | None, V | None], None]) -> None:
        self._moved = moved
        self._rows: dict[K, V] = {}
        self._before: dict[K, V | None] = {}
        for key, row in rows.items():
            self._set(key, row)

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def get(self, key: K) -> V | None:
        """The row of `key`, if there is one."""
        return self._rows.get(key)

    def rows(self) -> dict[K, V]:
        """All rows, in the order in which they came."""
        return dict(self._rows)

    def put(self, key: K, row: V) -> None:
        """Draft a new or changed row."""
        self._before.setdefault(key, self._rows.get(key))
        self._set(key, row)

    def remove(self, key: K) -> None:
        """Draft the end of a row, which may be absent."""
        if key in self._rows:
            self._before.setdefault(key, self._rows[key])
            self._set(key, None)

    def clear(self) -> None:
        """Draft the end of all rows."""
        for key in list(self._rows):
            self.remove(key)

    def changes(self) -> dict[K, V | None]:
        """What the draft changes: the rows as they will be, None for those that end."""
        return {key: self._rows.get(key) for key, before in self._before.items() if self._rows.get(key) != before}

    def commit(self) -> None:
        """The draft is in the file."""
        self._before.clear()

    def drop(self) -> None:
        """The draft is not in the file, and never will be."""
        for key, before in reversed(self._before.items()):
            self._set(key, before)
        self._before.clear()

    def _set(self, key: K, row: V | None) -> None:
        self._moved(self._rows.get(key), row)
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row
