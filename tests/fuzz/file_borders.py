"""Files that may be damaged: the journal, keys, tickets."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from coordinator.core.errors import TicketRefused
from coordinator.nodes.tickets import Tickets
from nodeagent.domain.attachment import AttachmentId, Network, Pod
from nodeagent.domain.outcomes import Address
from nodeagent.journal_file import FILE_NAME, BadJournal, Erase, Job, Journal, Reports, Write
from nodeagent.journal_records import COLUMNS, Record, State, decode, encode
from nodeagent.link.credentials import EnrolledPapers, TokenUnreadable
from protocol import keys
from protocol.keys import BadKey
from tests.fuzz.border import check_told

SECRET = b"s" * 40
KEY = b"k" * 40
NOW_MS = 1_800_000_000_000


def read_journal(data: bytes) -> None:
    """A journal's file: what can be opened can be read, said to the coordinator, and written to."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, FILE_NAME)
        path.write_bytes(data)
        try:
            journal = Journal(path.parent, lambda step: None)
        except BadJournal as bad:
            assert str(path) in str(bad)
            assert "move the file away" in str(bad) or "another agent" in str(bad), bad
            return
        for record in journal.contents.records:
            _check_record(record)
        _write(
            journal, [Write(1, a_record("late")), *(Erase(each.attachment) for each in journal.contents.records)]
        )


def read_row(data: bytes) -> None:
    """A row of the journal's table: SQLite promises neither its types nor what its texts hold."""
    try:
        row = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(row, list) or len(row) != len(COLUMNS):
        return
    try:
        record = decode(tuple(json.dumps(each) if isinstance(each, dict | list) else each for each in row))
    except (ValueError, TypeError, KeyError) as error:
        assert "\n" not in str(error)
        return
    _check_record(record)
    assert decode(encode(record)) == record


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


def read_papers(data: bytes) -> None:
    """The ticket and the token of a node, from the same damaged file."""
    with tempfile.TemporaryDirectory() as directory:
        own, coordinator, token = (
            Path(directory, name) for name in ("agent.key_secret", "coordinator.key", "token")
        )
        keys.write_public(own.parent, "coordinator", keys.generate().public)
        papers = EnrolledPapers(own, coordinator, token, lambda text: None)
        for path in (token, own.parent / "ticket"):
            path.write_bytes(data)
        assert (papers.ticket() or "t").isascii()
        try:
            assert papers.token()
        except TokenUnreadable as unreadable:
            assert "--enrol-token" in str(unreadable)


def a_record(container: str) -> Record:
    """A held attachment."""
    return Record(
        AttachmentId(container, "eth0"),
        State.HELD,
        seq=7,
        attempt=1,
        since_ms=5,
        boot_id="b1",
        request_id="r1",
        network=Network("pods", None, "10.55.0.0/24"),
        pod=Pod("web-0", "shop", "u1"),
        view="default",
        subnet="10.55.0.0/24",
        addresses=(Address("10.55.0.2/24", "10.55.0.1"),),
    )


def _write(journal: Journal, jobs: list[Job]) -> None:
    for job in jobs:
        journal.submit(job)
    journal.close()
    failures: list[str] = []
    unexpected: list[Exception] = []
    journal.run(Reports(lambda tickets: None, lambda contents: None, unexpected.append, failures.append))
    assert not unexpected
    assert len(failures) <= 1


def _check_record(record: Record) -> None:
    assert isinstance(record.attachment.container_id, str)
    assert isinstance(record.attachment.ifname, str)
    times = (record.since_ms, record.unanswered_ask_ms, record.unclaimed_ms, record.released_ms)
    numbers = (record.seq, record.attempt, *times)
    assert all(number is None or type(number) is int for number in numbers)
    texts = (record.boot_id, record.request_id, record.mac, record.view, record.subnet)
    assert all(text is None or isinstance(text, str) for text in texts)
    assert all(isinstance(address.address, str) for address in record.addresses)
