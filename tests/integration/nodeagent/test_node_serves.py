"""One agent process, from the plugin's frame to the coordinator's answer and back."""

from __future__ import annotations

import json
import re
import socket
import stat
import struct

import pytest
from node_world import World, a_config, fetch, frame_of, lines_of

from protocol.wire.messages import Allocate, Claims, Hello, LetGo, SetLabels


def test_an_add_gets_the_coordinators_address_in_the_asked_version(node: World) -> None:
    node.start()

    answer = node.add(config=a_config(cniVersion="0.4.0"))

    assert answer.exit_code == 0
    assert answer.json == {
        "cniVersion": "0.4.0",
        "ips": [{"version": "4", "address": "10.55.0.2/24", "gateway": "10.55.0.1"}],
        "dns": {},
    }


def test_a_repeated_add_is_answered_from_the_journal_without_a_message(node: World) -> None:
    node.start()
    first = node.add()
    node.coordinator.expect(Allocate)

    assert node.add().stdout == first.stdout
    assert node.coordinator.received.empty()


def test_a_del_is_answered_before_the_coordinator_answers(node: World) -> None:
    node.start()
    node.add()
    node.coordinator.policy = lambda message: []

    assert node.delete().exit_code == 0

    (row,) = node.coordinator.expect(LetGo).allocations
    assert row.was_held


def test_two_interfaces_of_one_container_are_two_attachments(node: World) -> None:
    node.start()
    one, two = node.add(ifname="net1"), node.add(ifname="net2")
    assert one.address != two.address

    node.delete(ifname="net1")
    node.coordinator.expect(LetGo)

    assert node.add(ifname="net2").address == two.address
    assert [each.label.ifname for each in node.coordinator.book.objects.values() if each.label] == ["net2"]


@pytest.mark.parametrize(
    "variables",
    [{}, {"CNI_NETNS": ""}, {"CNI_ARGS": "x"}, {"CNI_NETNS": "/gone"}],
    ids=["none", "empty netns", "odd args", "gone"],
)
@pytest.mark.parametrize(
    "config", [{"cniVersion": "1.0.0"}, a_config(ipam={"type": "infoblox", "typo": 1}), a_config()]
)
def test_a_del_needs_only_the_attachment(
    node: World, variables: dict[str, str], config: dict[str, object]
) -> None:
    node.start()
    node.add()
    kept = node.add("c2").address

    assert node.delete(config=config, **variables).exit_code == 0

    node.coordinator.expect(LetGo)
    assert [f"{each.address}/24" for each in node.coordinator.book.objects.values()] == [kept]


def test_check_status_gc_version_are_answered_without_a_message(node: World) -> None:
    node.start()
    added = node.add(config=a_config())
    node.coordinator.expect(Allocate)

    check = node.call("CHECK", config=a_config(prevResult=added.json)).answer()
    unknown = node.call("CHECK", container="c2").answer()
    status, gc, version = (node.call(verb).answer() for verb in ("STATUS", "GC", "VERSION"))

    assert [(answer.exit_code, answer.stdout) for answer in (check, status, gc)] == [(0, b"")] * 3
    assert (unknown.exit_code, unknown.json["code"]) == (1, 120)
    assert "1.1.0" in version.json["supportedVersions"]
    assert node.coordinator.received.empty()


def test_an_error_names_the_field_and_the_request_that_the_log_knows(node: World) -> None:
    agent = node.start()

    answer = node.add(config=a_config(ipam={"type": "infoblox", "subnett": "10.0.0.0/8"}))

    assert (answer.exit_code, answer.json["code"], answer.json["msg"]) == (1, 7, "ipam.subnett: unknown key")
    request_id = re.search(r"request (r-[0-9a-f]{10})$", answer.json["details"])
    assert request_id
    assert request_id[1] in agent.expect_log("add_failed")


