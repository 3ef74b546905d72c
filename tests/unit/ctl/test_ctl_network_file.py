"""What a configuration file of a runtime says, and why it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctl.networks import file, masters, versions
from ctl.networks.failures import BadConfiguration
from ctl.networks.masters import Link

IPAM = {"type": "infoblox", "subnet": "10.55.0.0/24", "gateway": "0.0.0.1"}
PLUGIN = {"type": "macvlan", "master": "eth0", "ipam": IPAM}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}


def as_conf(**changes: Any) -> bytes:
    fields = {"cniVersion": "1.0.0", "name": "pods", **PLUGIN, **changes}
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def as_list(*plugins: Any, **changes: Any) -> bytes:
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": list(plugins), **changes}).encode()


def refused(name: str, data: bytes) -> str:
    with pytest.raises(BadConfiguration) as caught:
        file.read(name, data, "infoblox")
    return str(caught.value)


def test_a_single_plugin_is_read() -> None:
    found = file.read("10-pods.conf", as_conf(), "infoblox")
    assert (found.version, found.uses_driver) == ("1.0.0", True)
    assert found.executables == ("macvlan", "infoblox")
    assert found.masters("macvlan") == ("eth0",)


def test_a_list_of_plugins_is_read() -> None:
    found = file.read("10-pods.conflist", as_list(PLUGIN, PORTMAP), "infoblox")
    assert found.executables == ("macvlan", "portmap", "infoblox")
    assert found.uses_driver


def test_a_file_without_our_driver_passes_unexamined() -> None:
    data = as_conf(ipam={"type": "host-local", "subnet": "nonsense"})
    assert not file.read("10-pods.conf", data, "infoblox").uses_driver


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("pods", as_conf(), "its name must end with one of .conf, .conflist, .json"),
        ("pods.conf", b"{", "it is no JSON object: "),
        ("pods.conf", b"[]", "it is no JSON object: "),
        ("pods.conf", b" " * (1 << 20) + as_conf(), "it has more than 1 MiB"),
        ("pods.conf", as_conf(cniVersion=1), "cniVersion: must be a text"),
        ("pods.conf", as_conf(name=None), "name: must be a text"),
        ("pods.conf", as_conf(name="a b"), "name: must consist of"),
        ("pods.conf", as_conf(type=None), "type: must be the file name of a plugin"),
        ("pods.conf", as_conf(type="../sh"), "type: must be the file name of a plugin"),
        ("pods.conf", as_conf(ipam={"type": "/bin/sh"}), "ipam.type: must be the file name of a plugin"),
        (
            "pods.conf",
            as_conf(ipam={**IPAM, "subnett": 1}),
            "ipam.subnett: unknown key. Remove or correct it; known",
        ),
        (
            "pods.conf",
            as_conf(ipam={**IPAM, "gateway": "10.56.0.1"}),
            "ipam.gateway: 10.56.0.1 is outside the subnet",
        ),
        (
            "pods.conf",
            as_list(PLUGIN),
            "plugins: a list of plugins belongs into a file named *.conflist",
        ),
        ("pods.conflist", as_conf(), "plugins: must be a list"),
        ("pods.conflist", as_list(), "plugins: must be a list"),
        ("pods.conflist", as_list("macvlan"), "plugins[0]: must be a JSON object"),
        ("pods.conflist", as_list(PLUGIN, {}), "plugins[1].type: must be the file name of a plugin"),
        (
            "pods.conflist",
            as_list(PORTMAP, {**PLUGIN, "ipam": {**IPAM, "subnet": "10.55.0.0"}}),
            "plugins[1].ipam.subnet: is no subnet such as 10.0.0.0/16",
        ),
        ("pods.conflist", as_list(PLUGIN, name="a b"), "name: must consist of"),
        (
            "pods.conf",
            as_conf(ipam={**IPAM, "subnet": "192.0.2.0/24", "gateway": None}),
            "ipam.subnet: 192.0.2.0/24 is the example's",
        ),
        (
            "pods.conf",
            as_conf(ipam={"type": IPAM["type"], "ranges": [[{"subnet": "198.51.100.0/25"}]]}),
            "ipam.ranges: 198.51.100.0/25 is the example's",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_the_fields_name(name: str, data: bytes, complaint: str) -> None:
    assert refused(name, data).startswith(complaint)


@given(st.binary(max_size=200), st.sampled_from(["a.conf", "a.conflist"]))
def test_no_bytes_crash_the_reader(data: bytes, name: str) -> None:
    refused(name, data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["cniVersion", "name", "type", "plugins", "ipam", "master"])


@given(st.dictionaries(KEYS, JSON), st.sampled_from(["a.conf", "a.conflist"]))
def test_no_fields_crash_the_reader(changes: dict[str, Any], name: str) -> None:
    fields = {"cniVersion": "1.0.0", "name": "pods", "plugins": [{**PLUGIN, **changes}], **PLUGIN, **changes}
    try:
        found = file.read(name, json.dumps(fields).encode(), "infoblox")
    except BadConfiguration:
        return
    assert found.executables


def test_a_file_keeps_its_bytes_where_its_version_stays() -> None:
    data = as_conf()
    assert file.in_version(file.read("a.conf", data, "infoblox"), "1.0.0") is data


def test_only_the_version_of_a_file_changes() -> None:
    data = as_conf(cniVersion="1.1.0", comment="größer")
    changed = json.loads(file.in_version(file.read("a.conf", data, "infoblox"), "0.4.0"))
    assert changed == {**json.loads(data), "cniVersion": "0.4.0"}


OLD = frozenset({"0.3.0", "0.3.1", "0.4.0", "1.0.0"})
NEW = OLD | {"1.1.0"}


@pytest.mark.parametrize(
    ("named", "spoken", "chosen"),
    [
        (None, {"bridge": OLD, "infoblox": NEW}, "1.0.0"),
        ("0.4.0", {"bridge": OLD, "infoblox": NEW}, "0.4.0"),
        ("1.1.0", {"bridge": OLD, "infoblox": NEW}, "1.0.0"),
        ("1.1.0", {"bridge": NEW, "infoblox": NEW}, "1.1.0"),
        (None, {"bridge": NEW, "infoblox": NEW}, "1.0.0"),
        ("0.2.0", {"bridge": frozenset({"0.2.0", "0.3.1", "0.4.0"}), "infoblox": NEW}, "0.4.0"),
        (None, {"bridge": frozenset({"1.1.0"}), "infoblox": NEW}, "1.1.0"),
        (None, {"bridge": frozenset({"1.0.0", "1.0.0-rc"}), "infoblox": NEW}, "1.0.0"),
        (None, {}, "1.0.0"),
        ("0.4.0", {}, "0.4.0"),
    ],
)
def test_the_version_is_one_that_all_speak(
    named: str | None, spoken: dict[str, frozenset[str]], chosen: str
) -> None:
    assert versions.choose(named, spoken, versions.VERSION_MAX) == chosen


def test_plugins_without_a_common_version_are_named() -> None:
    with pytest.raises(BadConfiguration, match=r"bridge speaks 0\.1\.0, 0\.2\.0; infoblox speaks 1\.0\.0"):
        versions.choose(
            "1.0.0", {"bridge": frozenset({"0.2.0", "0.1.0"}), "infoblox": frozenset({"1.0.0"})}, "1.0.0"
        )


@pytest.mark.parametrize(
    ("kind", "link", "words"),
    [
        ("macvlan", None, ["no such interface"]),
        ("ipvlan", None, ["no such interface"]),
        ("ptp", None, []),
        ("macvlan", Link(is_up=True, is_promiscuous=False), ["is not promiscuous"]),
        ("ipvlan", Link(is_up=True, is_promiscuous=False), []),
        ("macvlan", Link(is_up=False, is_promiscuous=True), ["is down"]),
        ("macvlan", Link(is_up=True, is_promiscuous=True), []),
    ],
)
def test_a_master_that_cannot_serve_is_told(kind: str, link: Link | None, words: list[str]) -> None:
    found = file.read("a.conf", as_conf(type=kind), "infoblox")
    told = masters.complaints(found, {"eth0": link})
    assert len(told) == len(words)
    assert all("master eth0" in text and word in text for text, word in zip(told, words, strict=True))


@pytest.mark.parametrize(
    ("plugin", "is_there", "is_told"),
    [
        ({"bridge": "br0"}, False, True),
        ({"bridge": "br0"}, True, False),
        ({"bridge": "br0", "isGateway": True}, False, False),
        ({"bridge": "br0", "isDefaultGateway": True}, False, False),
        ({}, False, False),
    ],
)
def test_a_bridge_that_would_lead_nowhere_is_told(
    plugin: dict[str, Any], *, is_there: bool, is_told: bool
) -> None:
    found = file.read("a.conf", as_conf(type="bridge", master=None, **plugin), "infoblox")
    name = plugin.get("bridge", "cni0")
    told = masters.complaints(found, {name: Link(is_up=True, is_promiscuous=False) if is_there else None})
    assert [text.partition(":")[0] for text in told] == ([f"bridge {name}"] if is_told else [])
