"""Where the history is kept: lines, files, memory, questions; and what it does when it cannot."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.admin.events import AnswerCommand
from coordinator.core.changes import Change, ChangeKind
from coordinator.grid.allocation_object import pack
from coordinator.history import store as store_module
from coordinator.history.question import Question, Recall
from coordinator.history.recollection import Recollection
from coordinator.history.recorder import Recorder
from coordinator.history.records import Writer, decode, encode
from coordinator.history.store import Store
from coordinator.history.streams import checked_stream, open_stream
from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger
from protocol.admin.history import ChangeRecord, HistoryTold, TellHistory
from protocol.admin.messages import TurnedDown
from protocol.wire.values import Label

NOON_S = 1_796_040_000.0
LOGGER = make_logger("json", "critical")
WRITER = Writer("prod-1", "coordinator-0")
INTERNAL = InternalErrors(LOGGER, lambda place: pytest.fail(place), lambda: 0.0)
NAMES = iter(f"history-20261130T{number:06d}Z-{number:012x}.jsonl" for number in range(10**6))


def change(number: int = 1, pod: str = "web-1", kind: ChangeKind = ChangeKind.HELD) -> Change:
    label = Label(container_id=f"{number:064x}", ifname="eth0", pod=pod, pod_namespace="shop")
    allocation = f"c0ffee000000-1111111111111111-22222222-33333333-4444-55555555-{number:012x}"
    return Change(
        kind, 0.0, allocation, "default", "10.0.0.0/24", f"10.0.0.{number % 250}", "pods", "node-1", pack(label)
    )


def line(number: int = 1, at_s: float = NOON_S, **changes: str) -> bytes:
    return encode(WRITER.of_change(change(number, **changes), at_s))


class Keeping:
    """A store under the test's clock."""

    def __init__(self, directory: Path | None, days: float = 90) -> None:
        self.now_s = NOON_S
        self.lost = 0
        self.store = Store(directory, days, lambda: self.now_s, lambda _: next(NAMES), self.lose, LOGGER)

    def lose(self, count: int) -> None:
        self.lost += count

    def tell(self, what: str, at: str = "") -> HistoryTold | TurnedDown:
        answers: list[AnswerCommand] = []
        recollection = Recollection(
            self.store, WRITER, lambda: self.lost, answers.append, lambda: self.now_s, INTERNAL
        )
        recollection.recall(Recall(1, TellHistory(id="h-1", what=what, at=at), (), "", several=False))
        recollection.stop()
        recollection.run()
        (answer,) = answers
        assert isinstance(answer.message, HistoryTold | TurnedDown)
        return answer.message

    def told(self, what: str, at: str = "") -> HistoryTold:
        answer = self.tell(what, at)
        assert isinstance(answer, HistoryTold)
        return answer


@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=300))
def test_a_change_with_any_names_is_one_line_and_comes_back(pod: str, network: str, why: str) -> None:
    label = Label(container_id="c1", ifname="eth0", pod=pod, pod_namespace="shop")
    happened = Change(
        ChangeKind.HELD, 0.0, "id", "default", "10.0.0.0/24", "10.0.0.1", network, "n", pack(label), why
    )
    record = WRITER.of_change(happened, NOON_S)
    written = encode(record)
    assert written.count(b"\n") == 1
    assert decode(written) == record
    assert Question("10.0.0.1").lines.search(written)
    assert not pod or "/" in label.pod or Question(f"shop/{label.pod}").lines.search(written)


@pytest.mark.parametrize(
    ("what", "is_meant"),
    [
        ("10.0.0.1", True),
        ("10.0.0.11", False),
        ("0.0.0.1", False),
        ("shop/web-1", True),
        ("web-1", True),
        ("web", False),
        ("op/web-1", False),
        ("other/web-1", False),
        ("0" * 12, True),
        ("0" * 63 + "1", True),
        ("0" * 63 + "2", False),
        ("00", False),
        (change().allocation, True),
        (change(2).allocation, False),
        ("node-1", False),
    ],
)
def test_a_question_means_an_address_a_pod_a_container_or_an_id(what: str, is_meant: bool) -> None:
    assert bool(Question(what).lines.search(line())) is is_meant


