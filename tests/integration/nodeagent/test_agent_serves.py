"""One agent process, from the plugin's frame to the coordinator's answer and back."""

from __future__ import annotations

import json
import re
import socket
import stat
import struct

import pytest
from agent_world import World, a_config, fetch, frame_of, lines_of

from protocol.wire.messages import Allocate, Claims, Hello, LetGo, SetLabels


def test_an_add_gets_the_coordinators_address_in_the_asked_version(world: World) -> None:
    world.start()

    answer = world.add(config=a_config(cniVersion="0.4.0"))

    assert answer.exit_code == 0
    assert answer.json == {
        "cniVersion": "0.4.0",
        "ips": [{"version": "4", "address": "10.55.0.2/24", "gateway": "10.55.0.1"}],
        "dns": {},
    }


def test_a_repeated_add_is_answered_from_the_journal_without_a_message(world: World) -> None:
    world.start()
    first = world.add()
    world.coordinator.expect(Allocate)

    assert world.add().stdout == first.stdout
    assert world.coordinator.received.empty()


def test_a_del_is_answered_before_the_coordinator_answers(world: World) -> None:
    world.start()
    world.add()
    world.coordinator.policy = lambda message: []

    assert world.delete().exit_code == 0

    (row,) = world.coordinator.expect(LetGo).allocations
    assert row.was_held


def test_two_interfaces_of_one_container_are_two_attachments(world: World) -> None:
    world.start()
    one, two = world.add(ifname="net1"), world.add(ifname="net2")
    assert one.address != two.address

    world.delete(ifname="net1")
    world.coordinator.expect(LetGo)

    assert world.add(ifname="net2").address == two.address
    assert [each.label.ifname for each in world.coordinator.book.objects.values() if each.label] == ["net2"]


@pytest.mark.parametrize(
    "variables",
    [{}, {"CNI_NETNS": ""}, {"CNI_ARGS": "x"}, {"CNI_NETNS": "/gone"}],
    ids=["none", "empty netns", "odd args", "gone"],
)
@pytest.mark.parametrize(
    "config", [{"cniVersion": "1.0.0"}, a_config(ipam={"type": "infoblox", "typo": 1}), a_config()]
)
def test_a_del_needs_only_the_attachment(
    world: World, variables: dict[str, str], config: dict[str, object]
) -> None:
    world.start()
    world.add()
    kept = world.add("c2").address

    assert world.delete(config=config, **variables).exit_code == 0

    world.coordinator.expect(LetGo)
    assert [f"{each.address}/24" for each in world.coordinator.book.objects.values()] == [kept]


def test_check_status_gc_version_are_answered_without_a_message(world: World) -> None:
    world.start()
    added = world.add(config=a_config())
    world.coordinator.expect(Allocate)

    check = world.call("CHECK", config=a_config(prevResult=added.json)).answer()
    unknown = world.call("CHECK", container="c2").answer()
    status, gc, version = (world.call(verb).answer() for verb in ("STATUS", "GC", "VERSION"))

    assert [(answer.exit_code, answer.stdout) for answer in (check, status, gc)] == [(0, b"")] * 3
    assert (unknown.exit_code, unknown.json["code"]) == (1, 120)
    assert "1.1.0" in version.json["supportedVersions"]
    assert world.coordinator.received.empty()


def test_an_error_names_the_field_and_the_request_that_the_log_knows(world: World) -> None:
    agent = world.start()

    answer = world.add(config=a_config(ipam={"type": "infoblox", "subnett": "10.0.0.0/8"}))

    assert (answer.exit_code, answer.json["code"], answer.json["msg"]) == (1, 7, "ipam.subnett: unknown key")
    request_id = re.search(r"request (r-[0-9a-f]{10})$", answer.json["details"])
    assert request_id
    assert request_id[1] in agent.expect_log("add_failed")


