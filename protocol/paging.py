"""Divides a list over messages, so that each stays within the limits of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import msgpack

from protocol.messages import PAGE_ITEMS_MAX, Model

PAGE_BYTES_MAX: Final = 48 * 1024
"""Of the items of a page, so that the rest of its message has room: names may be long, in any script."""

M = TypeVar("M", bound=Model)


def pages_of(items: Sequence[M]) -> list[list[M]]:
    """The items in order, at least one page, of which each makes a message of at most `MESSAGE_BYTES_MAX`."""
    pages: list[list[M]] = [[]]
    page_bytes = 0
    for item in items:
        item_bytes = len(msgpack.packb(item.model_dump(exclude_none=True)))
        if pages[-1] and (len(pages[-1]) >= PAGE_ITEMS_MAX or page_bytes + item_bytes > PAGE_BYTES_MAX):
            pages.append([])
            page_bytes = 0
        pages[-1].append(item)
        page_bytes += item_bytes
    return pages
