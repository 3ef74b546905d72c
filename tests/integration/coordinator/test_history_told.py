"""The subcommands against a real coordinator: its socket, its grid, and peers that are the nodes."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from coordinator_process import Peer, Site

from ctl.admin import adopt, explain, history, node, verify
from ctl.failures import BadArgument, Failed, NotAsked
from demo.grid import ea
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from protocol.wire import messages
from protocol.wire.codec import decode_to_agent
from protocol.wire.values import Interface, Label

LABEL = Label(container_id="c1", ifname="eth0", pod="web-1", pod_namespace="shop")
POD = f"{7:064x}"
MAC = "02:00:00:00:77:02"

EMPTY_LISTS = """\
in the grid, not in the cluster: 0
in the cluster, not in the grid: 0
the same address twice: 0
"""

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def ask(site: Site, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a subcommand; its exit code with what it printed."""

    def run(module: ModuleType, *words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        parser.set_defaults(run=module.run)
        module.add_arguments(parser)
        arguments = parser.parse_args([*words, "--operator-socket", str(site.directory / "coordinator.sock")])
        code = arguments.run(arguments)
        return code, capsys.readouterr().out

    return run


@contextmanager
def answering(peer: Peer, *interfaces: Interface) -> Iterator[None]:
    """The node answers, meanwhile, what it is asked for a command."""
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            if not peer.socket.poll(50):
                continue
            message = decode_to_agent(peer.socket.recv())
            if isinstance(message, messages.Probe):
                peer.send(messages.ProbeAnswer(id=message.id, nonce=message.nonce))
            elif isinstance(message, messages.ListInterfaces):
                peer.send(messages.Interfaces(id=message.id, page=0, last=True, interfaces=list(interfaces)))
            else:
                peer.keep(message)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_verify_and_explain_tell_of_a_pod_and_of_a_node_that_went_away(site: Site, ask: Ask) -> None:
    site.start()
    peer = site.peer()
    peer.greeted()
    told = peer.allocated(LABEL)
    assert ask(verify) == (0, "cluster demo: 1 compared; 0 differences\n" + EMPTY_LISTS)
    for what in (told.address, "shop/web-1", "c1"):
        code, text = ask(explain, what)
        assert code == 0
        assert f"{told.address} in view default\n" in text
        assert "  freed by: the DEL of its pod\n" in text
    site.coordinator.kill()  # type: ignore[union-attr]
    site.start()
    code, text = ask(verify)
    assert code == 3
    assert text.startswith("cluster demo: 0 compared, 1 not; 0 differences\n")
    assert "not compared: 1 are of nodes whose agent is away" in text
    with pytest.raises(Failed, match=r"neither the grid nor a journal knows 10\.55\.0\.200"):
        ask(explain, "10.55.0.200")


def test_history_tells_who_had_an_address_across_the_death_of_the_coordinator(site: Site, ask: Ask) -> None:
    """A volume keeps what was; without one, the next coordinator knows what is so now and no more."""
    kept = "--history-dir", str(site.directory / "history")
    site.start(*kept)
    peer = site.peer()
    peer.greeted()
    first = peer.allocated(LABEL)
    peer.let_go(first.allocation)
    assert site.grid.wait_until(lambda: site.held() == {})
    second = peer.allocated(LABEL.model_copy(update={"pod": "web-2", "container_id": "c2"}))
    assert second.address == first.address
    code, before = ask(history, first.address)
    assert code == 0
    site.coordinator.kill()  # type: ignore[union-attr]
    site.start(*kept)
    code, after = ask(history, first.address)
    assert code == 0
    assert after.splitlines()[:3] == before.splitlines()[:3]
    web_1, web_2 = after.splitlines()[1:3]
    assert "  shop/web-1  eth0 " in web_1
    assert "  free at " in web_1
    assert "  now " in web_2
    assert "  shop/web-2  eth0 " in web_2
    assert f"from files in {kept[1]}, since " in after
    assert ask(history, "shop/web-1")[1].splitlines()[1].startswith(first.address)
    assert ask(history, first.address, "--at", "2020-01-01")[0] == 1
    site.coordinator.kill()  # type: ignore[union-attr]
    site.start()
    code, text = ask(history, "web-2")
    assert code == 0
    assert text.splitlines()[1].split()[2:6] == ["not", "known", "now", "shop/web-2"]
    assert "from its memory alone (--history-dir keeps it in files)" in text


def test_what_the_grid_lost_is_put_back_while_verify_waits(site: Site, ask: Ask) -> None:
    site.start()
    peer = site.peer()
    peer.greeted()
    told = peer.allocated(LABEL)
    (found,) = site.grid.objects()
    site.grid.delete(found["_ref"])
    code, text = ask(verify, "--repair")
    assert code == 0
    assert f"in the cluster, not in the grid: 1\n  {told.address}" in text
    assert "-> put back" in text
    assert site.held() == {told.allocation: told.address}


def test_a_rebuilt_machine_takes_its_nodes_place(site: Site, ask: Ask) -> None:
    site.start()
    old = site.peer()
    old.greeted()
    old.allocated(LABEL)
    site.coordinator.kill()  # type: ignore[union-attr]
    site.start()
    newcomer = site.peer(machine="serial-2", boot="boot-2")
    newcomer.greeted()
    with pytest.raises(BadArgument, match="--boot nonsense"):
        ask(node, "replace", "node-1", "--boot", "nonsense")
    with pytest.raises(NotAsked, match="no boot 00000000 of node-1 is known"):
        ask(node, "replace", "node-1", "--boot", "00000000")
    with answering(newcomer):
        code, text = ask(node, "replace", "node-1")
    assert code == 0
    assert text.startswith(
        f"node node-1: boot {newcomer.owner.boot} stays\nover: boot {old.owner.boot} of machine "
    )
    assert text.endswith("1 address freed\n")
    assert site.grid.wait_until(lambda: site.held() == {})


def test_an_address_of_the_original_goes_to_its_node(site: Site, ask: Ask) -> None:
    pods = (LegacyPod("web-2", POD, MAC),)
    create_legacy(site.grid, LegacyCluster("10.77.0.0/24", "10.77.0.1", tenant="demo", pods=pods))  # type: ignore[arg-type]
    site.start()
    peer = site.peer()
    peer.greeted()
    shown = Interface(namespace="/run/netns/old", inode=7, ifname="eth0", mac=MAC, addresses=["10.77.0.2"])
    with answering(peer, shown):
        code, text = ask(adopt, "--dry-run")
        assert code == 0
        assert (
            "to be adopted: 1\n  10.77.0.2       view default, container 000000000000 (web-2): eth0 on node-1"
            in text
        )
        assert site.held() == {}
        code, text = ask(adopt, "--yes")
    assert (code, text.splitlines()[-1]) == (0, "adopted 1 address")
    ((allocation, address),) = site.held().items()
    assert address == "10.77.0.2"
    (found,) = [each for each in site.grid.objects() if each["ipv4addr"] == address]
    assert [ea(found, name) for name in ("Location", "Interface Name", "VM ID")] == ["node-1", "eth0", POD]
    orphans = peer.receive(messages.Orphans, lambda page: bool(page.rows))
    assert [row.allocation for row in orphans.rows] == [allocation]
    peer.let_go(allocation)
    assert site.grid.wait_until(lambda: site.held() == {})
