"""`cni-infoblox validate` on real files, plugins and interfaces."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import NetNS

from demo.links import add_namespace, inside, remove_namespace

MAIN_PLUGINS = "/usr/lib/cni"


@pytest.fixture
def node() -> Iterator[str]:
    """A network namespace with `eth9`, up, which is no promiscuous interface."""
    name = f"ibctl-{secrets.token_hex(4)}"
    add_namespace(name)
    with NetNS(name) as links:
        links.link("add", ifname="eth9", kind="veth", peer={"ifname": "peer9"})
        for ifname in ("eth9", "peer9"):
            links.link("set", index=links.link_lookup(ifname=ifname)[0], state="up")
    yield name
    remove_namespace(name)


def config(**changes: Any) -> dict[str, Any]:
    ipam = {"type": "infoblox", "subnet": "10.55.0.0/24"}
    fields = {"cniVersion": "1.0.0", "name": "pods", "type": "bridge", "isGateway": True, "ipam": ipam, **changes}
    return {key: value for key, value in fields.items() if value is not None}


def validate(path: Path, content: Any, *flags: str, netns: str | None = None) -> tuple[int, list[str], str]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    command = [sys.executable, "-m", "ctl", "validate", str(path), *flags]
    done = subprocess.run(
        inside(netns, command) if netns else command, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_good_file_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "pods.conf"
    assert validate(path, config()) == (0, [f"{path}: can be used"], "")


@pytest.mark.parametrize("ipam", [{"gateway": "10.55.0.9"}, {}], ids=["named", "absent"])
@pytest.mark.parametrize("implied", [{"isGateway": True}, {"isDefaultGateway": True}, {"ISGATEWAY": True}, {}])
def test_a_bridge_without_gateway_is_told(tmp_path: Path, implied: dict[str, bool], ipam: dict[str, str]) -> None:
    path = tmp_path / "pods.conf"
    section = {"type": "infoblox", "subnet": "10.55.0.0/24", **ipam}
    code, (*notes, last), _ = validate(path, config(ipam=section, **{"isGateway": None, **implied}))
    assert (code, last) == (0, f"{path}: can be used")
    expected = [] if implied or ipam else [f"{path}: warning: plugin bridge: neither isGateway nor ipam.gateway"]
    assert [note.partition(",")[0] for note in notes] == expected


def test_a_ptp_without_gateway_is_told_which_one_it_gets(tmp_path: Path) -> None:
    path = tmp_path / "pods.conflist"
    ipam = {"type": "infoblox", "subnet": "10.55.0.0/24"}
    plugins = [{"type": "ptp", "ipam": ipam}, {"type": "ptp", "ipam": {**ipam, "gateway": "0.0.0.1"}}]
    code, lines, _ = validate(path, {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins})
    assert code == 0
    assert len(lines) == 2
    assert "plugin ptp: ipam.gateway is absent, so the first host" in lines[0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"args": {"cni": {"ips": ["10.55.0.7"]}}}, "args.cni.ips: 10.55.0.7"),
        ({"ipam": {"type": "infoblox", "subnet": "10.55.0.0/31"}}, "ipam.subnet: 10.55.0.0/31 has no room"),
        ({"ipam": {"type": "infoblox", "subnet": "127.0.0.0/8"}}, "ipam.subnet: 127.0.0.0/8 reaches into"),
    ],
)
def test_what_no_pod_could_be_added_with_cannot_be_used(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    path = tmp_path / "pods.conf"
    code, _, complaint = validate(path, config(**changes))
    assert code == 1
    assert complaint.startswith(f"cni-infoblox: {path}: {field}")


def test_a_typing_error_is_one_line_that_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "pods.conf"
    code, _, complaint = validate(path, config(ipam={"type": "infoblox", "subnett": "10.55.0.0/24"}))
    assert code == 1
    assert complaint.startswith(f"cni-infoblox: {path}: ipam.subnett: unknown key")
    assert complaint.count("\n") == 1


def test_a_file_that_is_missing_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ctl", "validate", str(tmp_path / "absent.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "absent.conf") in done.stderr


def test_the_plugins_of_the_machine_decide_about_the_version(tmp_path: Path) -> None:
    path = tmp_path / "pods.conf"
    foreign = config(cniVersion="1.1.0", ipam={"type": "host-local"})
    code, lines, _ = validate(path, foreign, "--cni-bin-dir", MAIN_PLUGINS)
    assert code == 0
    assert any("cniVersion: is 1.1.0; set it to 1.0.0" in line for line in lines)


def test_a_plugin_that_is_missing_is_named(tmp_path: Path) -> None:
    code, _, complaint = validate(tmp_path / "pods.conf", config(), "--cni-bin-dir", MAIN_PLUGINS)
    assert code == 1
    assert f"there is no plugin infoblox in {MAIN_PLUGINS}" in complaint


def test_an_absent_version_is_told(tmp_path: Path) -> None:
    code, lines, _ = validate(tmp_path / "pods.conf", config(cniVersion=None))
    assert code == 0
    assert any("cniVersion: is absent" in line for line in lines)


def test_the_masters_of_this_node_are_looked_at(tmp_path: Path, node: str) -> None:
    macvlan = config(type="macvlan", master="eth9")
    path = tmp_path / "pods.conf"
    _, lines, _ = validate(path, macvlan, netns=node)
    assert lines[0].startswith(f"{path}: warning: master eth9: is not promiscuous")
    subprocess.run(inside(node, ["ip", "link", "set", "eth9", "promisc", "on"]), check=True)
    assert validate(path, macvlan, netns=node) == (0, [f"{path}: can be used"], "")
    _, lines, _ = validate(path, config(type="ipvlan", master="eth7"), netns=node)
    assert lines[0].startswith(f"{path}: warning: master eth7: this node has no such interface")
