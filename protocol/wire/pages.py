"""Divides rows over messages, so that each stays within the limits of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgpack

from protocol.wire.values import PAGE_BYTES_MAX, PAGE_ROWS_MAX, Model

M = TypeVar("M", bound=Model)


def pages_of(rows: Sequence[M]) -> list[list[M]]:
    """The rows in order, in at least one page, of which each makes a message of at most `MESSAGE_BYTES_MAX`."""
    pages: list[list[M]] = [[]]
    page_bytes = 0
    for row in rows:
        row_bytes = len(msgpack.packb(row.model_dump(exclude_none=True)))
        if pages[-1] and (len(pages[-1]) >= PAGE_ROWS_MAX or page_bytes + row_bytes > PAGE_BYTES_MAX):
            pages.append([])
            page_bytes = 0
        pages[-1].append(row)
        page_bytes += row_bytes
    return pages
