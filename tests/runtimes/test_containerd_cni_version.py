"""What containerd 1.6, whose libcni ends at 1.0.0, does with a configuration of 1.1.0: no pod starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from containerd_process import Containerd, Sandbox
from enclosure import Enclosure

from demo.cluster import Cluster, Node

KNOWN = "1.0.0"
NOVEL = """\
#!{python}
import json, os, subprocess, sys
config = json.load(sys.stdin)
if os.environ["CNI_COMMAND"] == "VERSION":
    print(json.dumps({{"cniVersion": "1.1.0", "supportedVersions": ["1.0.0", "1.1.0"]}}))
    sys.exit()
argv = [os.environ["CNI_PATH"] + "/infoblox"]
done = subprocess.run(argv, input=json.dumps(config), capture_output=True, text=True)
result = json.loads(done.stdout or "{{}}")
if done.returncode == 0 and "ips" in result:
    result["interfaces"] = [{{"name": "eth0", "sandbox": os.environ["CNI_NETNS"]}}]
    for address in result["ips"]:
        address["interface"] = 0
print(json.dumps(result) if result else "")
sys.exit(done.returncode)
"""
"""A main plugin that speaks 1.1.0, which those of Debian do not."""


@pytest.fixture(params=[KNOWN, "1.1.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def containerd(
    version: str, tmp_path: Path, node: Node, enclosure: Enclosure, pause: Path
) -> Iterator[Containerd]:
    plugin = node.bin_dir / "novel"
    plugin.write_text(NOVEL.format(python=sys.executable))
    plugin.chmod(0o755)
    config = {**node.config("novel"), "cniVersion": version}
    with Containerd(tmp_path, node, enclosure, {"novel": config}) as runtime:
        runtime.load(pause)
        yield runtime


def test_no_pod_starts_by_a_result_that_the_runtime_does_not_know(
    containerd: Containerd, cluster: Cluster, version: str
) -> None:
    sandbox = Sandbox("web", "novel")
    if version == KNOWN:
        address = containerd.run(sandbox).address
        assert cluster.grid.wait_until(lambda: address in cluster.grid.pods())
        return
    with pytest.raises(grpc.RpcError) as refused:
        containerd.run(sandbox)
    assert f'unsupported CNI result version "{version}"' in refused.value.details()
