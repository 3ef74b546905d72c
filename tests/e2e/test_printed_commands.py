"""Every command that README, docs, k8s/README and the demo print is carried out, against real daemons.

Three places: a clone (`make`), a machine without Kubernetes, a cluster whose pods run by the manifests and whose
kubectl and helm are stand-ins. What cannot be carried out here is in `NOT_RUN`, with the reason, and with what
checks it, or begins with one of `NOT_HERE`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import helm_stand_in
import pytest
from bare_machine import BareMachine
from kubectl_stand_in import Kubectl, Placed, Served
from manifest_site import EXAMPLES, Site, SitePod
from printed import Printed, UnknownFence, read_page
from systemd_stand_in import UNITS, Host

from demo.grid import PASSWORD
from k8s import helm
from k8s.render import HERE
from release.version import project_version
from tests.kubelet import ClusterObjects

ROOT: Final = HERE.parent
NAMES: Final = (
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md") if path.name != "cli.md"),
    "k8s/README.md",
)
"""Without docs/cli.md, which shows how commands are put together, and none as it is typed."""
HOSTS: Final = "docs/install-hosts.md"
"""Its commands are for another machine than the README's: one that has the Debian package."""

PAGES: Final = {name: read_page(name, (ROOT / name).read_text()) for name in NAMES}
BUT_HOSTS: Final = tuple(name for name in NAMES if name != HOSTS)
BESIDE_THE_CLONE: Final = ("docs/migration.md",)
"""Pages whose commands are given beside the clone, not in it."""


@dataclass(frozen=True)
class NotRun:
    """Why a command is not carried out here, and the test that sees to it instead."""

    why: str
    checked_by: str


NOT_RUN: Final = {
    "kubectl logs daemonset/…": NotRun("part of a command", "tests/e2e/test_printed_commands.py"),
    "kubectl -n kube-system port-forward deploy/cni-infoblox-coordinator 9510": NotRun(
        "it lasts until somebody ends it", "tests/e2e/test_status.py"
    ),
    "kubectl drain": NotRun("the name of a command; it asks an API server", "tests/e2e/test_uninstaller.py"),
    f"apt install ./cni-infoblox_{project_version(ROOT)}_amd64.deb": NotRun(
        "the package takes minutes to build; its files are laid out instead", "tests/e2e/systemd_stand_in.py"
    ),
    "journalctl -u cni-infoblox-coordinator": NotRun("there is no journal", "tests/e2e/systemd_stand_in.py"),
    "kubectl -n kube-system exec deploy/cni-infoblox-coordinator -- cni-infoblox support bundle --file - > "
    "cni-infoblox-support.tar.gz": NotRun(
        "an archive does not go through the stand-in of kubectl, which passes text",
        "tests/integration/ctl/test_ctl_support.py",
    ),
    "python -m bench compare BEFORE.json AFTER.json": NotRun(
        "it reads two runs of ten minutes each", "tests/unit/bench/test_bench_values.py"
    ),
}

NEW_CLUSTER: Final = "kind create cluster"
NOT_HERE: Final = ("kind load", "docker ", "ctr ")
"""Programs that cannot be had where tests run; the pages say that nobody tried them."""


def is_for_the_clone(text: str) -> bool:
    return text.startswith(("make ", "python "))


def is_for_a_cluster(text: str) -> bool:
    found = re.search(rf"\bkubectl\b|\bhelm\b|k8s/|^{NEW_CLUSTER}", text)
    return not is_for_the_clone(text) and bool(found)


def is_for_a_machine(text: str) -> bool:
    return not is_for_the_clone(text) and not is_for_a_cluster(text)


def commands(belongs: Callable[[str], bool], *names: str) -> list[Printed]:
    """What the pages print for a place, in their order."""
    return [
        printed
        for name in names or NAMES
        for printed in PAGES[name].commands
        if belongs(printed.text) and printed.text not in NOT_RUN and not printed.text.startswith(NOT_HERE)
    ]


