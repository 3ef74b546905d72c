"""Bad configuration ends the coordinator with 2, in one line that names the flag."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.__main__ import main
from coordinator.settings import read_settings

GRID = ["--grid-host", "gm", "--wapi-username", "pods"]
WATCHED = ["--watch-cluster", "true", "--kubernetes-api", "https://10.0.0.1"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--grid-host"),
        (["--grid-host", "gm"], "--wapi-username"),
        ([*GRID, "--nonsense", "x"], "--nonsense"),
        ([*GRID, "--wapi-port", "70000"], "--wapi-port"),
        ([*GRID, "--network", "10.0.0.1/8"], "--network"),
        ([*GRID, "--allow-network", "ten"], "--allow-network"),
        ([*GRID, "--listen", "0.0.0.0"], "--listen"),
        ([*GRID, "--ssl-verify", "/nowhere.pem"], "--ssl-verify"),
        ([*GRID, "--log-level", "loud"], "--log-level"),
        ([*GRID, "--config", "/nowhere"], "--config"),
        ([*GRID, "--enrol-tokens", "true"], "--kubernetes-api"),
        ([*GRID, "--watch-cluster", "true"], "--kubernetes-api: is required with --watch-cluster"),
        ([*GRID, *WATCHED, "--live-nodes", "/nodes"], "--live-nodes"),
        ([*GRID, "--kubernetes-api", "http://10.0.0.1"], "--kubernetes-api"),
        ([*GRID, "--token-service-account", "agent"], "--token-service-account"),
        (GRID, "--wapi-password-file"),
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


def test_the_api_server_is_where_kubelet_says(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = [*GRID, "--keys", "/k", "--enrol-tokens", "true"]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert read_settings(argv).kubernetes_api == "https://10.96.0.1:443"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert read_settings(argv).kubernetes_api == "https://[fd00::1]:443"
