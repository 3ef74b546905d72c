"""The Lease over HTTPS: what the API server answers becomes what the election takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.cluster.api_server import ApiServer
from coordinator.lease.api import LeaseApi
from coordinator.lease.record import Absent, Conflict, Create, Found, Read, Record, Silence, Update
from tests.kubernetes_stub import KubernetesStub
from tests.kubernetes_stub.mischief import Mischief, endless_body, trickle

KEY = ("kube-system", "coordinator")
RECORD = Record("me_1", 15, "2026-11-30T15:52:37.000001Z", "2026-11-30T15:52:39.000001Z", 3)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path) as running:
        yield running


@pytest.fixture
def api(stub: KubernetesStub) -> LeaseApi:
    return lease_api(stub)


def lease_api(stub: KubernetesStub) -> LeaseApi:
    return LeaseApi(ApiServer(stub.url, stub.credentials, time.monotonic, "tests"), *KEY, silence_s=1.0)


def made(api: LeaseApi) -> Found:
    found = api.take(Create(RECORD))
    assert isinstance(found, Found)
    return found


def test_what_is_written_is_read(api: LeaseApi) -> None:
    assert api.take(Read()) == Absent()
    found = made(api)
    assert found.record == RECORD
    assert api.take(Read()) == found
    later = replace(RECORD, holder="", duration_s=1.0)
    written = api.take(Update(later, found.version))
    assert isinstance(written, Found)
    assert written.record == later
    assert written.version != found.version


def test_who_knows_an_old_version_writes_nothing(api: LeaseApi) -> None:
    found = made(api)
    api.take(Update(RECORD, found.version))
    assert api.take(Update(replace(RECORD, holder="late"), found.version)) == Conflict()
    assert api.take(Create(RECORD)) == Conflict()


def test_a_lease_that_is_gone_is_not_written(stub: KubernetesStub, api: LeaseApi) -> None:
    found = made(api)
    stub.cluster.remove_lease(*KEY)
    assert api.take(Update(RECORD, found.version)) == Absent()


def test_what_others_have_written_on_it_stays(stub: KubernetesStub, api: LeaseApi) -> None:
    made(api)
    lease = stub.cluster.leases[KEY]
    metadata = {**lease["metadata"], "labels": {"team": "net"}}
    stub.cluster.put_lease(*KEY, metadata, {**lease["spec"], "strategy": "OldestEmulationVersion"})
    found = api.take(Read())
    assert isinstance(found, Found)
    api.take(Update(RECORD, found.version))
    assert stub.cluster.leases[KEY]["metadata"]["labels"] == {"team": "net"}
    assert stub.cluster.leases[KEY]["spec"]["strategy"] == "OldestEmulationVersion"


def test_a_lease_without_a_spec_is_nobodys(stub: KubernetesStub, api: LeaseApi) -> None:
    stub.cluster.put_lease(*KEY, {"name": "coordinator"}, {"holderIdentity": None})
    found = api.take(Read())
    assert isinstance(found, Found)
    assert found.record == Record("", 0, "", "", 0)


def test_who_may_not_is_told_by_the_code(stub: KubernetesStub, api: LeaseApi) -> None:
    stub.allows = lambda asked: asked.permission != ("update", "coordination.k8s.io", "leases")
    found = made(api)
    refused = api.take(Update(RECORD, found.version))
    assert isinstance(refused, Silence)
    assert refused.code == 403


def test_who_is_not_answered_hears_why(stub: KubernetesStub, api: LeaseApi) -> None:
    found = made(api)
    stub.down()
    for step in (Read(), Create(RECORD), Update(RECORD, found.version)):
        assert api.take(step) == Silence("no connection")
    stub.up()
    assert api.take(Read()) == found


@pytest.mark.parametrize("mischief", [trickle(0.01), endless_body()], ids=["trickle", "endless"])
def test_what_a_server_sends_without_end_is_given_up(
    stub: KubernetesStub, api: LeaseApi, mischief: Mischief
) -> None:
    def play(path: str, connection: object) -> bool:
        mischief.play(connection)  # type: ignore[arg-type]
        return True

    stub.instead = play
    assert isinstance(api.take(Read()), Silence)
    assert mischief.wait_until_given_up()


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", '{"metadata": {}}', '{"metadata": {"resourceVersion": 5}}', "[" * 100_000]
)
def test_a_reply_that_is_no_lease_is_none(stub: KubernetesStub, api: LeaseApi, body: str) -> None:
    def play(path: str, connection: object) -> bool:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + body).encode())  # type: ignore[attr-defined]
        return True

    stub.instead = play
    assert isinstance(api.take(Read()), Silence)