def each_once(several: list[Printed]) -> list[Printed]:
    """The first of those with one text."""
    return list({printed.text: printed for printed in reversed(several)}.values())[::-1]


def failures(several: list[Printed], run: Callable[[Printed], subprocess.CompletedProcess[str]]) -> str:
    """Those that do not end with 0, with what they said; nothing where all do."""
    failed = []
    for printed in several:
        done = run(printed)
        if done.returncode != 0:
            place = f"{printed.page}:{printed.line}: {printed.text}"
            failed.append(f"{place}\n  exit code {done.returncode}: {done.stdout}{done.stderr}")
    return "\n".join(failed)


def test_what_is_not_run_is_printed_somewhere_and_is_checked_by_a_test() -> None:
    printed = {each.text for page in PAGES.values() for each in page.commands}
    assert set(NOT_RUN) <= printed
    assert not [each for each in NOT_RUN.values() if not (ROOT / each.checked_by).is_file()]


def test_make_knows_its_targets() -> None:
    def dry(printed: Printed) -> subprocess.CompletedProcess[str]:
        program, *words = printed.text.split()
        return subprocess.run(
            [program, "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )

    assert failures(each_once(commands(is_for_the_clone)), dry) == ""


# A machine without Kubernetes


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareMachine]:
    with BareMachine(tmp_path_factory.mktemp("machine")) as made:
        yield made


def test_the_commands_for_a_machine_without_kubernetes_work(machine: BareMachine, tmp_path: Path) -> None:
    (configuration,) = [text for language, text in PAGES["README.md"].documents if language == "json"]
    file = tmp_path / "pods.conf"
    file.write_text(configuration)
    known = {"FILE": str(file), "WAPI_PASSWORD=…": f"WAPI_PASSWORD={PASSWORD}", "NAME": "node-1"}

    def run(printed: Printed) -> subprocess.CompletedProcess[str]:
        text = re.sub("FILE$|NAME$|WAPI_PASSWORD=…", lambda match: known[match[0]], printed.text)
        if text.startswith(("cni-infoblox status", "cni-infoblox node")):
            machine.wait_connected()
        return machine.run(text)

    # Short ones are told in passing, of daemons that run: they come after what starts these.
    printed = each_once(commands(is_for_a_machine, *BUT_HOSTS))
    several = sorted(printed, key=lambda each: each.text.count(" ") < 2)
    assert failures(several, run) == ""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with BareMachine(tmp_path_factory.mktemp("host")) as made:
        host = Host(made)
        host.lay_out()
        yield host


def test_the_commands_for_a_host_with_our_package_work(host: Host) -> None:
    host.write(PAGES[HOSTS].files)
    assert failures(commands(is_for_a_machine, HOSTS), host.run) == ""


def test_the_units_daemons_run_as_their_user_with_their_capabilities_alone(host: Host) -> None:
    coordinator, agent = host.identity("cni-infoblox-coordinator"), host.identity("cni-infoblox-agent")
    assert (coordinator.user, coordinator.capabilities) == ("cni-infoblox", set())
    assert (agent.user, agent.capabilities) == ("root", {"cap_sys_admin"})


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text().replace("=/usr/bin/", f"={Path(sys.executable).parent}/")
    (tmp_path / unit.name).write_text(text)
    argv = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# A cluster


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as built:
        yield built


@pytest.fixture(scope="module")
def pods(site: Site) -> list[Placed]:
    """Coordinator, agent and installer, as the manifests say."""
    names = ("cni-infoblox-coordinator", "cni-infoblox-daemon", "cni-infoblox-plugin")
    coordinator, agent, installer = (site.workload(name) for name in names)
    placed = [
        Placed(coordinator, site.control.name, site.start_coordinator()),
        Placed(agent, site.worker.name, site.worker.run(agent)),
        Placed(installer, site.worker.name, site.worker.run(installer)),
    ]
    placed[0].running.daemon.wait_for("node_connected")
    placed[2].running.daemon.wait_for("configuration_written")
    return placed


@pytest.fixture(scope="module")
def pod(site: Site, pods: list[Placed]) -> Iterator[SitePod]:
    """One pod of the cluster, so that there is an address to ask about."""
    with SitePod(site.worker, "web-0") as made:
        assert made.call("ADD").ok
        yield made


class Desk:
    """Where a person sits: a clone of this repository, a directory of the site's own beside it, kubectl."""

    def __init__(self, place: Path, page: str, kubectl: Kubectl) -> None:
        self.clone = place / "cni-infoblox"
        self.directory = place if page in BESIDE_THE_CLONE else self.clone
        shutil.copytree(HERE, self.clone / "k8s", ignore=shutil.ignore_patterns("__pycache__"))
        (place / "bin").mkdir()
        shutil.copy(HERE / "krew" / "kubectl-infoblox", place / "bin")
        self._path = f"{place / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
        self.served = Served(place / "bin", kubectl)
        helm_stand_in.put(place / "bin", helm.command())
        self._files = list(PAGES[page].files)

    def bring(self, authority: str) -> None:
        """Lay ready what people have: the certificate of the grid's authority, the password."""
        shutil.copy(authority, self.directory / "ca.crt")
        (self.directory / "wapi-password").write_text(PASSWORD)

    def write_site(self) -> None:
        """Write the site's directory as the page says, and further on in the page as it says there."""
        site = self.clone.parent / "site"
        site.mkdir(exist_ok=True)
        written: set[str] = set()
        for name in EXAMPLES:
            shutil.copy(HERE / "site" / name, site)
        for name, text in list(self._files):
            if name not in written:
                written.add(name)
                (self.directory / name).write_text(text)
                self._files.remove((name, text))

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", text],
            cwd=self.directory,
            env={"PATH": self._path, "HOME": str(self.directory)},
            input="yes\n",
            capture_output=True,
            text=True,
            check=False,
        )


