"""Stands in for kubectl and the API server: objects in memory, pods as real processes, commands run inside these.

The machine's own kubectl reads each command line first, so what it would refuse is refused.
"""

from __future__ import annotations

import argparse
import json
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final, NoReturn

import kubernetes_validate
import yaml

from k8s.render import kubectl
from tests.kubelet import ClusterObjects, RunningPod

NOWHERE: Final = ("--server=http://127.0.0.1:1", "--request-timeout=1s")
"""Nobody listens there: a command line that kubectl understands fails with this alone."""
UNREACHED: Final = ("connection refused", "was refused", "couldn't get current server API group list")
UID: Final = "5d2c7c7e-7d0c-4f5e-9d55-2b4a5b0f1c11"
"""Of the namespace kube-system."""
WORKLOADS: Final = ("Deployment", "DaemonSet")
KINDS: Final = {
    "deployment": "Deployment",
    "deploy": "Deployment",
    "daemonset": "DaemonSet",
    "daemonsets": "DaemonSet",
    "configmap": "ConfigMap",
    "events": "Event",
    "lease": "Lease",
    "namespace": "Namespace",
    "pod": "Pod",
}
OF_ALL_PODS: Final[Mapping[str | None, Callable[[Placed], str]]] = {
    "jsonpath={.items[*].metadata.name}": lambda pod: pod.name,
    "jsonpath={.items[*].metadata.namespace}": lambda pod: "kube-system",
}
_SHIM: Final = '#!/bin/sh\nexec {python} {program} {socket} "$@"\n'

Object = dict[str, Any]


class Refused(Exception):
    """kubectl would say no, with this text."""


@dataclass(frozen=True)
class Placed:
    """A running pod of a workload, on a node."""

    workload: Object
    node: str
    running: RunningPod

    @property
    def name(self) -> str:
        """As Kubernetes names pods: by their workload."""
        return f"{self.workload['metadata']['name']}-x7k2p"

    def has(self, labels: str, node: str) -> bool:
        """Whether it has these labels `NAME=VALUE,…`, and is on this node where one is named."""
        own = self.workload["spec"]["template"]["metadata"]["labels"]
        wanted = dict(each.split("=", 1) for each in labels.split(",") if each)
        return wanted.items() <= own.items() and node in ("", self.node)


