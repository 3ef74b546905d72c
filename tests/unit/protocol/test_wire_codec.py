"""What any bytes from the network are read as."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
import msgpack
import pytest
from hypothesis import given

from protocol.texts import is_fit
from protocol.wire.codec import (
    Unreadable,
    UnspokenVersion,
    decode_to_agent,
    decode_to_coordinator,
    encode,
)
from protocol.wire.messages import Allocated, Declined, Ping, Pong, SetLabels
from protocol.wire.values import MESSAGE_BYTES_MAX, Label, LabelRow

ID = "0" * 12 + "-" + "1" * 16 + "-" + "2" * 8 + "-" + "3" * 8 + "-" + "4" * 4 + "-" + "5" * 8 + "-" + "6" * 12

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=9) | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=15,
)


@given(data=st.binary(max_size=300))
def test_garbage_is_unreadable_at_worst(data: bytes) -> None:
    for decode in (decode_to_coordinator, decode_to_agent):
        with pytest.raises(Unreadable):
            decode(data)


@given(
    fields=st.dictionaries(
        st.sampled_from(["v", "type", "id", "allocation", "page", "claims", "budget_ms"]),
        values | st.sampled_from([2, "hello", "allocate", "let_go", "ping", "m1"]),
    )
)
def test_a_map_of_anything_is_a_message_or_unreadable(fields: dict[str, object]) -> None:
    with contextlib.suppress(Unreadable):
        decode_to_coordinator(msgpack.packb(fields))


def test_what_is_wrong_with_a_message_is_said_without_what_no_terminal_shall_obey() -> None:
    with pytest.raises(Unreadable, match="hello") as caught:
        decode_to_coordinator(msgpack.packb({"v": 2, "id": "m1", "type": "\x1b[2J"}))
    assert is_fit(str(caught.value))


@pytest.mark.parametrize("message", [Ping(id="m1"), Pong(id="m1")])
def test_a_message_survives_the_wire_with_fields_of_a_later_release(message: Ping | Pong) -> None:
    fields = {**msgpack.unpackb(encode(message)), "later": {"more": [1]}}
    decode = decode_to_coordinator if isinstance(message, Ping) else decode_to_agent
    assert decode(msgpack.packb(fields)) == message


@pytest.mark.parametrize("version", [0, 1, 3, "2", None, 2.0, True, [2]])
def test_another_version_is_refused_with_the_id_to_answer(version: object) -> None:
    with pytest.raises(UnspokenVersion) as caught:
        decode_to_coordinator(msgpack.packb({"v": version, "type": "ping", "id": "m1"}))
    assert caught.value.reply_to == "m1"


def test_an_address_in_the_digits_of_another_script_is_unreadable() -> None:
    fields = Allocated(
        id="m1", allocation=ID, view="default", subnet="10.0.0.0/8", address="10.0.0.5", seal="a" * 32
    ).model_dump(exclude_none=True)
    assert decode_to_agent(msgpack.packb(fields))
    fields["address"] = "10.0.0.\N{ARABIC-INDIC DIGIT FIVE}"
    with pytest.raises(Unreadable):
        decode_to_agent(msgpack.packb(fields))


def test_two_megabytes_are_not_even_unpacked() -> None:
    with pytest.raises(Unreadable, match=f"at most {MESSAGE_BYTES_MAX}"):
        decode_to_coordinator(bytes(2 * MESSAGE_BYTES_MAX))


@given(message_id=values, version=values | st.just(2))
def test_an_answer_to_what_cannot_be_read_names_a_valid_id_or_there_is_none(
    message_id: object, version: object
) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_to_coordinator(msgpack.packb({"v": version, "id": message_id}))
    if caught.value.reply_to is not None:
        encode(Pong(id=caught.value.reply_to))


def test_what_no_terminal_shall_obey_is_scrubbed_on_its_way() -> None:
    text = "one\nline \x1b[2J\ud800"
    declined = Declined(id="m1", kind="refused", code=7, msg=text, details=text)
    assert (
        decode_to_agent(encode(declined)).msg == "one line \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
    )
    label = SetLabels(
        id="m1", labels=[LabelRow(allocation=ID, label=Label(container_id="c", ifname="e", pod=text))]
    )
    assert decode_to_coordinator(encode(label)).labels[0].label.pod == declined.msg