def test_the_request_id_of_an_add_reaches_coordinator_and_log(world: World) -> None:
    agent = world.start()
    address = world.add().address

    request_id = world.coordinator.expect(Allocate).id
    line = agent.expect_log("event=allocated")
    assert f"request={request_id}" in line
    assert f"address={address.partition('/')[0]} " in line
    assert "wapi_calls=1" in line


def test_an_unknown_frame_version_is_told_as_a_cni_error(world: World) -> None:
    world.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(world.socket_path))
        sock.sendall(b"\x02whatever")
        head = sock.recv(5)
        code, length = struct.unpack(">BI", head)
        answer = json.loads(sock.recv(length))
    assert (code, answer["code"]) == (1, 11)


def test_a_frame_of_five_megabytes_is_refused_and_the_agent_goes_on(world: World) -> None:
    world.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(world.socket_path))
        sock.sendall(struct.pack(">BI", 1, 5_000_000) + b"x" * 1000)
        _, length = struct.unpack(">BI", sock.recv(5))
        assert json.loads(sock.recv(length))["code"] == 6
    assert world.add().exit_code == 0


def test_many_adds_at_once_get_different_addresses(world: World) -> None:
    world.start()
    plugins = [world.call("ADD", f"c{number}") for number in range(200)]

    addresses = {plugin.answer().address for plugin in plugins}

    assert len(addresses) == 200


def test_a_second_add_joins_the_first(world: World) -> None:
    world.start()
    book = world.coordinator.book
    world.coordinator.policy = lambda message: []
    first = world.call("ADD")
    allocate = world.coordinator.expect(Allocate)
    second = world.call("ADD")
    assert world.call("STATUS").answer().exit_code == 0

    world.coordinator.send(book.allocate(allocate))

    assert first.answer().address == second.answer().address
    assert world.coordinator.received.empty()


def test_a_del_overtakes_the_add_in_flight(world: World) -> None:
    world.start()
    world.coordinator.policy = lambda message: []
    add = world.call("ADD")
    allocate = world.coordinator.expect(Allocate)

    assert world.delete().exit_code == 0

    failed = add.answer()
    assert (failed.json["code"], failed.json["msg"]) == (11, "withdrawn by DEL of the same attachment")
    world.coordinator.send(world.coordinator.book.allocate(allocate))
    assert world.next_let_go() == "c1"


def test_an_add_in_flight_asks_a_new_coordinator_under_another_id(world: World) -> None:
    world.start()
    world.coordinator.policy = lambda message: []
    add = world.call("ADD")
    first = world.coordinator.expect(Allocate)

    world.restart_coordinator()

    assert add.answer().exit_code == 0
    again = world.coordinator.expect(Allocate)
    assert again.id == first.id
    assert again.wants != first.wants


def test_a_hello_lists_what_is_held(world: World) -> None:
    world.start()
    address = world.add().address
    world.coordinator.expect(Allocate)

    world.restart_coordinator()

    (claim,) = world.coordinator.expect(Claims).claims
    assert (f"{claim.address}/24", claim.state, claim.network_name) == (address, "held", "pods")
    assert (claim.view, claim.subnet) == ("default", "10.55.0.0/24")


def test_a_plugin_killed_before_it_read_its_answer_leaves_nothing_of_its_ask(world: World) -> None:
    agent = world.start()
    book = world.coordinator.book
    world.coordinator.policy = lambda message: []
    add = world.call("ADD")
    allocate = world.coordinator.expect(Allocate)
    add.kill()
    agent.expect_log("plugin_hung_up")

    world.coordinator.policy = book.answer
    assert world.add().exit_code == 0
    assert world.coordinator.expect(Allocate).wants != allocate.wants
    world.coordinator.send(book.allocate(allocate))
    assert [row.allocation for row in world.coordinator.expect(LetGo).allocations] == [
        allocate.wants[0].allocation
    ]


def test_other_users_files_are_out_of_reach(world: World) -> None:
    world.start()
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (
            world.socket_dir,
            world.socket_path,
            world.pending_dir,
            world.run_dir,
            world.run_dir / "node-1-infoblox.journal",
        )
    }
    assert list(modes.values()) == [0o700, 0o600, 0o700, 0o700, 0o600]


