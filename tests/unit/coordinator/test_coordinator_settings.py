"""Bad configuration ends the coordinator with 2, in one line that names the flag and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from coordinator.__main__ import main
from coordinator.settings import Settings, read_settings
from daemon.logs import Logger
from daemon.settings import BadSettings, warn_of_unknown_variables

GRID = ["--grid-host", "gm", "--wapi-username", "pods"]
ELECTED = ["--leader-elect", "true", "--kubernetes-api", "https://10.0.0.1"]
WATCHED = ["--watch-cluster", "true", "--kubernetes-api", "https://10.0.0.1"]


@pytest.fixture(autouse=True)
def _with_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAPI_PASSWORD", "secret")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--grid-host", "gm"], "--wapi-username: is required (or CNI_INFOBLOX_WAPI_USERNAME in the environment)"),
        ([*GRID, "--nonsense", "x"], "--nonsense"),
        ([*GRID, "--wapi-port", "70000"], "--wapi-port"),
        ([*GRID, "--network", "10.0.0.1/8"], "--network"),
        ([*GRID, "--allow-network", "ten"], "--allow-network"),
        ([*GRID, "--listen", "0.0.0.0"], "--listen"),
        ([*GRID, "--ssl-verify", "/nowhere.pem"], "--ssl-verify: must be true, false or the file of"),
        ([*GRID, "--ssl-verify", "/etc/hostname"], "/etc/hostname holds no certificates in PEM"),
        ([*GRID, "--log-level", "loud"], "--log-level"),
        ([*GRID, "--config", "/nowhere"], "--config: /nowhere: No such file"),
        ([*GRID, "--enrol-tokens", "true"], "--kubernetes-api"),
        ([*GRID, "--watch-cluster", "true"], "--kubernetes-api: is required with --watch-cluster"),
        ([*GRID, *WATCHED, "--live-nodes", "/nodes"], "--live-nodes"),
        ([*GRID, "--kubernetes-api", "http://10.0.0.1"], "--kubernetes-api"),
        ([*GRID, "--token-service-account", "agent"], "must be of the form NAMESPACE:NAME"),
        ([*GRID, "--former-cluster-id", "prod"], "--former-cluster-id: 'prod' must be 12 hexadecimal digits"),
        ([*GRID, "--ea", "Locality=Rack"], "--ea: 'Locality' is none of Allocation ID, Tenant ID"),
        ([*GRID, "--ea", "Location"], "--ea: 'Location' must be NAME=OTHER"),
        ([*GRID, "--ea", "Location=VM ID"], "--ea: two attributes have the same name"),
        ([*GRID, "--several", "true", "--live-nodes", "/nodes"], "--live-nodes: cannot be used with --several"),
        ([*GRID, "--several", "true", *WATCHED], "--watch-cluster: cannot be used with --several"),
        ([*GRID, "--leader-elect", "true"], "--kubernetes-api: is required with --leader-elect"),
        ([*GRID, *ELECTED, "--several", "true"], "--leader-elect: cannot be used with --several"),
        (
            [*GRID, *ELECTED, "--lease-renew-deadline", "15"],
            "--lease-renew-deadline: must be less than --lease-dur",
        ),
        ([*GRID, *ELECTED, "--lease-retry-period", "9"], "--lease-retry-period: must be less than --lease-renew"),
        ([*GRID, *ELECTED, "--lease-name", "a_b"], "--lease-name: 'a_b' must be a name as Kubernetes takes it"),
        ([*GRID, *ELECTED, "--kubernetes-credentials", "/nowhere"], "/nowhere/namespace: No such file"),
        (
            [*GRID, *ELECTED, "--kubernetes-credentials", "/dev/null"],
            "--kubernetes-credentials: /dev/null/namespace",
        ),
        ([*GRID, "--wapi-version", "v2.12"], "--wapi-version: 'v2.12' must be numbers with dots between them"),
    ],
    ids=str,
)
def test_it_names_the_flag(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], named: str
) -> None:
    assert main([*flags, "--keys", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert named in lines[0]


def complaint(*flags: str) -> str:
    with pytest.raises(BadSettings) as caught:
        read_settings(flags)
    return str(caught.value)


def test_all_that_is_missing_is_told_at_once_and_all_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAPI_PASSWORD")
    assert complaint("--wapi-port", "x", "--cluster-name", "") == (
        "--keys, --grid-host, --wapi-username, --wapi-password-file, --cluster-name: are required (or "
        "CNI_INFOBLOX_KEYS, CNI_INFOBLOX_GRID_HOST, CNI_INFOBLOX_WAPI_USERNAME, WAPI_PASSWORD, "
        "CNI_INFOBLOX_CLUSTER_NAME in the environment); "
        "--wapi-port: Input should be a valid integer, unable to parse string as an integer"
    )


@pytest.mark.parametrize(
    "host",
    [
        "https://gm",
        "gm:443",
        "gm/wapi",
        "gm example",
        " gm",
        "gm\n",
        "10.0.0.300",
        "a..b",
        "[::1]:443",
        "gm-",
        "[::1",
        "[10.0.0.1]",
        "fe80::1%eth0",
    ],
)
def test_a_grid_host_with_anything_but_a_host_in_it_is_refused(host: str) -> None:
    assert "must be a host name or address alone" in complaint(
        "--grid-host", host, "--wapi-username", "u", "--keys", "/k"
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("gm.example", "https://gm.example:443/wapi/v2.5"),
        ("gm_1.example.", "https://gm_1.example.:443/wapi/v2.5"),
        ("10.0.0.3", "https://10.0.0.3:443/wapi/v2.5"),
        ("fd00::3", "https://[fd00::3]:443/wapi/v2.5"),
        ("[fd00::3]", "https://[fd00::3]:443/wapi/v2.5"),
        ("FD00:0::3", "https://[fd00::3]:443/wapi/v2.5"),
    ],
)
def test_names_and_addresses_of_both_families_are_grid_hosts(host: str, url: str) -> None:
    settings = read_settings(["--grid-host", host, "--wapi-username", "u", "--keys", "/k"])
    assert settings.grid.url == url


KUBERNETES = {"host": "KUBERNETES_SERVICE_HOST", "port": "KUBERNETES_SERVICE_PORT"}


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.96.0.1", "443", "https://10.96.0.1:443"),
        ("fd00:10:96::1", "443", "https://[fd00:10:96::1]:443"),
        ("[fd00:10:96::1]", "6443", "https://[fd00:10:96::1]:6443"),
        ("fd00:10:96::1", None, "https://[fd00:10:96::1]:443"),
        ("", "443", None),
    ],
)
def test_the_api_server_is_where_the_variables_of_every_pod_say(
    monkeypatch: pytest.MonkeyPatch, host: str, port: str | None, url: str | None
) -> None:
    monkeypatch.setenv(KUBERNETES["host"], host)
    monkeypatch.delenv(KUBERNETES["port"], raising=False)
    if port is not None:
        monkeypatch.setenv(KUBERNETES["port"], port)
    assert read_settings([*GRID, "--keys", "/k"]).kubernetes_api == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.example", "https://api.example:443"),
        ("https://[fd00::1]", "https://[fd00::1]:443"),
        ("https://[FD00::1]:6443", "https://[fd00::1]:6443"),
    ],
)
def test_the_api_server_may_be_named(given: str, url: str) -> None:
    assert read_settings([*GRID, "--keys", "/k", "--kubernetes-api", given]).kubernetes_api == url


@pytest.mark.parametrize(
    "given",
    [
        "http://api",
        "api:6443",
        "https://",
        "https://[fd00::1",
        "https://fd00::x:1",
        "https://api:0",
        "https://api/v1",
    ],
)
def test_what_is_no_api_server_is_refused_with_the_form(given: str) -> None:
    told = "--kubernetes-api: must be of the form https://HOST:PORT, an IPv6 address in brackets"
    assert told in complaint(*GRID, "--keys", "/k", "--kubernetes-api", given)


def test_a_line_of_the_file_that_nobody_reads_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("# the grid\nCNI_INFOBLOX_GRID_HOST=gm\nCNI_INFOBLOX_CLUSTER_NAM=blue\nWAPI_PASSWORD=x\n")
    assert complaint("--config", str(file)) == (
        f"--config: {file}: CNI_INFOBLOX_CLUSTER_NAM is unknown: did you mean CNI_INFOBLOX_CLUSTER_NAME?; "
        "WAPI_PASSWORD is unknown: did you mean CNI_INFOBLOX_WAPI_PASSWORD_FILE?"
    )
    file.write_text("CNI_INFOBLOX_GRID_HOST=gm\n\n\nCNI_INFOBLOX_KEYS\n")
    assert "line 4 is not NAME=VALUE" in complaint("--config", str(file))
    file.write_text("CNI_INFOBLOX_GRID_HOST=gm\nexport CNI_INFOBLOX_KEYS='/k'\ncni_infoblox_wapi_username=u\n")
    assert read_settings(["--config", str(file)]).grid_host == "gm"


class Warnings:
    """A logger that keeps the names that it is told."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def warning(self, event: str, *, name: str, remedy: str) -> None:
        assert event == "unknown_variable"
        self.told[name] = remedy