def test_the_request_id_of_an_add_reaches_coordinator_and_log(node: World) -> None:
    agent = node.start()
    address = node.add().address

    request_id = node.coordinator.expect(Allocate).id
    line = agent.expect_log("event=allocated")
    assert f"request={request_id}" in line
    assert f"address={address}" in line
    assert "wapi_calls=1" in line


def test_an_unknown_frame_version_is_told_as_a_cni_error(node: World) -> None:
    node.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(node.socket_path))
        sock.sendall(b"\x02whatever")
        head = sock.recv(5)
        code, length = struct.unpack(">BI", head)
        answer = json.loads(sock.recv(length))
    assert (code, answer["code"]) == (1, 11)


def test_a_frame_of_five_megabytes_is_refused_and_the_agent_goes_on(node: World) -> None:
    node.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(node.socket_path))
        sock.sendall(struct.pack(">BI", 1, 5_000_000) + b"x" * 1000)
        _, length = struct.unpack(">BI", sock.recv(5))
        assert json.loads(sock.recv(length))["code"] == 6
    assert node.add().exit_code == 0


def test_many_adds_at_once_get_different_addresses(node: World) -> None:
    node.start()
    plugins = [node.call("ADD", f"c{number}") for number in range(200)]

    addresses = {plugin.answer().address for plugin in plugins}

    assert len(addresses) == 200


def test_a_second_add_joins_the_first(node: World) -> None:
    node.start()
    book = node.coordinator.book
    node.coordinator.policy = lambda message: []
    first = node.call("ADD")
    allocate = node.coordinator.expect(Allocate)
    second = node.call("ADD")
    assert node.call("STATUS").answer().exit_code == 0

    node.coordinator.send(book.allocate(allocate))

    assert first.answer().address == second.answer().address
    assert node.coordinator.received.empty()


def test_a_del_overtakes_the_add_in_flight(node: World) -> None:
    node.start()
    node.coordinator.policy = lambda message: []
    add = node.call("ADD")
    allocate = node.coordinator.expect(Allocate)

    assert node.delete().exit_code == 0

    failed = add.answer()
    assert (failed.json["code"], failed.json["msg"]) == (11, "withdrawn by DEL of the same attachment")
    node.coordinator.send(node.coordinator.book.allocate(allocate))
    assert node.next_let_go() == "c1"


def test_an_add_in_flight_asks_a_new_coordinator_under_another_id(node: World) -> None:
    node.start()
    node.coordinator.policy = lambda message: []
    add = node.call("ADD")
    first = node.coordinator.expect(Allocate)

    node.restart_coordinator()

    assert add.answer().exit_code == 0
    again = node.coordinator.expect(Allocate)
    assert again.id == first.id
    assert again.allocation != first.allocation


def test_a_hello_lists_what_is_held(node: World) -> None:
    node.start()
    address = node.add().address
    node.coordinator.expect(Allocate)

    node.restart_coordinator()

    (claim,) = node.coordinator.expect(Claims).claims
    assert (f"{claim.address}/24", claim.state, claim.network_name) == (address, "held", "pods")
    assert (claim.view, claim.subnet) == ("default", "10.55.0.0/24")


def test_a_plugin_killed_before_it_read_its_answer_leaves_nothing_of_its_ask(node: World) -> None:
    agent = node.start()
    book = node.coordinator.book
    node.coordinator.policy = lambda message: []
    add = node.call("ADD")
    allocate = node.coordinator.expect(Allocate)
    add.kill()
    agent.expect_log("plugin_hung_up")

    node.coordinator.policy = book.answer
    assert node.add().exit_code == 0
    assert node.coordinator.expect(Allocate).allocation != allocate.allocation
    node.coordinator.send(book.allocate(allocate))
    assert [row.allocation for row in node.coordinator.expect(LetGo).allocations] == [allocate.allocation]


def test_other_users_files_are_out_of_reach(node: World) -> None:
    node.start()
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (
            node.socket_dir,
            node.socket_path,
            node.pending_dir,
            node.run_dir,
            node.run_dir / "node-1-infoblox.journal",
        )
    }
    assert list(modes.values()) == [0o700, 0o600, 0o700, 0o700, 0o600]


