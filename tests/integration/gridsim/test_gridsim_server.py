"""The simulator over real HTTPS."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from gridsim_client import Client

from gridsim.database.faults import BadFault
from gridsim.http.server import GridServer

NEXT = {"ipv4addr": "func:nextavailableip:10.55.0.0/24,default", "match_client": "RESERVED"}
CREATE = {"method": "POST", "object": "fixedaddress", "data": NEXT}


def in_background(action: Any) -> tuple[threading.Thread, list[Any]]:
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(action())
        except requests.RequestException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_a_create_is_a_201_with_the_reference(client: Client) -> None:
    reply = client.call("POST", "fixedaddress", NEXT)
    assert (reply.status_code, reply.headers["Content-Type"]) == (201, "application/json")
    assert reply.json().endswith(":10.55.0.1/default")
    assert client.addresses() == ["10.55.0.1"]


def test_a_reference_works_in_the_url_as_received(client: Client) -> None:
    ref = client.call("POST", "fixedaddress", NEXT).json()
    assert client.call("GET", f"{ref}?_return_fields%2B=mac").json()["ipv4addr"] == "10.55.0.1"
    host = {"name": "h", "configure_for_dns": False, "ipv4addrs": [{"ipv4addr": "10.55.0.9"}]}
    blank = client.call("POST", "record%3Ahost", host).json()
    assert blank.endswith(":h/%20")
    assert client.call("GET", blank).json()["name"] == "h"
    assert client.call("DELETE", ref).json() == ref
    assert client.call("DELETE", ref).status_code == 404


def test_searches_travel_in_a_form_too(client: Client) -> None:
    client.call("POST", "fixedaddress", {**NEXT, "extattrs": {"VM ID": {"value": "a b+c"}}})
    url = f"{client.url}/wapi/v2.5/fixedaddress"
    for wanted, hits in (("a b+c", 1), ("a", 0)):
        form = {"*VM ID": wanted, "_return_fields": "ipv4addr"}
        assert len(client.session.request("GET", url, data=form, timeout=10).json()) == hits


def test_searches_travel_in_the_url(client: Client) -> None:
    client.call("POST", "fixedaddress", {**NEXT, "extattrs": {"VM ID": {"value": "a b+c"}}})
    reply = client.session.get(
        f"{client.url}/wapi/v2.5/fixedaddress",
        params={"*VM ID": "a b+c", "_return_fields": "extattrs"},
        timeout=10,
    )
    assert [hit["extattrs"]["VM ID"]["value"] for hit in reply.json()] == ["a b+c"]


def test_one_login_serves_many_calls(client: Client, server: GridServer) -> None:
    for _ in range(3):
        assert client.call("GET", "networkview").status_code == 200
    client.session.auth = None
    assert client.call("GET", "userprofile?_return_fields=name").json()[0]["name"] == "admin"
    records, _ = server.log.since(1)
    assert [(record.status, record.login, record.user) for record in records] == [
        (200, True, "admin"),
        *[(200, False, "admin")] * 3,
    ]


def test_a_logout_ends_the_session(client: Client) -> None:
    client.call("GET", "networkview")
    client.session.auth = None
    assert client.call("POST", "logout").status_code == 200
    assert client.call("GET", "networkview").status_code == 401


def test_dropped_cookies_are_a_401_until_basic_auth_comes_again(client: Client) -> None:
    client.call("GET", "networkview")
    assert client.sim("PUT", "faults", {"expire_sessions": True}).json()["expire_sessions"] is False
    client.session.auth = None
    reply = client.call("GET", "networkview")
    assert (reply.status_code, reply.headers["Content-Type"]) == (401, "text/html; charset=iso-8859-1")
    client.session.auth = ("admin", "infoblox")
    assert client.call("GET", "networkview").status_code == 200


def test_wrong_passwords_end_in_a_403_for_the_client(client: Client, server: GridServer) -> None:
    server.set_faults(lockout_after=2)
    with Client(server.url, server.certificate, "wrong").session as session:
        url = f"{server.url}/wapi/v2.5/networkview"
        assert [session.get(url, timeout=10).status_code for _ in range(3)] == [401, 401, 403]
    assert client.call("GET", "networkview").status_code == 403
    server.set_faults(lockout_after=0)
    assert client.call("GET", "networkview").status_code == 200


def test_an_unserved_version_and_a_broken_body_are_refused(client: Client) -> None:
    url = f"{client.url}/wapi/v9.9/networkview"
    assert "9.9" in client.session.get(url, timeout=10).json()["text"]
    reply = client.session.post(f"{client.url}/wapi/v2.5/fixedaddress", data="{", timeout=10)
    assert (reply.status_code, reply.json()["code"]) == (400, "Client.Ibap.Proto.JSONDecoding")


def test_a_client_that_does_not_know_the_certificate_refuses_the_server(server: GridServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(server.url, timeout=10)


def test_a_client_that_never_finishes_the_handshake_stops_nobody(client: Client, server: GridServer) -> None:
    host, _, port = server.url.removeprefix("https://").partition(":")
    with socket.create_connection((host, int(port))):
        assert client.call("GET", "networkview").status_code == 200


def test_the_certificate_names_further_hosts(tmp_path: Path) -> None:
    with GridServer(state_dir=tmp_path, names=("grid.example",)) as running:
        port = int(running.url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(running.certificate))
        for name in ("localhost", "127.0.0.1", "grid.example"):
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                context.wrap_socket(plain, server_hostname=name) as secured,
            ):
                assert secured.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("switch", "status"), [("status_503", 503), ("html_200", 200), ("status_500_after_commit", 500)]
)
def test_html_answers_come_as_often_as_switched(client: Client, switch: str, status: int) -> None:
    client.sim("PUT", "faults", {switch: 2})
    replies = [client.call("POST", "fixedaddress", NEXT) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [status, status, 201]
    assert "text/html" in replies[0].headers["Content-Type"]
    is_committed = switch == "status_500_after_commit"
    assert len(client.addresses()) == (3 if is_committed else 1)


@pytest.mark.parametrize(("switch", "applied"), [("cut_before_commit", 0), ("cut_after_commit", 1)])
def test_a_cut_connection_hides_whether_the_write_was_applied(client: Client, switch: str, applied: int) -> None:
    client.sim("PUT", "faults", {switch: 1})
    assert client.call("GET", "networkview").status_code == 200
    with pytest.raises(requests.ConnectionError):
        client.call("POST", "fixedaddress", NEXT)
    assert len(client.addresses()) == applied
    assert client.call("POST", "fixedaddress", NEXT).status_code == 201


def test_a_text_aims_a_fault_at_the_create(client: Client) -> None:
    client.sim("PUT", "faults", {"status_503": 1, "only_containing": "func:nextavailableip"})
    assert client.call("GET", "fixedaddress").status_code == 200
    assert client.call("POST", "request", [CREATE]).status_code == 503
    assert client.call("POST", "request", [CREATE]).status_code == 201


def test_a_late_commit_comes_after_the_clients_look_up(client: Client, other: Client, server: GridServer) -> None:
    server.set_faults(late_commit_count=1, late_commit_s=0.4)
    with pytest.raises(requests.ReadTimeout):
        client.call("POST", "fixedaddress", NEXT, timeout_s=0.1)
    assert other.call("GET", "fixedaddress").json() == []
    assert server.log.wait_finished(2, timeout_s=5)
    assert len(other.call("GET", "fixedaddress").json()) == 1


def test_a_hanging_call_ends_when_it_is_released(client: Client, other: Client) -> None:
    client.sim("PUT", "faults", {"hang": 1})
    thread, outcome = in_background(lambda: other.call("GET", "networkview"))
    assert client.sim("POST", "wait", {"calls": 1, "timeout_s": 5}).json()["reached"]
    assert client.sim("GET", "calls").json()["calls"] == []
    client.sim("POST", "release")
    thread.join(5)
    assert isinstance(outcome[0], requests.ConnectionError)


def test_a_hanging_call_ends_when_the_client_is_gone(client: Client, server: GridServer) -> None:
    server.set_faults(hang=1)
    with pytest.raises(requests.ReadTimeout):
        client.call("GET", "networkview", timeout_s=0.1)
    assert server.log.wait_finished(1, timeout_s=5)


def test_connections_can_be_closed_after_each_reply_without_a_warning(server: GridServer) -> None:
    server.set_faults(close_connections=True)
    context = ssl.create_default_context(cafile=str(server.certificate))
    connection = http.client.HTTPSConnection(server.url.removeprefix("https://"), context=context, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/wapi/v2.5/networkview")
        reply = connection.getresponse()
        reply.read()
        assert reply.headers["Connection"] is None
        assert connection.sock.recv(1) == b""


def test_a_body_above_the_limit_is_a_413(client: Client) -> None:
    client.sim("PUT", "faults", {"request_size_max": 500})
    assert client.call("POST", "request", [CREATE] * 10).status_code == 413
    assert client.call("POST", "request", [CREATE]).status_code == 201


def test_a_cloud_user_is_shown_the_web_servers_403_for_request(client: Client) -> None:
    client.sim("PUT", "faults", {"user_kind": "cloud"})
    reply = client.call("POST", "request", [CREATE])
    assert (reply.status_code, reply.headers["Connection"]) == (403, "close")
    assert "Forbidden" in reply.text


def test_writes_wait_for_each_other_while_reads_do_not(client: Client, other: Client, server: GridServer) -> None:
    client.call("GET", "networkview")
    other.call("GET", "networkview")
    server.set_faults(latency_ms=10, op_latency_ms=100)
    thread, outcome = in_background(lambda: client.call("POST", "request", [CREATE] * 4))
    assert server.log.wait_received(3, timeout_s=5)
    started = time.monotonic()
    assert other.call("GET", "fixedaddress").json() == []
    assert time.monotonic() - started < 0.3
    assert other.call("POST", "fixedaddress", NEXT).json().endswith(":10.55.0.5/default")
    assert time.monotonic() - started > 0.4
    thread.join(5)
    assert outcome[0].status_code == 201


def test_a_request_of_reads_is_a_read(client: Client, server: GridServer) -> None:
    server.set_faults(op_latency_ms=10_000)
    reads = [{"method": "GET", "object": "network"}] * 3
    assert client.call("POST", "request", reads, timeout_s=3).status_code == 201


def test_parallel_creates_never_share_an_address(server: GridServer) -> None:
    def create_many() -> list[str]:
        made = Client(server.url, server.certificate)
        with made.session:
            return [made.call("POST", "fixedaddress", NEXT).json() for _ in range(20)]

    running = [in_background(create_many) for _ in range(6)]
    for thread, _ in running:
        thread.join(20)
    refs = [ref for _, outcome in running for ref in outcome[0]]
    assert len(set(refs)) == len(refs) == 120


def test_calls_are_listed_once_each(client: Client) -> None:
    client.call("GET", "networkview?_return_fields=name")
    client.call("POST", "request", [CREATE, CREATE])
    first = client.sim("GET", "calls").json()
    assert [(call["n"], call["path"], call["operations"]) for call in first["calls"]] == [
        (1, "/wapi/v2.5/networkview", [["GET", "networkview"]]),
        (2, "/wapi/v2.5/request", [["POST", "fixedaddress"]] * 2),
    ]
    assert (first["next"], first["received"]) == (3, 2)
    assert client.sim("GET", "calls", since=3).json()["calls"] == []


def test_objects_are_made_and_deleted_without_a_call(client: Client) -> None:
    data = {"ipv4addr": "10.55.0.7", "mac": "0a:58:00:00:00:07", "extattrs": {"VM ID": {"value": "a"}}}
    ref = client.sim("POST", "objects", {"type": "fixedaddress", "data": data}).json()["_ref"]
    shown = client.sim("GET", "objects", type="fixedaddress").json()[0]
    assert (shown["mac"], shown["extattrs"]) == (data["mac"], data["extattrs"])
    client.sim("PUT", "objects", {"extattrs+": {"VM Name": {"value": "b"}}}, ref=ref)
    assert "VM Name" in client.sim("GET", "objects").json()[0]["extattrs"]
    assert client.sim("DELETE", "objects", ref=ref).status_code == 200
    assert client.addresses() == []
    assert client.sim("GET", "calls").json()["received"] == 0


def test_many_objects_are_made_in_one_request(client: Client) -> None:
    several = [{"ipv4addr": f"10.55.0.{number}", "match_client": "RESERVED"} for number in (7, 8)]
    made = client.sim("POST", "objects", {"type": "fixedaddress", "data": several})
    assert len(made.json()["_ref"]) == 2
    assert client.addresses() == ["10.55.0.7", "10.55.0.8"]
    mixed = client.sim("POST", "objects", {"type": "fixedaddress", "data": [several[0], "no object"]})
    assert mixed.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "fragment"),
    [
        ("PUT", "faults", {"nonsense": 1}, 400, "nonsense"),
        ("PUT", "faults", [1], 400, "no JSON object"),
        ("POST", "objects", {"type": "network"}, 400, "data"),
        ("POST", "objects", {"type": "discovered", "data": {}}, 400, "ipv4addr"),
        ("POST", "objects", {"type": "network", "data": {"network": "10.55.0.0/24"}}, 400, "exists"),
        ("DELETE", "objects", None, 400, "ref"),
        ("DELETE", "objects?ref=network/xx", None, 400, "Invalid reference"),
        ("GET", "calls?since=x", None, 400, "since"),
        ("POST", "wait", {}, 400, "calls"),
        ("GET", "nonsense", None, 404, "nonsense"),
    ],
)
def test_a_bad_control_request_says_what_is_wrong(
    client: Client, method: str, path: str, body: Any, status: int, fragment: str
) -> None:
    reply = client.sim(method, path, body)
    assert reply.status_code == status
    assert fragment in reply.json()["error"]


def test_switches_can_be_flipped_in_process(server: GridServer, client: Client) -> None:
    assert server.set_faults(latency_ms=1).latency_ms == 1
    assert client.sim("GET", "faults").json()["latency_ms"] == 1
    with pytest.raises(BadFault, match="nonsense"):
        server.set_faults(nonsense=1)


def test_the_front_page_needs_no_login(server: GridServer, client: Client) -> None:
    client.session.auth = None
    reply = client.session.get(f"{server.url}/", timeout=10)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "10.55.0.0/24" in reply.text
    assert client.session.get(f"{server.url}/nothing", timeout=10).status_code == 404


def test_a_kept_folder_keeps_the_certificate(tmp_path: Path) -> None:
    with GridServer(state_dir=tmp_path / "sim") as first:
        pem = first.certificate.read_bytes()
        assert (tmp_path / "sim" / "key.pem").stat().st_mode & 0o777 == 0o600
    with GridServer(state_dir=tmp_path / "sim") as second:
        assert second.certificate.read_bytes() == pem


def test_a_fresh_folder_goes_with_the_server() -> None:
    with GridServer() as running:
        folder = running.certificate.parent
        assert folder.exists()
    assert not folder.exists()