def the_sites() -> Iterator[dict[str, object]]:
    """What a cluster has after the installation that the README describes."""
    yield {"kind": "ConfigMap", "metadata": {"name": "infoblox-cni-cfg"}}


def the_originals() -> Iterator[dict[str, object]]:
    """What a cluster that is to be migrated has."""
    for name in ("cni-infoblox-daemon", "cni-infoblox-plugin"):
        yield {"kind": "DaemonSet", "metadata": {"name": name}}


@pytest.mark.parametrize("name", [name for name in NAMES if commands(is_for_a_cluster, name)])
def test_the_commands_for_a_cluster_work(
    site: Site, pods: list[Placed], pod: SitePod, tmp_path: Path, name: str
) -> None:
    objects = ClusterObjects()
    objects.apply({"kind": "Lease", **each} for each in site.api.cluster.leases.values())
    if name.startswith("docs/"):
        objects.apply(the_sites())
    if name in BESIDE_THE_CLONE:
        objects.apply(the_originals())
    (address,) = site.grid.pods()
    kubectl = Kubectl(objects, pods)
    desk = Desk(tmp_path, name, kubectl)
    desk.bring(site.grid.certificate)

    def run(printed: Printed) -> subprocess.CompletedProcess[str]:
        if re.search(r"apply -k \S*site$|--values", printed.text):
            desk.write_site()
        if printed.text.startswith(NEW_CLUSTER):
            kubectl.objects = ClusterObjects()
            return subprocess.CompletedProcess(printed.text, 0, "", "")
        return desk.run(printed.text.replace("10.55.0.7", address))

    with desk.served:
        assert failures(commands(is_for_a_cluster, name), run) == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("status", 0, "coordinator http://127.0.0.1:9510: cluster cluster-a ("),
        ("list --pod shop/web-0 --no-headers", 0, "web-0  held"),
        ("-n kube-system explain shop/web-0", 0, "freed by: the DEL of its pod"),
        ("--node worker-1 journal", 0, "of node worker-1, driver infoblox, boot "),
        ("--node=worker-1 status", 0, "agent http://127.0.0.1:9511: node worker-1, "),
        ("explain 10.0.0.250", 1, "neither the grid nor a journal knows 10.0.0.250"),
        ("lits", 2, "did you mean list?"),
        ("journal", 2, "kubectl infoblox: journal: is a node's"),
        ("--node worker-9 journal", 1, "kubectl infoblox: no agent's pod on node worker-9"),
        ("keys init", 2, "kubectl infoblox: keys: works on the machine"),
        ("--nodes worker-1 journal", 2, "kubectl infoblox: --nodes: is no flag"),
        ("--node", 2, "kubectl infoblox: --node: needs a value"),
        ("", 2, "Usage: kubectl infoblox"),
        ("--help", 0, "Usage: kubectl infoblox"),
    ],
)
def test_the_kubectl_plugin_finds_the_pod_that_can_answer(
    site: Site, pods: list[Placed], pod: SitePod, tmp_path: Path, words: str, code: int, said: str
) -> None:
    objects = ClusterObjects()
    objects.apply({"kind": "Lease", **each} for each in site.api.cluster.leases.values())
    desk = Desk(tmp_path, "README.md", Kubectl(objects, pods))
    with desk.served:
        done = desk.run(f"kubectl infoblox {words}")
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done


