"""`cni-infoblox support bundle` beside real daemons: what is in it, and that no secret is."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.support.secrets import REMOVED, Secrets, is_secret_name
from demo.daemons import Daemon
from protocol.cluster_id import CLUSTER_ID_FILE
from protocol.keys import generate, write_pair

PASSWORD = "correct horse battery staple"
BEARER = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Daemon]:
    keys = tmp_path / "keys"
    (keys / "authorized").mkdir(mode=0o700, parents=True)
    write_pair(keys, "coordinator", generate())
    (keys / CLUSTER_ID_FILE).write_text("c0ffee000000\n")
    argv = [
        *(
            sys.executable,
            "-m",
            "coordinator",
            "--grid-host",
            "127.0.0.1",
            "--wapi-port",
            "1",
            "--keys",
            str(keys),
        ),
        *("--wapi-username", "pods", "--listen", "tcp://127.0.0.1:0", "--status-listen", "127.0.0.1:0"),
        *("--operator-socket", str(tmp_path / "coordinator.sock"), "--log-format", "json", "--log-level", "debug"),
    ]
    daemon = Daemon(argv, {"WAPI_PASSWORD": PASSWORD}, tmp_path / "coordinator.log")
    yield daemon
    daemon.kill()


def test_a_bundle_has_what_the_daemons_say_and_no_secret(
    coordinator: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = coordinator.wait_for("started")["status_port"]
    (tmp_path / "file-password").write_text("another secret of a file\n")
    (tmp_path / "coordinator.conf").write_text(
        f"CNI_INFOBLOX_CLUSTER_NAME=blue\nCNI_INFOBLOX_WAPI_PASSWORD_FILE={tmp_path}/file-password\n"
        'WAPI_PASSWORD="quoted secret"\n'
    )
    (tmp_path / "other.log").write_text(
        f'Authorization: Basic cG9kczpzZWNyZXQ=\n{{"token": "{BEARER}", "pod": "web-1"}}\n{PASSWORD} x\n'
        "ibapauth=group=pods,ctime=1 another secret of a file quoted secret\n"
    )
    archive = tmp_path / "bundle.tar.gz"
    monkeypatch.setenv("SOME_TOKEN", "token-of-the-callers-environment")
    flags = [
        *("--file", str(archive), "--coordinator-status", f"http://127.0.0.1:{port}"),
        *("--agent-status", "http://127.0.0.1:9", "--config", str(tmp_path / "coordinator.conf")),
        *("--log", str(tmp_path / "other.log"), "--log", str(tmp_path / "coordinator.log")),
    ]
    assert main(["support", "bundle", *flags]) == 0
    said = capsys.readouterr().err
    assert "not in it: agent/status.json (http://127.0.0.1:9: " in said
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as opened:
        content = {each.name.partition("/")[2]: opened.extractfile(each).read() for each in opened}  # type: ignore[union-attr]
    assert {"about.json", "coordinator/status.json", "coordinator/metrics.txt", "missing.json"} <= content.keys()
    assert {"settings/coordinator.conf", "logs/other.log", "logs/coordinator.log"} <= content.keys()
    (process,) = [text for name, text in content.items() if name == f"processes/{coordinator.process.pid}.json"]
    assert b'"--wapi-port"' in process
    assert f'"WAPI_PASSWORD": "{REMOVED}"'.encode() in process
    whole = b"\n".join(content.values())
    assert b"cni_infoblox_coordinator_" in whole
    assert b'"pod": "web-1"' in whole
    keys = (tmp_path / "keys" / "coordinator.key_secret").read_text()
    secret_key = keys.partition('secret-key = "')[2].partition('"')[0]
    assert len(secret_key) == 40
    for secret in (
        *(PASSWORD, "another secret of a file", "quoted secret", BEARER, "cG9kczpzZWNyZXQ", secret_key),
        *("group=pods", "token-of-the-callers-environment"),
    ):
        assert secret.encode() not in whole, secret


def test_an_archive_goes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(taken))
    nobody = ["--coordinator-status", "http://127.0.0.1:9", "--agent-status", "http://127.0.0.1:9"]
    assert main(["support", "bundle", "--file", "-", *nobody]) == 0
    taken.seek(0)
    with tarfile.open(fileobj=taken) as opened:
        assert any(name.endswith("/about.json") for name in opened.getnames())


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *(("WAPI_PASSWORD", True), ("TICKET_SECRET", True), ("AWS_SECRET_ACCESS_KEY", True), ("API_TOKEN", True)),
        *(("CNI_INFOBLOX_WAPI_PASSWORD_FILE", False), ("CNI_INFOBLOX_TOKEN_AUDIENCE", False), ("HOME", False)),
        *(("CNI_INFOBLOX_TICKET_LIFETIME", False), ("KEY", True), ("KEYBOARD", False)),
    ],
)
def test_a_name_says_whether_a_variable_is_secret(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) is is_secret


def test_our_own_name_and_short_words_are_not_taken_out() -> None:
    secrets = Secrets()
    secrets.learn(["infoblox", "a", "", "pass"])
    assert secrets.redact("cni-infoblox has a passenger") == f"cni-infoblox has a {REMOVED}enger"


def test_a_url_keeps_its_user_and_loses_its_password() -> None:
    assert Secrets().redact("https://pods:hunter2@gm/wapi") == f"https://pods:{REMOVED}@gm/wapi"
