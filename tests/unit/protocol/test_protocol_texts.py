"""Whatever text comes in: what is kept of it can be encoded, shown on one line, and obeys no terminal."""

from __future__ import annotations

import json
import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import given

from coordinator.cluster.metadata import read_page
from coordinator.grid.exchange import RefusedError
from coordinator.grid.wapi_reply import read_body
from nodeagent.cni.args import pod_of
from protocol.config_errors import ConfigInvalid
from protocol.network_config import validate
from protocol.texts import parse_json, scrub
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Declined, DeclineKind

any_text = st.text(st.characters(exclude_categories=()), max_size=30)
HOSTILE = "a\nb\rc\x00d\x1b[2Je\x7ff\u2028g\ud800h\x85i"


def is_harmless(text: str) -> bool:
    return text.isprintable() or all(unicodedata.category(each) not in ("Cc", "Cs", "Zl", "Zp") for each in text)


@given(text=any_text)
def test_what_is_scrubbed_is_one_line_that_can_be_encoded(text: str) -> None:
    scrubbed = scrub(text)
    assert is_harmless(scrubbed)
    assert scrubbed.encode().decode() == scrubbed
    assert scrub(scrubbed) == scrubbed


@given(
    value=st.recursive(any_text, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=9)
)
def test_every_text_of_decoded_json_is_scrubbed_however_it_was_written(value: object) -> None:
    for is_escaped in (True, False):
        written = json.dumps(value, ensure_ascii=is_escaped).encode("utf-8", "replace")
        assert all(map(is_harmless, texts_of(parse_json(written))))


def texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts_of(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    return [value] if isinstance(value, str) else []


def test_a_text_of_the_grid_is_scrubbed() -> None:
    body = json.dumps([{"comment": HOSTILE, "extattrs": {"VM Name": {"value": HOSTILE}}}]).encode()
    assert all(map(is_harmless, texts_of(read_body(200, body, "admin", "grid:443"))))
    with pytest.raises(RefusedError) as caught:
        read_body(400, json.dumps({"text": HOSTILE}).encode(), "admin", "grid:443")
    assert is_harmless(caught.value.refusal.text)


def test_a_name_of_kubernetes_is_scrubbed() -> None:
    metadata = {"name": "a\n\x1bb", "uid": "u\r", "resourceVersion": "1"}
    page = read_page(
        json.dumps({"metadata": {"resourceVersion": "1"}, "items": [{"metadata": metadata}]}).encode()
    )
    assert all(map(is_harmless, (page.objects[0].name, page.objects[0].uid)))


def test_a_pods_name_of_cni_args_is_scrubbed() -> None:
    pod = pod_of(f"K8S_POD_NAME={HOSTILE};K8S_POD_NAMESPACE=a\x1bb")
    assert pod.name
    assert is_harmless(pod.name)
    assert pod.namespace == "a\N{REPLACEMENT CHARACTER}b"


def test_a_text_of_the_other_daemon_is_scrubbed() -> None:
    declined = Declined.model_construct(id="m1", kind=DeclineKind.REFUSED, code=7, msg="a\x1bb", details="c\nd")
    answer = decode_to_agent(encode(declined))
    assert isinstance(answer, Declined)
    assert is_harmless(answer.msg + answer.details)


def test_a_view_with_control_characters_is_refused_rather_than_asked_for_under_another_name() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        validate({"name": "pods", "ipam": {"network-view": "a\x1bb"}})
    assert "ipam.network-view" in caught.value.msg