def test_the_readmes_commands_make_what_the_manifests_need(tmp_path: Path) -> None:
    objects = ClusterObjects()
    desk = Desk(tmp_path, "README.md", Kubectl(objects, []))
    until = "kubectl apply -f k8s/cni-infoblox-plugin.yaml"
    several = commands(is_for_a_cluster, "README.md")
    several = several[: [printed.text for printed in several].index(until) + 1]
    with desk.served:
        assert failures(several, lambda printed: desk.run(printed.text)) == ""
    wanted = {"infoblox-secret", "infoblox-cni-cfg", "cni-infoblox-site", "cni-infoblox-coordinator"}
    assert wanted <= {name for _, name in objects.names()}


# The demonstration


def test_the_commands_that_the_demonstration_prints_work(tmp_path: Path) -> None:
    argv = [sys.executable, "-u", "-m", "demo", "--keep"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout
            printed = []
            for line in demo.stdout:
                printed.append(line)
                if "ip netns del" in line:
                    break
            script = "".join(line for line in printed if line.startswith("  ") and _is_typed(line))
            done = subprocess.run(
                ["sh", "-ec", script], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
            )
        finally:
            demo.terminate()
            demo.stdout.read()  # type: ignore[union-attr]
    assert done.returncode == 0, done
    assert '"address": "10.55.0.' in done.stdout.replace("\n", "").replace("  ", "")
    assert demo.returncode == 1


def _is_typed(line: str) -> bool:
    return line.strip().startswith(("ip ", "export ", "CNI_COMMAND=", "cni-infoblox "))


# The reader of pages


def test_a_page_is_read_as_people_read_it() -> None:
    text = (
        "Run `cni-infoblox status`, or\n`make\ntest`; `--flag` and `cni-infoblox` are none.\n\n"
        "    first \\\n        --more     # a remark\n\n"
        "```\nsecond | third\n\n```\n```yaml\n# site/x.yaml\nkind: X\n```\n"
    )
    page = read_page("p", text)
    assert [(printed.line, printed.text) for printed in page.commands] == [
        (1, "cni-infoblox status"),
        (2, "make test"),
        (5, "first --more"),
        (9, "second | third"),
    ]
    assert page.files == [("site/x.yaml", "# site/x.yaml\nkind: X\n")]
    with pytest.raises(UnknownFence, match="```python"):
        read_page("p", "```python\n1\n```\n")
