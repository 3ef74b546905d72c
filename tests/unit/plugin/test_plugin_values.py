"""What the plugin computes without a socket: frames, names, JSON strings."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import infoblox

VARIABLES = st.lists(st.binary(max_size=200), max_size=8)
CONTAINERS = st.from_regex(rb"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}", fullmatch=True)
IFNAMES = st.binary(min_size=1, max_size=15).filter(
    lambda name: name not in (b".", b"..") and not set(name) & set(b"/: \t\n\v\f\r")
)
PROMISED_S = {"ADD": 60, "DEL": 5, "CHECK": 1, "STATUS": 1, "GC": 20}


WORDS = st.sampled_from(["ipam", "socket-dir", 'a"b\\', "\\", '"', ":", "{", "/run/cni"]) | st.text(max_size=3)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)
SECTIONS = st.dictionaries(WORDS, ANY_JSON, max_size=3)


def configured(document: str) -> str | None:
    """What a whole JSON reader finds at ipam.socket-dir."""
    try:
        found = json.loads(document)["ipam"]["socket-dir"]
    except (LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


def unframe(request: bytes) -> tuple[int, list[bytes], bytes]:
    """Read a request as docs/protocol.md describes it: version, variables, standard input."""
    body, position, variables = request[5:], 1, []
    assert int.from_bytes(request[1:5], "big") == len(body)
    for _ in range(body[0]):
        end = position + 4 + int.from_bytes(body[position : position + 4], "big")
        variables.append(body[position + 4 : end])
        position = end
    return request[0], variables, body[position:]


@given(VARIABLES, st.binary(max_size=2000))
def test_a_frame_reads_back_as_what_went_in(variables: list[bytes], stdin: bytes) -> None:
    assert unframe(infoblox.frame(variables, stdin)) == (1, variables, stdin)


def test_a_frame_has_the_documented_bytes() -> None:
    expected = bytes.fromhex("01 00000009 01 00000003") + b"A=B" + b"{"
    assert infoblox.frame([b"A=B"], b"{") == expected


def test_the_largest_frame_is_built_and_one_byte_more_is_refused() -> None:
    room = infoblox.FRAME_BYTES_MAX - 1
    assert len(infoblox.frame([], b"x" * room)) == infoblox.FRAME_BYTES_MAX + 5
    with pytest.raises(infoblox.CniError) as refusal:
        infoblox.frame([], b"x" * (room + 1))
    code, msg, details = refusal.value.args
    assert (code, msg) == (6, "standard input is larger than 1 MiB")
    assert "1048576" in details


@given(SECTIONS, SECTIONS | ANY_JSON, ANY_JSON, st.booleans(), st.sampled_from([None, 1]))
def test_the_socket_directory_is_read_as_a_whole_json_reader_does(
    top: dict[str, object], ipam: object, directory: object, ascii_only: bool, indent: int | None
) -> None:
    section = ipam | {"socket-dir": directory} if isinstance(ipam, dict) else ipam
    document = json.dumps(top | {"ipam": section}, ensure_ascii=ascii_only, indent=indent)
    assert infoblox.json_text(document, "ipam", "socket-dir") == configured(document)


@pytest.mark.parametrize(
    "document",
    [
        '{"ipam":{"socket-dir":"/a"},"ipam":{}}',
        '{"ipam":{"socket-dir":"/a","socket-dir":"/b"}}',
        '{"ipam":{"socket-dir":"/a","socket-dir":5}}',
        '{"\\u0069pam" : {"socket-dir" : "\\u002fa\\/b\\ud83d\\ude00"}}',
        '{"ipam":{"socket-dir":5,"x":"socket-dir","y":"/b"}}',
        '{"ipam":{"socket-dir":["/a"]}}',
        '{"ipam":{"socket-dir":{"socket-dir":"/a"}}}',
        '{"ipam":[{"socket-dir":"/a"}]}',
    ],
)
def test_the_last_of_several_counts_and_only_at_its_place(document: str) -> None:
    assert infoblox.json_text(document, "ipam", "socket-dir") == configured(document)


@given(st.text(alphabet='{}[]":,\\u0 ipam') | st.text())
def test_what_is_no_json_names_a_directory_or_none_or_is_a_value_error(document: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(infoblox.json_text(document, "ipam", "socket-dir"), str | None)


@given(st.text())
def test_a_quoted_text_is_that_text_for_a_json_reader(text: str) -> None:
    if not any(words in text for words in ("not found", "no such file or directory")):
        assert json.loads(infoblox.quote(text)) == text


@given(st.characters(categories=("Cs",)))
def test_a_lone_surrogate_in_an_error_is_still_valid_json(surrogate: str) -> None:
    assert json.loads(infoblox.error_json(b"", 7, surrogate, ""))["msg"] == surrogate


@pytest.mark.parametrize("words", ["not found", "no such file or directory"])
def test_words_that_runtimes_take_for_success_never_leave_the_plugin(words: str) -> None:
    output = infoblox.error_json(b"", 11, f"/run/{words}/x.sock", f"{words}; remedy")
    assert words.encode() not in output
    assert json.loads(output)["msg"] == "/run/nothing there/x.sock"


@given(st.tuples(CONTAINERS, IFNAMES), st.tuples(CONTAINERS, IFNAMES))
def test_two_attachments_never_share_a_pending_file(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> None:
    assert (infoblox.pending_name(*one) == infoblox.pending_name(*other)) == (one == other)


@given(CONTAINERS, IFNAMES)
def test_a_pending_file_name_fits_a_directory_and_is_never_hidden(container: bytes, ifname: bytes) -> None:
    name = infoblox.pending_name(container, ifname)
    assert len(name) <= 255
    assert not name.startswith(b".")
    assert b"/" not in name


def test_dashes_and_percent_signs_of_an_interface_are_written_as_documented() -> None:
    assert infoblox.pending_name(b"c-1", b"a-b%c") == b"c-1-a%2Db%25c"
    assert infoblox.pending_name(b"c", b"1-eth0") != infoblox.pending_name(b"c-1", b"eth0")


@pytest.mark.parametrize(
    ("container", "ifname", "field"),
    [
        (b"", b"eth0", "CNI_CONTAINERID"),
        (b".hidden", b"eth0", "CNI_CONTAINERID"),
        (b"-", b"eth0", "CNI_CONTAINERID"),
        (b"a/b", b"eth0", "CNI_CONTAINERID"),
        (b"a\n", b"eth0", "CNI_CONTAINERID"),
        (b"\xc3\xa4", b"eth0", "CNI_CONTAINERID"),
        (b"a" * 201, b"eth0", "CNI_CONTAINERID"),
        (b"c1", b"", "CNI_IFNAME"),
        (b"c1", b".", "CNI_IFNAME"),
        (b"c1", b"..", "CNI_IFNAME"),
        (b"c1", b"a/b", "CNI_IFNAME"),
        (b"c1", b"a:b", "CNI_IFNAME"),
        (b"c1", b"a b", "CNI_IFNAME"),
        (b"c1", b"sixteen-bytes-xx", "CNI_IFNAME"),
    ],
)
def test_an_attachment_without_a_valid_name_is_refused_by_its_variable(
    container: bytes, ifname: bytes, field: str
) -> None:
    with pytest.raises(infoblox.CniError) as refusal:
        infoblox.pending_name(container, ifname)
    assert refusal.value.args[0] == 4
    assert refusal.value.args[1].startswith(field)


@pytest.mark.parametrize(
    ("stdin", "version"),
    [
        (b'{"cniVersion":"0.4.0","name":"n"}', "0.4.0"),
        (b'{ "cniVersion" : "1.1.0" }', "1.1.0"),
        (b'{"cniVersion":"0.3.1", broken', "0.3.1"),
        (b"", "1.0.0"),
        (b'{"cniVersion":5}', "1.0.0"),
        (b'{"cniVersion":null,"name":"1.1.0"}', "1.0.0"),
        (b'{"cniVersion":"<script>"}', "1.0.0"),
        (b'{"cniVersion":"1.1', "1.0.0"),
        (b'{"cniVersion":"' + b"1" * 5000 + b'"}', "1.0.0"),
    ],
)
def test_an_error_answers_in_the_version_that_was_asked_for(stdin: bytes, version: str) -> None:
    assert infoblox.cni_version(stdin) == version


@pytest.mark.parametrize(
    ("executable", "name"),
    [
        ("/opt/cni/bin/infoblox", "infoblox"),
        ("infoblox-test", "infoblox-test"),
        ("/src/plugin/infoblox.py", "infoblox"),
        ("", "infoblox"),
        ("/opt/cni/bin/", "infoblox"),
    ],
)
def test_the_driver_is_named_after_its_file(executable: str, name: str) -> None:
    assert infoblox.driver_name(executable) == name


def test_every_verb_gives_up_before_its_promised_limit() -> None:
    assert infoblox.LIMITS.keys() == PROMISED_S.keys()
    for verb, (patience_s, answer_s) in infoblox.LIMITS.items():
        assert patience_s <= answer_s < PROMISED_S[verb]
    assert infoblox.LIMITS["DEL"][1] <= 2
