"""What any bytes from the network are read as."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
import msgpack
import pytest
from hypothesis import given

from protocol.codec import (
    MESSAGE_BYTES_MAX,
    Unreadable,
    UnspokenVersion,
    decode_to_agent,
    decode_to_coordinator,
    encode,
)
from protocol.messages import Address, Allocated, Attachment, Ping, Pong

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
        st.sampled_from(["v", "type", "id", "attachment", "seq", "holdings", "budget_ms"]),
        values | st.sampled_from([1, "hello", "allocate", "release", "ping", "m1"]),
    )
)
def test_a_map_of_anything_is_a_message_or_unreadable(fields: dict[str, object]) -> None:
    with contextlib.suppress(Unreadable):
        decode_to_coordinator(msgpack.packb(fields))


@pytest.mark.parametrize("message", [Ping(id="m1"), Pong(id="m1")])
def test_a_message_survives_the_wire_with_fields_of_a_later_release(message: Ping | Pong) -> None:
    fields = {**msgpack.unpackb(encode(message)), "later": {"more": [1]}}
    decode = decode_to_coordinator if isinstance(message, Ping) else decode_to_agent
    assert decode(msgpack.packb(fields)) == message


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.0, True, [1]])
def test_another_version_is_refused_with_the_id_to_answer(version: object) -> None:
    with pytest.raises(UnspokenVersion) as caught:
        decode_to_coordinator(msgpack.packb({"v": version, "type": "ping", "id": "m1"}))
    assert caught.value.reply_to == "m1"


def test_an_address_in_the_digits_of_another_script_is_unreadable() -> None:
    held = Attachment(container_id="c1", ifname="eth0")
    fields = Allocated(
        id="m1",
        attachment=held,
        seq=1,
        view="default",
        subnet="10.0.0.0/8",
        addresses=[Address(address="10.0.0.5/8")],
    ).model_dump(exclude_none=True)
    assert decode_to_agent(msgpack.packb(fields))
    fields["addresses"][0]["address"] = "10.0.0.\N{ARABIC-INDIC DIGIT FIVE}/8"
    with pytest.raises(Unreadable):
        decode_to_agent(msgpack.packb(fields))


def test_two_megabytes_are_not_even_unpacked() -> None:
    with pytest.raises(Unreadable, match=f"at most {MESSAGE_BYTES_MAX}"):
        decode_to_coordinator(bytes(2 * MESSAGE_BYTES_MAX))


@given(message_id=values, version=values | st.just(1))
def test_an_answer_to_what_cannot_be_read_names_a_valid_id_or_there_is_none(
    message_id: object, version: object
) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_to_coordinator(msgpack.packb({"v": version, "id": message_id}))
    if caught.value.reply_to is not None:
        encode(Pong(id=caught.value.reply_to))
