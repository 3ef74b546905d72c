"""`cni-infoblox keys init`: makes the key files of a coordinator with its nodes.

`DIR/coordinator` is for the coordinator's machine, `DIR/NODE` for that node. Secrets ought to be carried away to
where they belong, so a missing one is no reason for a new key: what exists is kept. Beside the coordinator's key
lies the cluster's id, by which the grid's objects are its own. With `--kubernetes` there are no files: keys and id
are printed as Kubernetes objects, and nodes enrol by themselves.
"""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from ctl import kubernetes_keys
from ctl.failures import BadArgument, Failed
from ctl.terminal import output
from ctl.terminal.output import Output
from daemon import files
from protocol import keys
from protocol.cluster_id import (
    CLUSTER_ID_FILE,
    KUBERNETES_UID,
    is_cluster_id,
    read_cluster_id,
)

COORDINATOR = "coordinator"
NODE_NAME_LENGTH_MAX = 253
NAMESPACE_LENGTH_MAX = 63
DIRECTORY_MODE = 0o700
CLUSTER_ID_MODE = 0o644

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NODE_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAMESPACE = re.compile(rf"(?=.{{1,{NAMESPACE_LENGTH_MAX}}}$){_LABEL}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    subcommands = parser.add_subparsers(required=True, metavar="init")
    init = subcommands.add_parser("init", help="make key files, or add nodes to those that exist")
    init.add_argument(
        "directory", type=Path, nargs="?", metavar="DIR", help="where the files go, one directory per machine"
    )
    init.add_argument(
        "--node",
        action="append",
        metavar="NAME",
        help="a node, by the name that its agent gives; repeat",
    )
    init.add_argument(
        "--kubernetes",
        action="store_true",
        help="print the coordinator's keys as a Secret with a ConfigMap instead, a new pair each time",
    )
    init.add_argument("--namespace", metavar="NAME", help="of these objects (kube-system)")
    init.add_argument(
        "--cluster-uid",
        metavar="UID",
        help="with --kubernetes: that of the namespace kube-system, so that no other cluster can use a copy",
    )
    init.add_argument("--cluster-id", metavar="ID", help="with --kubernetes: the id of before, for new keys only")
    output.add_argument(init)
    init.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make what is missing, and say what was done."""
    if arguments.kubernetes:
        return _print_objects(arguments)
    for flag in ("namespace", "cluster_uid", "cluster_id"):
        if getattr(arguments, flag):
            raise BadArgument(f"--{flag.replace('_', '-')}: belongs to --kubernetes")
    if arguments.directory is None or not arguments.node:
        raise BadArgument("DIR with one --node NAME at least is required, or --kubernetes")
    nodes: Sequence[str] = list(dict.fromkeys(arguments.node))
    for node in nodes:
        check_node_name(node)
    directory: Path = arguments.directory
    out = Output(arguments.output)
    coordinator_public = _coordinator(out, directory / COORDINATOR)
    for node in nodes:
        _node(out, directory, node, coordinator_public)
    return 0


def _print_objects(arguments: argparse.Namespace) -> int:
    if arguments.directory is not None or arguments.node:
        raise BadArgument("--kubernetes: leaves no files, so there is no DIR and no --node")
    if arguments.output != output.TEXT:
        raise BadArgument("--output: --kubernetes prints YAML for 'kubectl create -f -'")
    namespace = arguments.namespace or kubernetes_keys.NAMESPACE
    if not _NAMESPACE.fullmatch(namespace):
        raise BadArgument(f"--namespace {namespace[:NAMESPACE_LENGTH_MAX]!r}: is no name of a namespace")
    uid = arguments.cluster_uid or ""
    if uid and not KUBERNETES_UID.fullmatch(uid):
        raise BadArgument(f"--cluster-uid {uid[:80]!r}: is no UID of a Kubernetes namespace")
    if arguments.cluster_id and not is_cluster_id(arguments.cluster_id):
        raise BadArgument(f"--cluster-id {arguments.cluster_id[:80]!r}: must be 12 hexadecimal digits")
    given = arguments.cluster_id
    cluster = kubernetes_keys.Cluster(given or _draw_cluster_id(), uid, is_new=not given)
    print(kubernetes_keys.objects(keys.generate(), cluster, namespace), end="")
    return 0


def check_node_name(node: str) -> None:
    """Raise `BadArgument` for a name that no Kubernetes node can have, or that is taken."""
    if len(node) > NODE_NAME_LENGTH_MAX or not _NODE_NAME.fullmatch(node):
        rule = "a node's name has lower-case letters, digits, '-', '.' (an RFC 1123 subdomain)"
        raise BadArgument(f"--node {node[:NODE_NAME_LENGTH_MAX]!r}: {rule}")
    if node == COORDINATOR:
        raise BadArgument(f"--node {node}: this name is the coordinator's directory")


def _coordinator(out: Output, directory: Path) -> bytes:
    for path in (directory.parent, directory, directory / "authorized"):
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    public, secret = directory / "coordinator.key", directory / "coordinator.key_secret"
    if public.exists() and not secret.exists():
        told = f"{COORDINATOR}: kept {public}, its secret is no longer here"
        out.did(told, "kept", machine=COORDINATOR, path=str(public))
        return keys.load_public(public)
    known = secret.exists()
    pair = _pair(directory, "coordinator")
    done = "kept" if known else "made"
    out.did(f"{COORDINATOR}: {done} {secret}", done, machine=COORDINATOR, path=str(secret))
    _cluster_id(out, directory / CLUSTER_ID_FILE)
    return pair.public


def _cluster_id(out: Output, path: Path) -> None:
    """The id of all that the grid holds of this cluster: another one would own nothing of it."""
    done = "kept" if path.exists() else "made"
    if done == "made":
        files.replace(path, f"{_draw_cluster_id()}\n".encode(), CLUSTER_ID_MODE)
    cluster_id = read_cluster_id(path)
    told = f"{COORDINATOR}: {done} {path}, {cluster_id}"
    out.did(told, done, machine=COORDINATOR, path=str(path), cluster_id=cluster_id)


def _draw_cluster_id() -> str:
    return secrets.token_hex(6)


def _node(out: Output, directory: Path, node: str, coordinator_public: bytes) -> None:
    home, authorized = directory / node, directory / COORDINATOR / "authorized"
    secret, admitted = home / "agent.key_secret", authorized / f"{node}.key"
    if admitted.exists() and not secret.exists():
        told = f"{node}: kept, its secret is no longer here; for a new key remove {admitted}"
        out.did(told, "kept", machine=node, path=str(admitted))
        return
    known = secret.exists()
    home.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    pair = _pair(home, "agent")
    _public(home, "coordinator", coordinator_public)
    _public(authorized, node, pair.public)  # last, so that whoever is authorized has all files
    done = "kept" if known else "made"
    told = f"{node}: {done} {secret}, authorized by {admitted}"
    out.did(told, done, machine=node, path=str(secret), authorized_by=str(admitted))


def _pair(directory: Path, name: str) -> keys.KeyPair:
    """The pair of that name, made where there is none."""
    secret, public = directory / f"{name}.key_secret", directory / f"{name}.key"
    if secret.exists():
        pair = keys.load_pair(secret)
        _public(directory, name, pair.public)
        return pair
    if public.exists():
        raise Failed(f"{public}: its secret {secret.name} is missing; put it back, or remove both for a new key")
    pair = keys.generate()
    keys.write_pair(directory, name, pair)
    return pair


def _public(directory: Path, name: str, public: bytes) -> None:
    """Make sure that the public key lies there; another one in its place is never overwritten."""
    path = directory / f"{name}.key"
    if not path.exists():
        keys.write_public(directory, name, public)
    elif keys.load_public(path) != public:
        raise Failed(
            f"{path}: holds another key than expected; if it is out of date, remove it and run this again"
        )
