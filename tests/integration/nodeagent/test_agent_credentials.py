"""The files by which a node proves which one it is: made, kept, read again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from nodeagent.link.credentials import Credentials, EnrolledCredentials, TokenUnreadable
from protocol.keys import BadKey, generate, load_pair, pair_text, public_text


@pytest.fixture
def coordinator_key(tmp_path: Path) -> Path:
    path = tmp_path / "coordinator.key"
    path.write_text(public_text(generate().public))
    return path


def enrolled(tmp_path: Path, coordinator_key: Path, complaints: list[str] | None = None) -> EnrolledCredentials:
    said = complaints if complaints is not None else []
    own = tmp_path / "keys" / "agent.key_secret"
    return EnrolledCredentials(own, coordinator_key, tmp_path / "token", said.append)


def test_a_missing_key_pair_is_made_once_for_its_owner_alone(tmp_path: Path, coordinator_key: Path) -> None:
    credentials = enrolled(tmp_path, coordinator_key)
    path = tmp_path / "keys" / "agent.key_secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_pair(path) == credentials.keys.own
    assert enrolled(tmp_path, coordinator_key).keys == credentials.keys


def test_without_enrolment_a_missing_key_pair_is_an_error(tmp_path: Path, coordinator_key: Path) -> None:
    with pytest.raises(BadKey, match="keys init"):
        Credentials(tmp_path / "agent.key_secret", coordinator_key, print)


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path, coordinator_key: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(BadKey, match="cannot be written"):
        enrolled(tmp_path, coordinator_key)


def test_a_ticket_outlives_the_process_and_garbage_is_none(tmp_path: Path, coordinator_key: Path) -> None:
    credentials = enrolled(tmp_path, coordinator_key)
    assert credentials.ticket() is None
    credentials.keep("first.ticket")
    credentials.keep("second.ticket")
    assert enrolled(tmp_path, coordinator_key).ticket() == "second.ticket"
    path = tmp_path / "keys" / "ticket"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for garbage in (b"", b"\xff\xfe", b"two words", b"x" * 5000):
        path.write_bytes(garbage)
        assert credentials.ticket() is None


def test_the_token_is_the_one_of_this_moment(tmp_path: Path, coordinator_key: Path) -> None:
    credentials = enrolled(tmp_path, coordinator_key)
    with pytest.raises(TokenUnreadable, match="--enrol-token"):
        credentials.token()
    for text in ("one", "two\n"):
        (tmp_path / "token").write_text(text)
        assert credentials.token() == text.strip()
    for garbage in (b"", b"\xff", b"x" * 20_000):
        (tmp_path / "token").write_bytes(garbage)
        with pytest.raises(TokenUnreadable):
            credentials.token()


def test_changed_keys_are_seen_once_and_bad_ones_told_once(tmp_path: Path, coordinator_key: Path) -> None:
    complaints: list[str] = []
    credentials = enrolled(tmp_path, coordinator_key, complaints)
    own = tmp_path / "keys" / "agent.key_secret"
    assert credentials.look() is False

    pair = generate()
    own.write_text(pair_text(pair))
    assert [credentials.look(), credentials.look()] == [True, False]
    assert credentials.keys.own == pair

    good = coordinator_key.read_text()
    coordinator_key.write_text("half a fi")
    assert [credentials.look(), credentials.look()] == [False, False]
    assert len(complaints) == 1
    coordinator_key.write_text(good)
    assert credentials.look() is False
    own.chmod(0o644)
    assert credentials.look() is False
    assert "lets others read" in complaints[-1]