def test_files_are_read_again_by_the_next_coordinator_and_by_the_one_beside_it(tmp_path: Path) -> None:
    first, second = Keeping(tmp_path / "history"), Keeping(tmp_path / "history")
    first.store.write([line(1)])
    second.store.write([line(1, NOON_S + 60, kind=ChangeKind.LET_GO)])  # type: ignore[arg-type]
    third = Keeping(tmp_path / "history")
    for each in (first, second, third):
        assert [found.event for found in each.told("10.0.0.1").changes] == ["held", "let_go"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "history").iterdir()} == {0o600}
    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o700


def test_a_pods_question_finds_the_changes_of_its_allocation_that_do_not_name_it(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    nameless = WRITER.of_change(change(1), NOON_S).model_copy(
        update={"event": "ready", "pod": "", "container": ""}
    )
    keeping.store.write([encode(nameless), line(1, NOON_S + 1), line(2, pod="web-2")])
    assert [each.event for each in keeping.told("shop/web-1").changes] == ["ready", "held"]


@pytest.fixture
def lines_max(monkeypatch: pytest.MonkeyPatch) -> int:
    """There is room for fewer lines than there would be."""
    monkeypatch.setattr(store_module, "LINES_IN_MEMORY_MAX", 50)
    return 50


def test_without_a_directory_the_last_changes_are_kept_and_none_counts_as_lost(lines_max: int) -> None:
    keeping = Keeping(None)
    keeping.store.write(line(number) for number in range(lines_max + 7))
    kept = list(keeping.store.read())
    assert (len(kept), keeping.lost) == (lines_max, 0)
    assert kept[0] == line(7)


def test_what_a_directory_does_not_take_waits_and_is_written_once_it_does(tmp_path: Path) -> None:
    place = tmp_path / "volume"
    place.write_text("somebody's file")
    keeping = Keeping(place)
    keeping.store.write([line(1)])
    assert list(keeping.store._waiting) == [line(1)]
    place.unlink()
    keeping.store.write([line(2)])
    assert [each for path in place.iterdir() for each in path.read_bytes().splitlines(keepends=True)] == [
        line(1),
        line(2),
    ]


def test_what_waits_for_a_full_disk_is_bounded_and_counted(tmp_path: Path, lines_max: int) -> None:
    place = tmp_path / "volume"
    place.write_text("somebody's file")
    keeping = Keeping(place)
    keeping.store.write(line(number) for number in range(lines_max + 3))
    assert keeping.lost == 3
    place.unlink()
    assert keeping.told(change(5).allocation).lost == 3


def test_a_line_that_was_cut_off_by_a_full_disk_is_written_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = Keeping(tmp_path)
    write, is_full = os.write, [False]

    def fills_up(descriptor: int, data: bytes) -> int:
        if is_full[0]:
            raise OSError(28, "No space left on device")
        is_full[0] = True
        return write(descriptor, data[:40])

    monkeypatch.setattr(os, "write", fills_up)
    keeping.store.write([line(1)])
    monkeypatch.setattr(os, "write", write)
    keeping.store.write([line(2)])
    told = keeping.told("shop/web-1")
    assert len(told.changes) == 2
    assert b"".join(keeping.store.read()).count(b"\n") >= 2


def test_damaged_files_cost_their_damaged_lines_alone(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    keeping.store.write([line(1), line(1, NOON_S + 1)])
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"\x00\xff\n" + whole[0] + b'{"address":"10.0.0.1","broken\n' + whole[1][:50])
    told = keeping.told("10.0.0.1")
    assert [each.event for each in told.changes] == ["held"]
    assert told.unreadable == 1


def test_old_files_go_and_the_oldest_where_there_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("somebody's")
    for day in range(1, 7):
        path = tmp_path / f"history-2026110{day}T000000Z-{day:012x}.jsonl"
        path.write_bytes(line(day))
        os.utime(path, (NOON_S - (7 - day) * 86_400,) * 2)
    Keeping(tmp_path, days=3.5).store.write([line(7)])
    assert [path.name[8:16] for path in sorted(tmp_path.glob("history-*"))] == [
        *("20261104", "20261105", "20261106", "20261130"),
    ]
    monkeypatch.setattr(store_module, "DIRECTORY_BYTES_MAX", len(line(6)))
    Keeping(tmp_path, days=3.5).store.write([line(8)])
    assert [path.name[8:16] for path in sorted(tmp_path.glob("history-*"))] == ["20261130", "20261130"]
    assert (tmp_path / "notes.txt").exists()


def test_of_many_changes_those_around_the_time_that_is_asked_about_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.history.recollection.CHANGES_MAX", 3)
    monkeypatch.setattr("coordinator.history.recollection.AFTER_MAX", 1)
    keeping = Keeping(tmp_path)
    keeping.store.write(line(1, NOON_S + minute * 60) for minute in range(10))
    whole = keeping.told("10.0.0.1")
    asked = keeping.told("10.0.0.1", at="2026-11-30T12:04:30.000Z")
    assert (len(whole.changes), whole.left_out) == (3, True)
    assert [each.time[14:16] for each in asked.changes] == ["02", "03", "04", "05"]


class Threads:
    """Runs bodies until the test is over."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def start(self, body: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=body, daemon=True))
        self.threads[-1].start()


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    for thread in made.threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_disk_that_stands_still_holds_up_nobody_and_what_it_does_not_take_is_counted(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.history.recorder.QUEUED_MAX", 50)
    stands, goes_on, written, lost = threading.Event(), threading.Event(), [], []

    def write(lines: object) -> None:
        written.extend(lines)  # type: ignore[call-overload]
        stands.set()
        goes_on.wait()

    recorder = Recorder(WRITER, write, lost.append, INTERNAL)
    threads.start(recorder.run)
    recorder.record(change(0), NOON_S)
    stands.wait()
    for number in range(50 + 5):
        recorder.record(change(number), NOON_S)
    assert sum(lost) == 5
    goes_on.set()
    while recorder._queue.full():
        stands.wait()
    recorder.stop()


def test_syslog_gets_each_change_as_one_datagram_of_rfc_5424(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as network,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as network6,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local,
    ):
        network.bind(("127.0.0.1", 0))
        network6.bind(("::1", 0))
        local.bind(str(tmp_path / "log"))
        for receiver, url in (
            (network, f"syslog://127.0.0.1:{network.getsockname()[1]}"),
            (network6, f"syslog://[::1]:{network6.getsockname()[1]}"),
            (local, f"syslog://{tmp_path}/log"),
        ):
            assert checked_stream(url) == url
            receiver.settimeout(10)
            open_stream(url, "pod 0", lambda count: pytest.fail("lost"), LOGGER, lambda: 0.0)([line(1), line(2)])
            for number in (1, 2):
                datagram = receiver.recv(65_536)
                head, _, body = datagram.partition(b" - ")
                assert re.fullmatch(
                    rb"<110>1 2026-11-30T12:00:00\.000Z pod-0 cni-infoblox-coordinator \d+ history", head
                )
                assert decode(body) == decode(line(number))


def test_a_receiver_that_is_away_costs_the_lines_of_that_time(tmp_path: Path) -> None:
    lost: list[int] = []
    write = open_stream(f"syslog://{tmp_path}/log", "pod-0", lost.append, LOGGER, lambda: 0.0)
    write([line(1), line(2)])
    assert lost == [2]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.bind(str(tmp_path / "log"))
        local.settimeout(10)
        write([line(3)])
        assert local.recv(65_536).endswith(line(3).rstrip())


@pytest.mark.parametrize(
    "text",
    [
        "file",
        "syslog://",
        "syslog://host:99999",
        "syslog://host:x",
        "http://host",
        "syslog://[::1",
        "syslog://h:0",
    ],
)
def test_what_names_no_stream_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be stdout, syslog"):
        checked_stream(text)


def test_a_directory_that_cannot_be_read_is_told_to_who_asks(tmp_path: Path) -> None:
    place = tmp_path / "volume"
    place.write_text("somebody's file")
    answer = Keeping(place).tell("10.0.0.1")
    assert isinstance(answer, TurnedDown)
    assert "the history cannot be read: " in answer.msg


def test_a_record_of_a_later_release_is_read() -> None:
    assert decode(line().replace(b'{"time"', b'{"later":1,"time"')) == decode(line())
    assert isinstance(decode(line()), ChangeRecord)
