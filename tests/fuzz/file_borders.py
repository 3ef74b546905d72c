"""Files that may be damaged: the journal, keys, tickets."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from coordinator.core.errors import TicketRefused
from coordinator.nodes.tickets import Tickets
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.attachment import Network
from nodeagent.domain.wire import claim_row
from nodeagent.journal.contents import Identity
from nodeagent.journal.encoding import ALLOCATION_COLUMNS, decode_allocation, encode_allocation
from nodeagent.journal.place import JournalUnready, Place
from nodeagent.journal.rows import Rows
from nodeagent.journal.start import BootUnbelievable, open_journal
from nodeagent.journal.store import WriteFailed
from nodeagent.link.credentials import EnrolledCredentials, TokenUnreadable
from nodeagent.link.hello import claims
from protocol import keys
from protocol.keys import BadKey
from protocol.wire.codec import encode
from protocol.wire.messages import Claims
from tests.fuzz.border import check_told

SECRET = b"s" * 40
KEY = b"k" * 40
NOW_MS = 1_800_000_000_000
IDENTITY = Identity("boot-1", "0" * 8, "node-1", "infoblox", "a" * 8, "c" * 12)


def read_journal(data: bytes) -> None:
    """A journal's file: what can be opened can be said to the coordinator, and written to."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory), "node-1", "infoblox")
        place.path.write_bytes(data)
        # What SQLite's header calls the application's id is the number of the file: a copy would not be read.
        number = place.path.stat().st_ino & 0x7FFF_FFFF
        place.path.write_bytes(data[:68] + number.to_bytes(4, "big") + data[72:] if len(data) >= 72 else data)
        try:
            opened = open_journal(place, IDENTITY, lambda step: None)
        except (JournalUnready, BootUnbelievable) as bad:
            assert "--run-dir" in str(bad)
            return
        finally:
            place.leave()
        rows = Rows(opened.contents)
        assert claims(rows, 1, 0.0)
        for id_ in list(rows.allocations):
            rows.let_go(id_, 1.0)
        rows.make_ready(an_allocation())
        with suppress(WriteFailed):
            opened.store.commit(rows)
        opened.store.close()


def read_row(data: bytes) -> None:
    """A row of the journal's table: SQLite promises neither its types nor what its texts hold."""
    try:
        row = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(row, list) or len(row) != len(ALLOCATION_COLUMNS):
        return
    try:
        known = decode_allocation([json.dumps(each) if isinstance(each, dict | list) else each for each in row])
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    assert decode_allocation(encode_allocation(known)) == known
    assert encode(
        Claims(id="c", welcome=1, page=0, last=True, claims=[claim_row(replace(known, state=State.HELD))])
    )


def read_ticket(data: bytes) -> None:
    """The text of a ticket."""
    try:
        Tickets(SECRET).read(data.decode("utf-8", "replace"), KEY, NOW_MS)
    except TicketRefused as refused:
        check_told(refused)


def read_key(data: bytes) -> None:
    """A file that should hold a key pair: what is accepted, ZeroMQ takes."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "agent.key_secret")
        path.touch(0o600)
        path.write_bytes(data)
        for load in (keys.load_public, keys.load_pair):
            try:
                load(path)
            except BadKey as bad:
                assert str(path) in str(bad)
                continue


def read_credentials(data: bytes) -> None:
    """The ticket and the token of a node, from the same damaged file."""
    with tempfile.TemporaryDirectory() as directory:
        own, coordinator, token = (
            Path(directory, name) for name in ("agent.key_secret", "coordinator.key", "token")
        )
        keys.write_public(own.parent, "coordinator", keys.generate().public)
        credentials = EnrolledCredentials(own, coordinator, token, lambda text: None)
        for path in (token, own.parent / "ticket"):
            path.write_bytes(data)
        assert (credentials.ticket() or "t").isascii()
        try:
            assert credentials.token()
        except TokenUnreadable as unreadable:
            assert "--enrol-token" in str(unreadable)


def an_allocation() -> Allocation:
    """One that is ready."""
    return Allocation(
        id=f"{'c' * 12}-{'0' * 16}-{'0' * 8}-{'0' * 8}-0000-{'a' * 8}-{'1' * 12}",
        network=Network("pods", None, "10.55.0.0/24"),
        view="default",
        subnet="10.55.0.0/24",
        address="10.55.0.2",
        seal="5e" * 16,
        state=State.READY,
    )