def test_the_status_port_tells_readiness_state_and_numbers(world: World) -> None:
    world.coordinator.policy = lambda message: []
    agent = world.launch()
    port = int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]
    agent.expect_log("serving")
    hello = world.coordinator.expect(Hello)
    assert fetch(port, "/readyz")[0] == 503

    world.coordinator.policy = world.coordinator.book.answer
    (welcome,) = world.coordinator.book.welcome(hello)
    world.coordinator.send(welcome)
    agent.expect_log("coordinator_reached")
    world.add()
    world.add(config=b"")

    assert fetch(port, "/readyz") == (200, b"ok\n")
    status = json.loads(fetch(port, "/status")[1])
    assert (status["node"], status["connected"], status["socket_open"]) == ("node-1", True, True)
    metrics = fetch(port, "/metrics")[1].decode()
    assert 'cni_infoblox_agent_requests_total{code="0",verb="ADD"} 1.0' in metrics
    assert 'cni_infoblox_agent_requests_total{code="6",verb="ADD"} 1.0' in metrics


def test_no_key_appears_in_the_log(world: World) -> None:
    agent = world.start(log_level="debug")
    world.add()
    world.delete()
    agent.terminate()
    agent.wait()
    secrets = (world.agent_pair.secret.decode(), world.coordinator_pair.secret.decode())
    assert not [line for secret in secrets for line in lines_of(agent, secret)]


def test_the_alive_file_appears_once_connected(world: World) -> None:
    agent = world.start()
    assert world.call("STATUS").answer().exit_code == 0
    agent.terminate()
    assert agent.wait() == 0
    assert (world.socket_dir / "infoblox.alive").exists()


def test_extra_descriptors_are_closed_and_none_stays_open(world: World) -> None:
    agent = world.start()
    world.add()
    before = world.open_files(agent)
    for number in range(20):
        descriptors = [world.own_namespace() for _ in range(5)]
        frame = frame_of(
            {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"x{number}", "CNI_IFNAME": "eth0", "CNI_NETNS": "/n"},
            json.dumps(a_config()).encode(),
        )
        assert world.raw(frame, descriptors).answer().exit_code == 0
        assert world.delete(f"x{number}").exit_code == 0
    assert world.call("STATUS").answer().exit_code == 0
    assert world.open_files(agent) < before + 20, "one left open per request"


def test_an_address_is_asked_for_told_again_and_let_go(world: World) -> None:
    world.start()
    hello = world.coordinator.expect(Hello)
    claims = world.coordinator.expect(Claims)
    assert (hello.node, claims.welcome, claims.claims, claims.let_go) == ("node-1", 1, [], [])

    first = world.add("c1")
    asked = world.coordinator.expect(Allocate)
    assert first.address == "10.55.0.2/24"
    assert (asked.label.container_id, asked.label.ifname) == ("c1", "eth0")
    assert asked.wants[0].allocation.split("-")[-2] == hello.journal
    assert world.add("c1").json == first.json

    assert world.delete("c1").exit_code == 0
    assert [row.allocation for row in world.coordinator.expect(LetGo).allocations] == [asked.wants[0].allocation]
    assert world.delete("c1").exit_code == 0


def test_what_is_ready_is_given_at_once_and_labelled_afterwards(world: World) -> None:
    world.coordinator.book.reserve = 1
    agent = world.start(log_level="debug")
    assert world.add("c1").address == "10.55.0.2/24"
    world.coordinator.expect(Allocate)
    refill = world.coordinator.expect(Allocate)
    assert refill.for_reserve
    agent.expect_log("type=allocated")
    agent.expect_log("type=allocated")

    world.coordinator.policy = lambda _: []
    assert world.add("c2").address == "10.55.0.3/24"
    labels = world.coordinator.expect(SetLabels).labels
    assert [(row.allocation, row.label.container_id) for row in labels] == [(refill.wants[0].allocation, "c2")]