def test_variables_that_nobody_reads_are_told_those_of_kubernetes_are_not() -> None:
    service = {
        "CNI_INFOBLOX_COORDINATOR_SERVICE_HOST": "10.96.0.9",
        "CNI_INFOBLOX_COORDINATOR_SERVICE_PORT": "5510",
        "CNI_INFOBLOX_COORDINATOR_SERVICE_PORT_AGENTS": "5510",
        "CNI_INFOBLOX_COORDINATOR_PORT": "tcp://10.96.0.9:5510",
        "CNI_INFOBLOX_COORDINATOR_PORT_5510_TCP": "tcp://10.96.0.9:5510",
        "CNI_INFOBLOX_COORDINATOR_PORT_5510_TCP_ADDR": "10.96.0.9",
        "CNI_INFOBLOX_COORDINATOR_PORT_5510_TCP_PORT": "5510",
        "CNI_INFOBLOX_COORDINATOR_PORT_5510_TCP_PROTO": "tcp",
    }
    mine = {"CNI_INFOBLOX_KEYS": "/k", "CNI_INFOBLOX_GRIDSIM_LISTEN": "x", "WAPI_PASSWORD": "x"}
    wrong = {"CNI_INFOBLOX_CLUSTER_NAM": "blue", "CNI_INFOBLOX_GRID_PORT": "443", "CNI_INFOBLOX_ZZZ": ""}
    warnings = Warnings()
    warn_of_unknown_variables(Settings, service | mine | wrong, cast(Logger, warnings))
    assert warnings.told == {
        "CNI_INFOBLOX_CLUSTER_NAM": "it has no effect: did you mean CNI_INFOBLOX_CLUSTER_NAME?",
        "CNI_INFOBLOX_GRID_PORT": "it has no effect: did you mean CNI_INFOBLOX_GRID_HOST?",
        "CNI_INFOBLOX_ZZZ": "it has no effect",
    }


