"""`cni-infoblox grid prepare`, as a superuser of the grid runs it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.grid import PASSWORD, SimulatedGrid
from protocol.attributes import TYPES
from protocol.host_port import HostPort


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[SimulatedGrid]:
    simulated = SimulatedGrid(tmp_path / "grid", "--definitions", "none")
    yield simulated
    simulated.stop()


@pytest.fixture(params=["127.0.0.1", "::1"])
def each_grid(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedGrid]:
    """One that is reached over IPv4, then one over IPv6."""
    listen = ("--listen", str(HostPort(request.param, 0)))
    simulated = SimulatedGrid(tmp_path / "grid", "--definitions", "none", *listen)
    yield simulated
    simulated.stop()


def host(grid: SimulatedGrid) -> str:
    return HostPort.parse(grid.url.removeprefix("https://")).host


def prepare(*flags: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "ctl", "grid", "prepare", *flags]
    environment = {"WAPI_PASSWORD": password} if password else {}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def at(grid: SimulatedGrid) -> list[str]:
    return [
        *("--apply", "--grid-host", host(grid), "--wapi-port", str(grid.port)),
        *("--wapi-username", "admin", "--ssl-verify", grid.certificate),
    ]


def defined(grid: SimulatedGrid) -> dict[str, str]:
    return {each["name"]: each["type"] for each in grid.objects("extensibleattributedef")}


def test_what_is_missing_is_defined_once(each_grid: SimulatedGrid) -> None:
    grid = each_grid
    assert not defined(grid).keys() & TYPES.keys()
    done = prepare(*at(grid))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Allocation ID: defined, STRING\n" in done.stdout
    assert {name: kind for name, kind in defined(grid).items() if name in TYPES} == TYPES
    again = prepare(*at(grid))
    assert again.returncode == 0
    assert again.stdout.count("is there") == len(TYPES)


def test_a_name_that_is_taken_is_told_and_may_be_another(grid: SimulatedGrid) -> None:
    grid.create("extensibleattributedef", {"name": "Location", "type": "INTEGER"})
    refused = prepare(*at(grid))
    assert refused.returncode == 1
    assert "Location: is there with type INTEGER, must be STRING; name another one with --ea" in refused.stdout
    done = prepare(*at(grid), "--ea", "Location=CNI Node")
    assert done.returncode == 0
    assert defined(grid)["CNI Node"] == "STRING"


def test_without_apply_it_prints_commands_for_whoever_may(grid: SimulatedGrid) -> None:
    done = prepare("--grid-host", "gm.example.com", "--wapi-username", "root", password="")
    assert done.returncode == 0
    commands = [shlex.split(line) for line in done.stdout.splitlines() if not line.startswith("#")]
    bodies = [json.loads(words[words.index("-d") + 1]) for words in commands]
    assert {body["name"]: body["type"] for body in bodies} == TYPES
    assert {words[-1] for words in commands} == {"https://gm.example.com:443/wapi/v2.5/extensibleattributedef"}


def test_the_printed_commands_define_what_is_missing(each_grid: SimulatedGrid, tmp_path: Path) -> None:
    grid = each_grid
    done = prepare(
        "--grid-host", host(grid), "--wapi-port", str(grid.port), "--wapi-username", "admin", password=""
    )
    (tmp_path / ".curlrc").write_text(f'cacert = "{grid.certificate}"\nsilent\n')
    environment = {"CURL_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for command in done.stdout.splitlines():
        # Without a terminal curl reads the password that it asks for from its standard input.
        typed = {"input": f"{PASSWORD}\n", "text": True, "start_new_session": True, "capture_output": True}
        subprocess.run(["bash", "-c", command], env=environment, check=True, **typed)  # type: ignore[call-overload]
    assert {name: kind for name, kind in defined(grid).items() if name in TYPES} == TYPES


def test_the_playbook_has_the_definitions_and_asks_for_no_collection() -> None:
    done = prepare(
        "--output", "ansible", "--grid-host", "gm.example.com", "--ea", "Location=Pod: 'Node'", password=""
    )
    (play,) = yaml.safe_load(done.stdout)
    assert play["vars"]["url"] == "https://gm.example.com:443/wapi/v2.5/extensibleattributedef"
    kinds = {each["name"]: each["type"] for each in play["vars"]["definitions"]}
    assert kinds == {("Pod: 'Node'" if name == "Location" else name): kind for name, kind in TYPES.items()}
    assert {name for task in play["tasks"] for name in task if "." in name} == {"ansible.builtin.uri"}


@pytest.mark.parametrize("each_grid", ["::1"], indirect=True)
def test_ansible_defines_what_is_missing_once(each_grid: SimulatedGrid, tmp_path: Path) -> None:
    grid = each_grid
    where = ("--grid-host", host(grid), "--wapi-port", str(grid.port), "--wapi-username", "admin")
    playbook = tmp_path / "prepare.yaml"
    playbook.write_text(prepare("--output", "ansible", *where, password="").stdout)
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    more = ("-e", f"ca_path={grid.certificate}", "-e", f"ansible_python_interpreter={sys.executable}")
    environment = {
        "WAPI_PASSWORD": PASSWORD,
        "ANSIBLE_HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_PIPELINING": "1",
    }
    for changed in (1, 0):
        argv = [program, str(playbook), *more]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"changed={changed} " in done.stdout
    assert {name: kind for name, kind in defined(grid).items() if name in TYPES} == TYPES


def test_the_terraform_resources_are_one_for_each_attribute_and_interpolate_nothing() -> None:
    done = prepare("--output", "terraform", "--grid-host", "gm.example.com", "--ea", "Location=${x}", password="")
    assert done.stdout.count('resource "nios_grid_extensibleattributedef" ') == len(TYPES)
    assert '  name = "$${x}"\n  type = "STRING"\n' in done.stdout
    assert 'list_values = [{ value = "True" }, { value = "False" }]' in done.stdout


@pytest.mark.parametrize(
    ("flags", "password", "code", "said"),
    [
        (["--apply"], PASSWORD, 2, "--grid-host: is required"),
        (["--ea", "Nonsense=X"], PASSWORD, 2, "is none of Allocation ID"),
        (["--apply", "--grid-host", "127.0.0.1", "--wapi-username", "admin"], "", 2, "--wapi-password-file"),
        (
            ["--apply", "--grid-host", "127.0.0.1", "--wapi-port", "1", "--wapi-username", "admin"],
            PASSWORD,
            1,
            "does not answer",
        ),
    ],
)
def test_what_is_wrong_is_one_line(flags: list[str], password: str, code: int, said: str) -> None:
    done = prepare(*flags, password=password)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


def test_a_wrong_password_and_a_certificate_that_is_not_known_are_told(grid: SimulatedGrid) -> None:
    assert "refuses user or password" in prepare(*at(grid), password="wrong").stderr
    unverified = [flag if flag != grid.certificate else "true" for flag in at(grid)]
    assert "--ssl-verify" in prepare(*unverified).stderr
