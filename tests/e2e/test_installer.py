"""`cni-infoblox install --watch` on a node with a real agent and the real main plugins."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroute2 import NetNS

from demo.cluster import Cluster
from demo.links import add_namespace, inside, remove_namespace
from tests.e2e.installer_world import LOOKS_S, NAME, InstallerWorld, netconf, page

WITHOUT_CAPABILITIES = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")


@pytest.fixture
def world(tmp_path: Path, cluster: Cluster) -> Iterator[InstallerWorld]:
    """A node whose agent serves."""
    made = InstallerWorld(tmp_path, cluster.node.socket_dir)
    yield made
    made.stop()


@pytest.fixture
def node_netns() -> Iterator[str]:
    """A network namespace with the interface `eth9`, which is up."""
    name = f"ibinst-{secrets.token_hex(4)}"
    add_namespace(name)
    with NetNS(name) as links:
        links.link("add", ifname="eth9", kind="veth", peer={"ifname": "peer9"})
        for ifname in ("lo", "eth9", "peer9"):
            links.link("set", index=links.link_lookup(ifname=ifname)[0], state="up")
    yield name
    remove_namespace(name)


def written(world: InstallerWorld, name: str = NAME) -> dict[str, object]:
    return dict(json.loads((world.conf_dir / name).read_bytes()))


def test_plugin_and_configuration_come_in_the_highest_version_that_all_speak(world: InstallerWorld) -> None:
    world.configure(netconf())
    installer = world.start(launcher=WITHOUT_CAPABILITIES)
    world.in_place()
    assert written(world) == {"cniVersion": "1.0.0", **netconf()}
    assert world.file.stat().st_mode & 0o777 == 0o600
    assert page(installer, "/readyz") == (200, "ok\n")
    events = [line["event"] for line in installer.lines]
    assert events.index("plugin_installed") < events.index("configuration_written")


def test_a_version_that_a_main_plugin_lacks_is_replaced(world: InstallerWorld) -> None:
    world.configure(netconf(cniVersion="1.1.0"))
    installer = world.start()
    world.in_place()
    assert written(world)["cniVersion"] == "1.0.0"
    assert "1.1.0" in installer.wait_for("cni_version_replaced")["why"]


def test_a_file_whose_version_stays_is_written_byte_for_byte(world: InstallerWorld) -> None:
    text = json.dumps(netconf(cniVersion="0.4.0")) + "   \n\n"
    world.configure(text)
    world.start()
    world.in_place()
    assert world.file.read_text() == text


def test_no_configuration_appears_before_the_agent_serves(tmp_path: Path, cluster: Cluster) -> None:
    node = cluster.node
    world = InstallerWorld(tmp_path, node.socket_dir)
    assert node.agent
    node.agent.stop()
    (node.socket_dir / "infoblox.alive").unlink()
    try:
        world.configure(netconf())
        installer = world.start()
        installer.wait_for("configuration_waits", lambda line: "agent" in line["why"])
        assert world.plugin.exists()
        assert not world.file.exists()
        code, why = page(installer, "/readyz")
        assert (code, why.startswith("configuration waiting: the node's agent does not serve yet")) == (503, True)
        node.start_agent()
        world.in_place()
        assert world.file.exists()
    finally:
        world.stop()
        if node.agent.process.poll() is not None:
            node.start_agent()


def test_a_valid_edit_reaches_the_node_an_invalid_one_does_not(world: InstallerWorld) -> None:
    world.configure(netconf())
    installer = world.start()
    world.in_place()

    world.configure(netconf(bridge="other0"))
    world.written(2)
    assert written(world)["bridge"] == "other0"

    before = world.file.read_bytes()
    world.configure(netconf(ipam={"type": "infoblox", "subnett": "10.55.0.0/24"}))
    refused = installer.wait_for("configuration_refused", timeout_s=LOOKS_S)
    assert "ipam.subnett: unknown key" in refused["why"]
    code, why = page(installer, "/readyz")
    assert (code, "ipam.subnett: unknown key" in why) == (503, True)
    assert world.file.read_bytes() == before

    world.configure(netconf(bridge="third0"))
    world.written(3)
    world.in_place(2)
    assert written(world)["bridge"] == "third0"
    assert page(installer, "/readyz") == (200, "ok\n")


def test_an_unusable_config_map_is_told(world: InstallerWorld) -> None:
    world.set_keys({"ipam_conf_file_name": "a.conf", "b.conf": "{}"})
    assert "names a.conf, but there is no such key" in world.start().wait_for("configuration_refused")["why"]
    assert list(world.conf_dir.iterdir()) == []


def test_stopping_removes_nothing_and_starting_again_rewrites_nothing(world: InstallerWorld) -> None:
    world.configure(netconf())
    installer = world.start()
    world.in_place()
    files = (world.plugin, world.file)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    assert installer.stop() == 0
    world.start()
    world.in_place()
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files] == before


def test_what_somebody_removed_or_changed_is_put_back(world: InstallerWorld) -> None:
    world.configure(netconf())
    installer = world.start()
    world.in_place()
    plugin, config = world.plugin.read_bytes(), world.file.read_bytes()

    world.plugin.unlink()
    world.file.unlink()
    installer.wait_for_count("plugin_installed", 2, LOOKS_S)
    world.written(2)
    assert (world.plugin.read_bytes(), world.file.read_bytes()) == (plugin, config)

    world.plugin.write_bytes(b"#!/bin/false\n")
    world.file.write_text("{}")
    installer.wait_for_count("plugin_installed", 3, LOOKS_S)
    world.written(3)
    assert (world.plugin.read_bytes(), world.file.read_bytes()) == (plugin, config)


def test_a_configuration_that_sorts_first_is_told_once_and_left_alone(world: InstallerWorld) -> None:
    other = world.conf_dir / "05-other.conflist"
    other.write_text("{}")
    (world.conf_dir / "99-later.conf").write_text("{}")
    world.configure(netconf())
    installer = world.start()
    warned = installer.wait_for("other_configuration_first")
    assert "05-other.conflist" in warned["why"]
    world.configure(netconf(bridge="other0"))
    world.written(2)
    assert installer.count("other_configuration_first") == 1
    assert other.read_text() == "{}"
    assert page(installer, "/readyz")[0] == 200
    assert "cni_infoblox_installer_warnings" in page(installer, "/metrics")[1]


def test_a_new_file_name_takes_the_place_of_what_was_written_under_the_old(world: InstallerWorld) -> None:
    world.configure(netconf())
    installer = world.start()
    world.in_place()
    world.configure(netconf(), "20-pods.conf")
    removed = installer.wait_for("configuration_removed", timeout_s=LOOKS_S)
    assert (removed["file"], removed["successor"]) == (NAME, "20-pods.conf")
    assert not world.file.exists()
    assert written(world, "20-pods.conf") == {"cniVersion": "1.0.0", **netconf()}


def test_a_file_of_the_old_name_that_somebody_changed_is_left(world: InstallerWorld) -> None:
    world.configure(netconf())
    world.start().wait_for("configuration_written")
    world.in_place()
    world.stop()
    world.file.write_text('{"mine": true}')
    world.configure(netconf(), "20-pods.conf")
    assert world.start().wait_for("configuration_left")["file"] == NAME
    assert world.file.read_text() == '{"mine": true}'


def test_a_configuration_waits_for_its_main_plugin(world: InstallerWorld) -> None:
    (world.bin_dir / "bridge").unlink()
    world.configure(netconf())
    installer = world.start()
    installer.wait_for("configuration_waits", lambda line: "there is no plugin bridge" in line["why"])
    (world.bin_dir / "bridge").symlink_to("/usr/lib/cni/bridge")
    world.in_place()


def test_a_master_is_looked_at_and_set_promiscuous_where_that_is_asked(
    world: InstallerWorld, node_netns: str
) -> None:
    world.configure(netconf(type="macvlan", master="eth9"))
    asking = world.start(launcher=inside(node_netns, []))
    assert "eth9: is not promiscuous" in asking.wait_for("master_unfit")["why"]
    world.in_place()
    asking.stop()

    powerless = inside(node_netns, ["setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin"])
    refused = world.start("--set-promiscuous", launcher=powerless).wait_for("promiscuous_not_set")
    assert "NET_ADMIN" in refused["why"]
    world.stop()

    setting = world.start("--set-promiscuous", launcher=inside(node_netns, []))
    assert setting.wait_for("promiscuous_set")["master"] == "eth9"
    world.in_place()
    shown = subprocess.run(inside(node_netns, ["ip", "link", "show", "eth9"]), capture_output=True, check=True)
    assert b"PROMISC" in shown.stdout
    assert setting.count("master_unfit") == 0


def test_a_missing_master_is_told(world: InstallerWorld, node_netns: str) -> None:
    world.configure(netconf(type="macvlan", master="eth7"))
    installer = world.start(launcher=inside(node_netns, []))
    assert "eth7: this node has no such interface" in installer.wait_for("master_unfit")["why"]


def test_two_installers_do_not_look_after_one_plugin(world: InstallerWorld) -> None:
    world.configure(netconf())
    world.start().wait_for("started")
    second = world.start()
    assert second.wait_exit() == 1
    assert "an installer looks after" in second.tail()


def test_without_a_config_map_only_the_plugin_is_looked_after(world: InstallerWorld) -> None:
    installer = world.start(configured=False)
    installer.wait_for("plugin_installed")
    assert page(installer, "/readyz") == (200, "ok\n")
    assert list(world.conf_dir.iterdir()) == []


def test_a_plugin_that_cannot_be_written_is_told_and_tried_again(world: InstallerWorld) -> None:
    (world.plugin / "in the way").mkdir(parents=True)
    installer = world.start(configured=False)
    installer.wait_for("plugin_not_installed")
    assert page(installer, "/readyz")[0] == 503
    (world.plugin / "in the way").rmdir()
    world.plugin.rmdir()
    installer.wait_for("plugin_installed", timeout_s=LOOKS_S)