def test_the_password_loses_the_end_of_its_line_wherever_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAPI_PASSWORD", "from the environment\n")
    file = tmp_path / "password"
    file.write_text("from the file\r\n")
    argv = [*GRID, "--keys", "/k"]
    assert read_settings(argv).read_password() == "from the environment"
    assert read_settings([*argv, "--wapi-password-file", str(file)]).read_password() == "from the file"
    monkeypatch.setenv("WAPI_PASSWORD", "\n")
    assert "--wapi-password-file" in complaint(*argv)


def test_the_api_server_is_where_kubelet_says(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = [*GRID, "--keys", "/k", "--enrol-tokens", "true"]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert read_settings(argv).kubernetes_api == "https://10.96.0.1:443"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert read_settings(argv).kubernetes_api == "https://[fd00::1]:443"


@pytest.mark.parametrize(
    ("flags", "has_one_leader"),
    [
        ([], True),
        (["--kubernetes-api", "https://10.0.0.1"], False),
        (["--kubernetes-api", "https://10.0.0.1", "--enrol-tokens", "true"], False),
        (WATCHED, False),
        (ELECTED, True),
    ],
)
def test_under_kubernetes_a_lease_sees_to_it_that_one_leads(
    tmp_path: Path, flags: list[str], *, has_one_leader: bool
) -> None:
    (tmp_path / "namespace").write_text("cni\n")
    argv = [*GRID, "--keys", "/k", "--kubernetes-credentials", str(tmp_path), *flags]
    read = read_settings(argv)
    assert read.has_one_leader is has_one_leader
    assert read.read_namespace() == "cni"


def test_a_namespace_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("../nodes\n")
    refused = complaint(*GRID, "--keys", "/k", *ELECTED, "--kubernetes-credentials", str(tmp_path))
    assert "does not hold the name of a namespace" in refused


def test_attributes_that_are_taken_on_a_grid_have_other_names(tmp_path: Path) -> None:
    flags = ["--ea", "Location=K8s Node", "--ea", "VM ID=K8s Container"]
    names = read_settings([*GRID, "--keys", str(tmp_path), *flags]).attribute_names
    assert (names.location, names.vm_id, names.vm_name) == ("K8s Node", "K8s Container", "VM Name")
    site = tmp_path / "coordinator.conf"
    site.write_text("CNI_INFOBLOX_EA=Location=K8s Node,VM ID=K8s Container\n")
    argv = [*GRID, "--keys", str(tmp_path), "--config", str(site)]
    assert read_settings(argv).attribute_names == names