def test_the_status_port_tells_readiness_state_and_numbers(node: World) -> None:
    node.coordinator.policy = lambda message: []
    agent = node.launch()
    port = int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]
    agent.expect_log("serving")
    hello = node.coordinator.expect(Hello)
    assert fetch(port, "/readyz")[0] == 503

    node.coordinator.policy = node.coordinator.book.answer
    (welcome,) = node.coordinator.book.welcome(hello)
    node.coordinator.send(welcome)
    agent.expect_log("coordinator_reached")
    node.add()
    node.add(config=b"")

    assert fetch(port, "/readyz") == (200, b"ok\n")
    status = json.loads(fetch(port, "/status")[1])
    assert (status["node"], status["connected"], status["socket_open"]) == ("node-1", True, True)
    metrics = fetch(port, "/metrics")[1].decode()
    assert 'cni_infoblox_agent_requests_total{code="0",verb="ADD"} 1.0' in metrics
    assert 'cni_infoblox_agent_requests_total{code="6",verb="ADD"} 1.0' in metrics


def test_no_key_appears_in_the_log(node: World) -> None:
    agent = node.start(log_level="debug")
    node.add()
    node.delete()
    agent.terminate()
    agent.wait()
    secrets = (node.agent_pair.secret.decode(), node.coordinator_pair.secret.decode())
    assert not [line for secret in secrets for line in lines_of(agent, secret)]


def test_the_alive_file_appears_once_connected(node: World) -> None:
    agent = node.start()
    assert node.call("STATUS").answer().exit_code == 0
    agent.terminate()
    assert agent.wait() == 0
    assert (node.socket_dir / "infoblox.alive").exists()


def test_extra_descriptors_are_closed_and_none_stays_open(node: World) -> None:
    agent = node.start()
    node.add()
    before = node.open_files(agent)
    for number in range(20):
        descriptors = [node.own_namespace() for _ in range(5)]
        frame = frame_of(
            {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"x{number}", "CNI_IFNAME": "eth0", "CNI_NETNS": "/n"},
            json.dumps(a_config()).encode(),
        )
        assert node.raw(frame, descriptors).answer().exit_code == 0
        assert node.delete(f"x{number}").exit_code == 0
    assert node.call("STATUS").answer().exit_code == 0
    assert node.open_files(agent) < before + 20, "one left open per request"


def test_an_address_is_asked_for_told_again_and_let_go(node: World) -> None:
    node.start()
    hello = node.coordinator.expect(Hello)
    claims = node.coordinator.expect(Claims)
    assert (hello.node, claims.welcome, claims.claims, claims.let_go) == ("node-1", 1, [], [])

    first = node.add("c1")
    asked = node.coordinator.expect(Allocate)
    assert first.address == "10.55.0.2/24"
    assert (asked.label.container_id, asked.label.ifname) == ("c1", "eth0")
    assert asked.allocation.split("-")[-2] == hello.journal
    assert node.add("c1").json == first.json

    assert node.delete("c1").exit_code == 0
    assert [row.allocation for row in node.coordinator.expect(LetGo).allocations] == [asked.allocation]
    assert node.delete("c1").exit_code == 0


def test_what_is_ready_is_given_at_once_and_labelled_afterwards(node: World) -> None:
    node.coordinator.book.reserve = 1
    node.start()
    assert node.add("c1").address == "10.55.0.2/24"
    node.coordinator.expect(Allocate)
    refill = node.coordinator.expect(Allocate)
    assert refill.for_reserve

    node.coordinator.policy = lambda _: []
    assert node.add("c2").address == "10.55.0.3/24"
    labels = node.coordinator.expect(SetLabels).labels
    assert [(row.allocation, row.label.container_id) for row in labels] == [(refill.allocation, "c2")]
