"""`cni-infoblox grid check` against the simulator: what is right, what is wrong, what mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctl.__main__ import main
from demo.grid import PASSWORD, SimulatedGrid
from gridsim.database.faults import Faults
from protocol.attributes import TYPES

NETWORK = "10.55.0.0/24"
Found = tuple[int, dict[str, tuple[str, str, str]]]
Check = Callable[..., Found]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedGrid]:
    simulated = SimulatedGrid(tmp_path_factory.mktemp("grid"))
    named = {"Network Name": {"value": "pods"}}
    simulated.create("network", {"network": NETWORK, "extattrs": named})
    simulated.create("network", {"network": "10.56.0.0/24"})
    served = {"members": [{"_struct": "dhcpmember", "name": "dhcp.example.org"}], "extattrs": named}
    simulated.create("network", {"network": "10.57.0.0/24", **served})
    simulated.create("range", {"start_addr": "10.57.0.10", "end_addr": "10.57.0.99"})
    simulated.create("networkcontainer", {"network": "10.60.0.0/16"})
    yield simulated
    simulated.stop()


@pytest.fixture
def grid(shared: SimulatedGrid) -> Iterator[SimulatedGrid]:
    yield shared
    shared.set_faults(**{**Faults().as_json(), "expire_sessions": False})


@pytest.fixture
def check(grid: SimulatedGrid, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs it; the exit code, with (verdict, what was found, remedy) by subject: the worst of each."""

    def run(
        *flags: str, password: str = PASSWORD, verify: str = ""
    ) -> tuple[int, dict[str, tuple[str, str, str]]]:
        monkeypatch.setenv("WAPI_PASSWORD", password)
        at = ["--grid-host", "127.0.0.1", "--wapi-port", str(grid.port), "--wapi-username", "admin"]
        code = main(["grid", "check", *at, "--ssl-verify", verify or grid.certificate, "--output", "json", *flags])
        findings: dict[str, tuple[str, str, str]] = {}
        worst = ("right", "note", "not checked", "wrong")
        for each in json.loads(capsys.readouterr().out)["findings"]:
            before = findings.get(each["subject"])
            if not before or worst.index(each["verdict"]) >= worst.index(before[0]):
                findings[each["subject"]] = (each["verdict"], each["found"], each["remedy"])
        return code, findings

    return run


def test_a_grid_that_is_fit_has_nothing_wrong_and_keeps_nothing_of_the_trial(
    grid: SimulatedGrid, check: Check
) -> None:
    code, findings = check("--network", NETWORK, "--try")
    assert code == 0
    assert {verdict for verdict, _, _ in findings.values()} == {"right"}
    assert findings[f"write in {NETWORK}"][1] == "a reservation was made at 10.55.0.1, labelled and deleted"
    assert {f"attribute {name}" for name in TYPES} <= findings.keys()
    assert grid.objects() == []
    assert not grid.needs_restart()


def test_without_try_nothing_is_written(grid: SimulatedGrid, check: Check) -> None:
    calls = grid.call_count()
    code, findings = check("--network", NETWORK)
    assert code == 0
    assert findings[f"write in {NETWORK}"][0] == "not checked"
    made = [each for each in grid.calls(calls + 1) if each["method"] != "GET"]
    assert [each["path"].rpartition("/")[2] for each in made] == ["request"]


