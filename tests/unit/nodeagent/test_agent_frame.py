"""The bytes between plugin and agent."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.cni.frame import (
    BODY_BYTES_MAX,
    BadFrame,
    Frame,
    FrameTooBig,
    UnknownFrameVersion,
    encode_answer,
    parse,
)

REQUEST = bytes.fromhex("01 00000015 02 00000003 413d31 00000005 42423d323d") + b"stdi"


def test_a_request_is_read_as_the_specification_lays_it_out() -> None:
    assert parse(REQUEST) == Frame({"A": "1", "BB": "2="}, b"stdi")


def test_a_request_that_trickles_in_is_read_when_it_is_complete() -> None:
    assert [parse(REQUEST[:size]) for size in range(len(REQUEST))] == [None] * len(REQUEST)


def test_another_version_is_known_from_its_first_byte() -> None:
    with pytest.raises(UnknownFrameVersion, match="version 2"):
        parse(b"\x02")


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(FrameTooBig):
        parse(struct.pack(">BI", 1, BODY_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x01",
        b"\x01\x00\x00",
        b"\x01\x00\x00\x00\x09abc",
        b"\x01\x00\x00\x00\x03abc",
        b"\x02\x00\x00\x00\x03a=b",
    ],
    ids=["empty", "no length", "cut length", "cut variable", "no equals sign", "second one missing"],
)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadFrame):
        parse(struct.pack(">BI", 1, len(body)) + body)


def test_an_answer_has_exit_code_length_and_output() -> None:
    assert encode_answer(255, b"abc") == bytes.fromhex("ff 00000003") + b"abc"


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(body: bytes) -> None:
    for data in (body, struct.pack(">BI", 1, len(body)) + body):
        try:
            parse(data)
        except BadFrame:
            continue


@given(st.dictionaries(st.text("ABC_", min_size=1), st.text(max_size=20), max_size=8), st.binary(max_size=50))
def test_what_a_plugin_packs_is_what_is_read(variables: dict[str, str], stdin: bytes) -> None:
    packed = b""
    for name, value in variables.items():
        text = f"{name}={value}".encode(errors="replace")
        packed += struct.pack(">I", len(text)) + text
    body = bytes([len(variables)]) + packed + stdin
    expected = {name: value.encode(errors="replace").decode() for name, value in variables.items()}

    assert parse(struct.pack(">BI", 1, len(body)) + body) == Frame(expected, stdin)