@dataclass
class Kubectl:
    """Carries out commands on `objects` and `pods`."""

    objects: ClusterObjects
    pods: Sequence[Placed]
    _parser: argparse.ArgumentParser = field(init=False)

    def __post_init__(self) -> None:
        self._parser = _make_parser()

    def run(self, argv: Sequence[str], directory: Path, stdin: str) -> subprocess.CompletedProcess[str]:
        """Do it, in that directory. What a command in a pod gives is given as it is."""
        try:
            _understood(argv, directory, stdin)
            words = list(argv)
            end = words.index("--") if "--" in words else len(words)
            asked, more = self._parser.parse_known_args(words[:end], argparse.Namespace(command=words[end + 1 :]))
            if unknown := [word for word in more if word.startswith("-")]:
                raise Refused(f"the stand-in does not know {unknown}")
            asked.what += more
            done: subprocess.CompletedProcess[str] | str = getattr(self, f"_{asked.verb}")(asked, directory, stdin)
        except (Refused, KeyError, OSError) as error:
            return subprocess.CompletedProcess(argv, 1, "", f"error: {error!r}\n")
        if isinstance(done, str):
            return subprocess.CompletedProcess(argv, 0, f"{done}\n", "")
        return done

    def _create(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        if asked.what:
            data = [f"--from-file={asked.from_file}"] if asked.from_file else []
            data += [f"--from-literal={asked.from_literal}"] if asked.from_literal else []
            made = _real(["create", *asked.what, *data, "--dry-run=client", "-o", "yaml"], directory)
            return self._put(yaml.safe_load_all(made), may_be_there=False)
        return self._put(_read(asked, directory, stdin), may_be_there=False)

    def _apply(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        return self._put(_read(asked, directory, stdin), may_be_there=True)

    def _put(self, several: Iterable[Object | None], *, may_be_there: bool) -> str:
        said = []
        for found in several:
            if not found:
                continue
            kubernetes_validate.validate(found, kubernetes_validate.utils.all_versions()[-1], strict=True)
            kind, name = found["kind"], found["metadata"]["name"]
            if not may_be_there and self.objects.holds(kind, name):
                raise Refused(f"{kind} {name} already exists")
            self.objects.apply([found])
            said.append(f"{kind.lower()}/{name}")
        if not said:
            raise Refused("no objects passed")
        return "\n".join(said)

    def _delete(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        if asked.what:
            kind, name = asked.what
            self.objects.withdraw(KINDS[kind], name)
            return f"{kind} {name} deleted"
        for found in _read(asked, directory, stdin):
            if found:
                self.objects.withdraw(found["kind"], found["metadata"]["name"])
        return "deleted"

    def _get(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        kind, *names = asked.what
        if kind == "pods":
            found = [pod for pod in self.pods if pod.has(asked.labels, asked.field.partition("=")[2])]
            if asked.output in OF_ALL_PODS:
                return " ".join(OF_ALL_PODS[asked.output](pod) for pod in found)
            if not found:
                raise Refused("No resources found")
            return "\n".join(f"pod/{pod.name}" if asked.output == "name" else pod.name for pod in found)
        if (kind, asked.output) == ("namespace", "jsonpath={.metadata.uid}"):
            return UID
        if (kind, asked.output) == ("lease", "jsonpath={.spec.holderIdentity}"):
            return str(self.objects.get("Lease", names[0])["spec"]["holderIdentity"])
        if names:
            return yaml.safe_dump(self.objects.get(KINDS[kind], names[0]))
        return "\n".join(name for held, name in self.objects.names() if held == KINDS[kind])

    def _exec(self, asked: argparse.Namespace, directory: Path, stdin: str) -> subprocess.CompletedProcess[str]:
        return self._pod(asked.what[0]).running.execute(asked.command, stdin)

    def _logs(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        return self._pod(asked.what[0]).running.daemon.log_path.read_text()

    def _rollout(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        _, *several = asked.what
        for each in several:
            kind, _, name = each.partition("/")
            self.objects.get(KINDS[kind], name)
        return "\n".join(several)

    def _annotate(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        chosen = [pod.name for pod in self.pods if pod.has(asked.labels, "")]
        if not chosen or not all("=" in text for text in asked.what[1:]):
            raise Refused("nothing to annotate")
        return "\n".join(f"pod/{name} annotated" for name in chosen)

    def _edit(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        kind, name = asked.what
        self.objects.get(KINDS[kind], name)
        return "edited"

    def _label(self, asked: argparse.Namespace, directory: Path, stdin: str) -> str:
        kind, name = asked.what[:2]
        if name != "kube-system":
            self.objects.get(KINDS[kind], name)
        return "labelled"

    def _pod(self, name: str) -> Placed:
        """A pod by its own name, or any one of a workload."""
        kind, _, rest = name.partition("/")
        for pod in self.pods:
            if name in (pod.name, f"pod/{pod.name}", pod.running.name):
                return pod
            if (KINDS.get(kind), rest) == (pod.workload["kind"], pod.workload["metadata"]["name"]):
                return pod
        raise Refused(f"{name} not found")


class Served:
    """As a context manager: a `kubectl` in `bin_dir` whose calls `kubectl` carries out, one after another."""

    def __init__(self, bin_dir: Path, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._socket = bin_dir / "kubectl.sock"
        self._path = bin_dir / "kubectl"

    def __enter__(self) -> Served:
        program = Path(__file__).with_name("kubectl_asks.py")
        self._path.write_text(_SHIM.format(python=sys.executable, program=program, socket=self._socket))
        self._path.chmod(self._path.stat().st_mode | stat.S_IXUSR)
        self._listener = Listener(str(self._socket), "AF_UNIX")
        self._thread = threading.Thread(target=self._serve, name="kubectl")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with Client(str(self._socket), "AF_UNIX") as connection:
            connection.send_bytes(b"null")
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            with self._listener.accept() as connection:
                asked = json.loads(connection.recv_bytes())
                if asked is None:
                    return
                self._answer(connection, asked)

    def _answer(self, connection: Connection, asked: Mapping[str, Any]) -> None:
        try:
            done = self._kubectl.run(asked["argv"], Path(asked["directory"]), asked["stdin"])
            answer = {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        except Exception as error:  # noqa: BLE001, the command fails, not the stand-in
            answer = {"code": 1, "stdout": "", "stderr": f"the stand-in: {error!r}\n"}
        connection.send_bytes(json.dumps(answer).encode())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"the stand-in does not know this: {message}")


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="kubectl")
    parser.add_argument("-n", dest="namespace")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("annotate", "apply", "create", "delete", "edit", "exec", "get", "label", "logs", "rollout"):
        verb = verbs.add_parser(name)
        verb.add_argument("what", nargs="*")
        verb.add_argument("-A", dest="everywhere", action="store_true")
        verb.add_argument("-f", dest="file")
        verb.add_argument("-k", dest="kustomization")
        verb.add_argument("-l", dest="labels", default="")
        verb.add_argument("-o", dest="output")
        verb.add_argument("-i", "-it", dest="interactive", action="store_true")
        verb.add_argument("--field-selector", dest="field", default="")
        verb.add_argument("--all-namespaces", action="store_true")
        verb.add_argument("--ignore-not-found", action="store_true")
        verb.add_argument("--overwrite", action="store_true")
        verb.add_argument("--cascade")
        verb.add_argument("--from-file", dest="from_file")
        verb.add_argument("--from-literal", dest="from_literal")
    return parser


def _understood(argv: Sequence[str], directory: Path, stdin: str) -> None:
    """Whether the real kubectl understands the command line. Raises `Refused` with what it says else."""
    done = _kubectl([*NOWHERE, *argv], directory, stdin)
    if done.returncode != 0 and not any(words in done.stderr for words in UNREACHED):
        raise Refused(done.stderr.strip())


def _read(asked: argparse.Namespace, directory: Path, stdin: str) -> list[Object | None]:
    if asked.kustomization:
        return list(yaml.safe_load_all(_real(["kustomize", asked.kustomization], directory)))
    if asked.file == "-":
        return list(yaml.safe_load_all(stdin))
    path = directory / asked.file
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return [found for file in files for found in yaml.safe_load_all(file.read_text())]


def _real(argv: Sequence[str], directory: Path) -> str:
    done = _kubectl(argv, directory, "")
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return done.stdout


def _kubectl(argv: Sequence[str], directory: Path, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [kubectl(), *argv], cwd=directory, input=stdin, capture_output=True, text=True, check=False
    )