@pytest.mark.parametrize(
    ("faults", "flags", "subject", "verdict", "found", "remedy"),
    [
        ({}, ["--network", "10.56.0.0/24"], "network 10.56.0.0/24", "wrong", "is not for pods", "'Network Name'"),
        ({}, ["--network", "10.57.0.0/24"], "network 10.57.0.0/24", "note", "DHCP members", "--reservations-only"),
        ({}, ["--network", "10.60.0.0/16"], "network 10.60.0.0/16", "wrong", "container", "Name a network in it"),
        ({}, ["--network", "10.99.0.0/24"], "network 10.99.0.0/24", "note", "the coordinator makes it", ""),
        (
            {},
            ["--network", "10.99.0.0/24", "--create-networks", "false"],
            *("network 10.99.0.0/24", "wrong", "is not there", "Create it"),
        ),
        ({}, ["--network-view", "none"], "view none", "note", "is not there", ""),
        ({"user_kind": "no-request"}, [], "request", "note", "may not be used", "docs/grid.md"),
        ({}, ["--wapi-version", "9.9"], "WAPI version", "wrong", "9.9", "--wapi-version"),
        ({}, ["--ea", "Location=Pod Node"], "attribute Pod Node", "wrong", "is not defined", "grid prepare"),
        (
            {"no_permission": "fixedaddress"},
            ["--network", NETWORK, "--try"],
            *(f"write in {NETWORK}", "wrong", "no reservation can be made", "read/write permission"),
        ),
        (
            {"approval": True},
            ["--network", NETWORK, "--try"],
            *(f"write in {NETWORK}", "wrong", "need approval", "approval workflow"),
        ),
        ({"status_503": -1}, [], "login", "wrong", "no WAPI (HTTP status 503)", "active grid master"),
        ({"html_200": -1}, [], "login", "wrong", "no WAPI (HTTP status 200)", "active grid master"),
    ],
)
def test_what_is_wrong_is_told_with_what_mends_it(
    grid: SimulatedGrid,
    check: Check,
    faults: dict[str, Any],
    flags: list[str],
    subject: str,
    verdict: str,
    found: str,
    remedy: str,
) -> None:
    grid.set_faults(**faults)
    code, findings = check(*flags)
    assert code == (1 if verdict == "wrong" else 0)
    assert findings[subject][0] == verdict
    assert found in findings[subject][1]
    assert remedy in findings[subject][2]
    assert grid.objects() == []


def test_a_wrong_password_is_tried_once(grid: SimulatedGrid, check: Check) -> None:
    calls = grid.call_count()
    code, findings = check(password="wrong")
    assert code == 1
    assert findings["login"][0] == "wrong"
    assert grid.call_count() == calls + 1


def test_a_certificate_is_judged_before_the_password_is_sent(grid: SimulatedGrid, check: Check) -> None:
    calls = grid.call_count()
    code, findings = check(verify="true")
    assert (code, findings.keys()) == (1, {"certificate"})
    assert "is not verified" in findings["certificate"][1]
    assert grid.call_count() == calls
    assert check(verify="false")[1]["certificate"][0] == "note"


def test_a_network_that_fills_up_is_told(grid: SimulatedGrid, check: Check) -> None:
    grid.create("network", {"network": "10.58.0.0/30", "extattrs": {"Network Name": {"value": "pods"}}})
    subject = "network 10.58.0.0/30"
    assert check("--network", "10.58.0.0/30")[1][subject][:2] == ("right", _used("0.0"))
    for host in (1, 2):
        grid.create("fixedaddress", {"ipv4addr": f"10.58.0.{host}", "match_client": "RESERVED"})
    assert check("--network", "10.58.0.0/30")[1][subject][:2] == ("right", _used("50.0"))
    for each in grid.objects():
        grid.delete(each["_ref"])


def _used(percent: str) -> str:
    return f"{percent} % is used, as the grid counts now and then"


def test_an_attribute_that_is_taken_is_told_with_its_type(grid: SimulatedGrid, check: Check) -> None:
    grid.create("extensibleattributedef", {"name": "Pod Place", "type": "INTEGER"})
    found = check("--ea", "Location=Pod Place")[1]["attribute Pod Place"]
    assert found[:2] == ("wrong", "has type INTEGER, must be STRING")
    assert found[2] == "Take another name: --ea 'Location=OTHER'"


def test_what_is_not_given_is_read_where_the_coordinator_reads_it(
    grid: SimulatedGrid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "coordinator.conf").write_text(
        f"CNI_INFOBLOX_GRID_HOST=127.0.0.1\nCNI_INFOBLOX_WAPI_PORT={grid.port}\nCNI_INFOBLOX_WAPI_USERNAME=nobody\n"
        f"CNI_INFOBLOX_SSL_VERIFY={grid.certificate}\nCNI_INFOBLOX_WAPI_PASSWORD_FILE={tmp_path}/password\n"
    )
    monkeypatch.setenv("CNI_INFOBLOX_WAPI_USERNAME", "admin")
    assert main(["grid", "check", "--config", str(tmp_path / "coordinator.conf"), "--network", NETWORK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"grid https://127.0.0.1:{grid.port}/wapi/v2.5, user admin"
    assert lines[-1].endswith(" looked at, 0 wrong")
