"""The journal's file on a real tmpfs: what survives which death, and what is done about damage."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_writer import FRESH, LABEL, allocation

from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import AttachmentId
from nodeagent.journal.contents import Contents
from nodeagent.journal.place import JournalTaken, JournalUnready, Place, is_on_tmpfs
from nodeagent.journal.rows import Rows
from nodeagent.journal.start import BootUnbelievable, Opened, open_journal
from nodeagent.journal.store import WriteFailed

WRITER = Path(__file__).with_name("journal_writer.py")
TMPFS = Path("/dev/shm")
NEXT_BOOT = replace(FRESH, boot_id="boot-2", journal="0b0b0b0b", cluster=None)
NEXT_JOURNAL = replace(NEXT_BOOT, boot_id=FRESH.boot_id, machine="33334444")


@pytest.fixture
def directory() -> Iterator[Path]:
    assert is_on_tmpfs(TMPFS), f"these tests need a tmpfs at {TMPFS}"
    path = Path(tempfile.mkdtemp(dir=TMPFS, prefix="journal-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def place(directory: Path) -> Iterator[Place]:
    place = Place(directory, "node-1", "infoblox")
    yield place
    place.leave()


def no_crash(name: str) -> None:
    pass


def opened(place: Place, fresh: object = FRESH) -> Opened:
    return open_journal(place, fresh, no_crash)  # type: ignore[arg-type]


def written(place: Place, count: int = 3) -> tuple[Opened, Rows]:
    """An open journal of `count` held allocations."""
    journal = opened(place)
    rows = Rows(journal.contents)
    for number in range(1, count + 1):
        hold(rows, number)
    journal.store.commit(rows)
    return journal, rows


def hold(rows: Rows, number: int) -> None:
    rows.hold([allocation(number)], replace(LABEL, attachment=AttachmentId(f"c{number}", "eth0")))


def test_a_journal_is_read_again_as_it_was_written(place: Place) -> None:
    journal, rows = written(place)
    rows.let_go(allocation(1).id, 1234.5)
    rows.lose(allocation(2).id, "printer")
    rows.confirm_label(allocation(3).id)
    rows.remember_delete(AttachmentId("c9", "net1"))
    rows.adopt(replace(allocation(4), id=allocation(4).id.replace("0a0a0a0a", "0b0b0b0b")))
    rows.let_go(allocation(4).id.replace("0a0a0a0a", "0b0b0b0b"), 1.0)
    journal.store.commit(rows)
    journal.store.close()

    again = opened(place, NEXT_JOURNAL)

    assert again.contents == rows.contents()
    assert again.contents.identity == FRESH
    assert again.alarm is None
    assert place.path.name == "node-1-infoblox.journal"
    assert [path.stat().st_mode & 0o777 for path in (place.directory, place.path)] == [0o700, 0o600]


def test_what_was_committed_before_a_sigkill_is_there_after_it(directory: Path, place: Place) -> None:
    known = 0
    for _ in range(5):
        with subprocess.Popen([sys.executable, WRITER, directory], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(50):
                known = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            said = [int(line) for line in writer.stdout if line.endswith("\n")]
            known = max([known, *said])
        journal = opened(place)
        journal.store.close()
        place.leave()
        assert len(journal.contents.allocations) in (known, known + 1)
        assert len(journal.contents.attachments) == len(journal.contents.allocations)


@pytest.mark.parametrize(("step", "survive"), [("journal:held:before", 2), ("journal:held:after", 3)])
def test_a_turn_is_written_whole_or_not_at_all(directory: Path, place: Place, step: str, survive: int) -> None:
    ended = subprocess.run([sys.executable, WRITER, directory, step, "3"], capture_output=True, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == [b"1", b"2"]
    assert len(opened(place).contents.allocations) == survive


def test_a_second_agent_is_kept_out_and_let_in_when_the_first_is_gone(directory: Path, place: Place) -> None:
    opened(place)
    second = Place(directory, "node-1", "infoblox")
    with pytest.raises(JournalTaken, match="another agent of this node"):
        opened(second)

    opened(Place(directory, "node-1", "other-driver"))
    place.leave()
    with pytest.raises(JournalUnready, match="locked"):
        opened(second)


def test_the_journal_of_another_boot_on_a_tmpfs_shows_that_the_boot_id_is_not_the_kernels(place: Place) -> None:
    written(place)[0].store.close()

    with pytest.raises(BootUnbelievable, match=r"boot-1, while .* says boot-2"):
        opened(place, NEXT_BOOT)


def test_the_journal_of_another_boot_on_a_disk_is_worth_nothing(tmp_path: Path) -> None:
    assert not is_on_tmpfs(tmp_path)
    place = Place(tmp_path / "run", "node-1", "infoblox")
    written(place)[0].store.close()

    journal = opened(place, NEXT_BOOT)

    assert journal.contents == Contents(NEXT_BOOT)
    assert journal.alarm is None
    journal.store.close()
    assert opened(place, NEXT_BOOT).contents == Contents(NEXT_BOOT)
    assert not place.damaged_path.exists()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated to nothing": lambda path: os.truncate(path, 0),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "another kind of file": lambda path: path.write_bytes(b"no database\n" * 1000) and None,
    "overwritten in the middle": lambda path: overwrite(path, 4096, os.urandom(path.stat().st_size - 4096)),
    "zeroed in the middle": lambda path: overwrite(path, 4096, bytes(path.stat().st_size - 4096)),
    "of another schema": lambda path: execute(path, "PRAGMA user_version = 99"),
    "without its name": lambda path: execute(path, "DELETE FROM identity"),
    "without a table": lambda path: execute(path, "DROP TABLE allocations"),
    "without a row": lambda path: execute(path, "DELETE FROM allocations"),
    "with a row of nonsense": lambda path: execute(path, "UPDATE allocations SET address = 'nowhere'"),
    "with a number for a text": lambda path: execute(path, "UPDATE attachments SET allocations = 5"),
    "with text that is none": lambda path: execute(path, "UPDATE allocations SET state = CAST(x'ff' AS TEXT)"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_journal_is_kept_aside_with_an_alarm(place: Place, damage: Callable[[Path], None]) -> None:
    written(place, 40)[0].store.close()
    damage(place.path)
    remains = place.path.read_bytes()

    journal = opened(place, NEXT_JOURNAL)

    assert journal.contents == Contents(NEXT_JOURNAL)
    assert journal.alarm
    assert str(place.damaged_path) in journal.alarm
    assert place.damaged_path.read_bytes() == remains
    journal.store.close()
    assert opened(place, FRESH).contents == Contents(NEXT_JOURNAL)


def test_a_copy_that_is_put_back_within_its_boot_counts_as_lost(place: Place) -> None:
    journal, _ = written(place)
    journal.store.close()
    shutil.copy(place.path, place.path.with_suffix(".backup"))
    os.replace(place.path.with_suffix(".backup"), place.path)
    place.leave()
    again = opened(place, NEXT_JOURNAL)
    assert (again.contents.identity, again.contents.allocations) == (NEXT_JOURNAL, {})
    assert again.alarm is not None
    assert "it is a copy" in again.alarm


def test_a_journal_that_cannot_be_reached_is_not_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    written(place)[0].store.close()
    for code in (errno.EACCES, errno.EIO):

        def refuse(*_: object, code: int = code, **__: object) -> os.stat_result:
            raise OSError(code, os.strerror(code), str(place.path))

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", refuse)
            with pytest.raises(JournalUnready, match=os.strerror(code)):
                opened(place)
    assert len(opened(place).contents.allocations) == 3


def test_a_new_journal_for_which_there_is_no_room_is_tried_again(place: Place) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "fresh")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(JournalUnready, match="No space"):
            opened(place)
    assert [each.suffix for each in place.directory.iterdir()] == [".lock"]
    assert opened(place).contents == Contents(FRESH)


def test_a_journal_that_somebody_else_has_locked_is_not_lost(place: Place) -> None:
    written(place)[0].store.close()
    with sqlite3.connect(place.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalUnready, match="locked"):
            opened(place)
        other.execute("ROLLBACK")
    assert len(opened(place).contents.allocations) == 3


def test_a_directory_wiped_under_the_agent_is_noticed_by_the_next_commit(directory: Path, place: Place) -> None:
    journal, rows = written(place)
    shutil.rmtree(directory)

    hold(rows, 4)
    journal.store.commit(rows)

    assert journal.store.rewrites == 1
    assert_survives(directory, rows)
    with pytest.raises(JournalTaken):
        opened(Place(directory, "node-1", "infoblox"))


def test_a_directory_wiped_under_the_agent_is_noticed_by_the_next_look(directory: Path, place: Place) -> None:
    journal, rows = written(place)
    assert journal.store.look(rows) is False
    for each in directory.iterdir():
        each.unlink()

    assert journal.store.look(rows) is True
    assert journal.store.look(rows) is False
    assert_survives(directory, rows)


@pytest.mark.parametrize("ending", ["", "-journal"])
def test_one_file_removed_is_noticed_as_well(directory: Path, place: Place, ending: str) -> None:
    journal, rows = written(place)
    place.path.with_name(place.path.name + ending).unlink()

    assert journal.store.look(rows) is True
    hold(rows, 4)
    journal.store.commit(rows)
    assert_survives(directory, rows)


def assert_survives(directory: Path, rows: Rows) -> None:
    """What a process finds that starts after this one was killed: a copy, as the lock is still held."""
    copy = directory.with_name(f"{directory.name}-copy")
    shutil.copytree(directory, copy)
    for file in copy.glob("*.journal"):
        # A copy is none that an agent goes on with; this one stands for the file itself.
        with sqlite3.connect(file) as connection:
            connection.execute(f"PRAGMA application_id = {file.stat().st_ino & 0x7FFF_FFFF}")
        connection.close()
    try:
        assert opened(Place(copy, "node-1", "infoblox"), NEXT_JOURNAL).contents == rows.contents()
    finally:
        shutil.rmtree(copy)


def test_a_commit_that_fails_leaves_rows_and_file_as_they_were_and_the_next_one_succeeds(place: Place) -> None:
    journal, rows = written(place)
    before = rows.contents()
    shutil.rmtree(place.directory)
    place.directory.write_text("in the way")

    hold(rows, 4)
    with pytest.raises(WriteFailed):
        journal.store.commit(rows)
    assert rows.contents() == before

    place.directory.unlink()
    hold(rows, 5)
    journal.store.commit(rows)
    assert_survives(place.directory, rows)
    assert rows.count(State.HELD) == 4


def commit_one(journal: Opened, rows: Rows, number: int) -> WriteFailed | None:
    hold(rows, number)
    before = rows.attachments.rows()
    try:
        journal.store.commit(rows)
    except WriteFailed as error:
        assert len(rows.attachments) == len(before) - 1
        return error
    return None


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_fails_commits_until_there_is_room(directory: Path) -> None:
    small = directory / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
    try:
        place = Place(small / "run", "node-1", "infoblox")
        journal, rows = written(place)
        filler = small / "filler"
        filler.write_bytes(bytes(64 * 1024))
        failures = [commit_one(journal, rows, number) for number in range(10, 500)]
        assert failures[0] is None
        assert "full" in str(failures[-1])
        journal.store.close()
        journal = opened(place)
        assert journal.contents == rows.contents(), "what is full can still be read"
        filler.unlink()
        assert commit_one(journal, rows, 1000) is None
        journal.store.close()
        place.leave()
        assert opened(place).contents == rows.contents()
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def test_a_nodes_name_makes_one_file_name_whatever_it_is(directory: Path) -> None:
    assert Place(directory, "../etc/n ode", "infoblox").path.name == "..%2Fetc%2Fn%20ode-infoblox.journal"
    long = Place(directory, "ä" * 250, "infoblox").path
    assert len(long.name) < 200
    assert long != Place(directory, "ä" * 249, "infoblox").path
