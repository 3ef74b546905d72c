"""Runs a grid, a coordinator, nodes with their agents, and takes them all down again."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import requests

from demo.cni import Invocation, Outcome, execute, pod_args
from demo.daemons import Daemon, command
from demo.grid import PASSWORD, SimulatedGrid
from demo.links import NETNS_DIRECTORY, Underlay, add_namespace, can_ping, inside, remove_namespace
from demo.socket_directory import socket_directory
from protocol.host_port import HostPort

MAIN_PLUGINS: Final = "/usr/lib/cni"
CLUSTER_NAME: Final = "demo"
REFILL_TIMEOUT_S: Final = 120.0
LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True)
class Plan:
    """What a cluster shall look like. Flags are added to those that it needs anyway.

    `agents_connect_to` names for each coordinator an endpoint that passes on to it; without them agents go there
    directly.
    `agent` and `coordinator` are what runs the daemons where it is not their installed commands.
    `grid` is one that another cluster has started, and will end. `host` is the address of this machine at which
    everything listens; coordinators are on the underlay, where there is one. `beside` has the flags of each
    further coordinator, which come after `coordinator_flags`.
    """

    nodes: Sequence[str] = ("node-1",)
    grid_flags: Sequence[str] = ()
    coordinator_flags: Sequence[str] = ("--release-delay", "0")
    underlay: Underlay | None = None
    agents_connect_to: Sequence[str] = ()
    grid: SimulatedGrid | None = None
    host: str = "127.0.0.1"
    beside: Sequence[Sequence[str]] = ()
    agent: Sequence[str] = field(default_factory=lambda: command("cni-infoblox-agent"))
    coordinator: Sequence[str] = field(default_factory=lambda: command("cni-infoblox-coordinator"))


def network_config(kind: str, **changes: Any) -> dict[str, Any]:
    """A network configuration for a main plugin; `changes` go into its ipam section, None takes a key out."""
    ipam = {"type": "infoblox", "subnet": "10.55.0.0/24", "gateway": "10.55.0.1", **changes}
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "type": kind,
        "ipam": {name: value for name, value in ipam.items() if value is not None},
    }


class Node:
    """A node: its agent, its directories, its network namespace where the cluster has an underlay."""

    def __init__(self, cluster: Cluster, name: str, socket_dir: Path, namespace: str | None) -> None:
        self.name = name
        self.namespace = namespace
        self._cluster = cluster
        self.directory = cluster.directory / name
        self.socket_dir = socket_dir
        self.run_dir = self.directory / "run"
        self.bin_dir = self.directory / "bin"
        for directory in (self.directory, self.bin_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        self.agent: Daemon | None = None
        self.install_plugin()

    @property
    def plugin(self) -> str:
        """The installed plugin."""
        return str(self.bin_dir / "infoblox")

    @property
    def cni_path(self) -> str:
        """Where main plugins look for ours."""
        return str(self.bin_dir)

    @property
    def socket(self) -> Path:
        """Where the agent serves."""
        return self.socket_dir / "infoblox.sock"

    def install_plugin(self) -> None:
        """Put our plugin beside links to the main plugins of the machine."""
        argv = [*command("cni-infoblox"), "install", "--cni-bin-dir", str(self.bin_dir)]
        subprocess.run(argv, check=True, capture_output=True)
        if os.path.isdir(MAIN_PLUGINS):
            for name in os.listdir(MAIN_PLUGINS):
                (self.bin_dir / name).symlink_to(os.path.join(MAIN_PLUGINS, name))

    def start_agent(self, *flags: str, launcher: Sequence[str] | None = None) -> Daemon:
        """Start the agent, wait until it serves. `launcher` takes the place of its command."""
        agent = self.launch_agent(*flags, launcher=launcher)
        agent.wait_for("serving")
        return agent

    def launch_agent(self, *flags: str, launcher: Sequence[str] | None = None) -> Daemon:
        """Start the agent without waiting for it."""
        argv = [
            *(launcher or self._cluster.plan.agent),
            *(part for endpoint in self._cluster.where_to_connect for part in ("--coordinator", endpoint)),
            *("--keys", str(self._cluster.keys / self.name)),
            *("--node-name", self.name),
            *("--socket-dir", str(self.socket_dir)),
            *("--run-dir", str(self.run_dir)),
            *("--status-listen", self._cluster.anywhere, "--log-format", "json", "--log-level", "debug"),
            *flags,
        ]
        if self.namespace:
            argv = inside(self.namespace, argv)
        self.agent = Daemon(argv, {}, self.directory / "agent.log")
        return self.agent

    def status(self) -> Any:
        """What the agent that runs now says on `/status`, where it shares this process's network."""
        assert self.agent
        port = self.agent.wait_for("status_listening")["port"]
        return requests.get(f"{self._cluster.status_url(port)}/status", timeout=10).json()

    def wait_until_ready(self, count: int, network: str = "pods") -> None:
        """Wait until the agent has so many addresses of a network ready: the grid shows each a moment before."""
        assert self.agent
        deadline_s = time.monotonic() + REFILL_TIMEOUT_S
        while count > sum(each["ready"] for each in self.status()["reserve"] if each["network"] == network):
            assert time.monotonic() < deadline_s, self.agent.tail()
            time.sleep(LOOK_EVERY_S)

    def config(self, kind: str = "bridge", **changes: Any) -> dict[str, Any]:
        """A network configuration; `changes` go into its ipam section, None takes a key out."""
        return network_config(kind, **{"socket-dir": str(self.socket_dir), **changes})

    def ipam(self, invocation: Invocation, config: Mapping[str, Any] | bytes | None = None) -> Outcome:
        """Execute our plugin as a main plugin would."""
        return execute([self.plugin], invocation, self.config() if config is None else config)

    def runtime(self, kind: str, invocation: Invocation, config: Mapping[str, Any]) -> Outcome:
        """Execute a main plugin on this node as a runtime would."""
        argv = [str(self.bin_dir / kind)]
        return execute(inside(self.namespace, argv) if self.namespace else argv, invocation, config)


class PodNode(Protocol):
    """Where pods can be: it has a name, plugins, a way to execute them."""

    @property
    def name(self) -> str: ...

    @property
    def cni_path(self) -> str: ...

    def runtime(self, kind: str, invocation: Invocation, config: Mapping[str, Any]) -> Outcome: ...


@dataclass
class Pod:
    """A pod in a network namespace of its own.

    `config` makes its interface `eth0`; `secondary` are the configurations of further ones by their names, as
    Multus adds them.
    """

    node: PodNode
    name: str
    config: Mapping[str, Any]
    namespace: str = "default"
    container_id: str = field(default_factory=lambda: secrets.token_hex(32))
    address: str = ""
    secondary: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def netns_name(self) -> str:
        """The name of its network namespace."""
        return f"pod-{self.container_id[:12]}"

    def add(self) -> Outcome:
        """Make the namespace, then ADD through each main plugin. It is the outcome of eth0, or the failed one."""
        path = add_namespace(self.netns_name)
        first = self._invoke("ADD", "eth0", self.config, path)
        if first.ok:
            self.address = first.address
        outcomes = (self._invoke("ADD", ifname, config, path) for ifname, config in self.secondary.items())
        return first if not first.ok else next((each for each in outcomes if not each.ok), first)

    def delete(self) -> Outcome:
        """DEL through each main plugin, then remove the namespace. The outcome is the one that failed, if any."""
        path = f"{NETNS_DIRECTORY}/{self.netns_name}"
        interfaces = {"eth0": self.config, **self.secondary}
        outcomes = [self._invoke("DEL", ifname, config, path) for ifname, config in reversed(interfaces.items())]
        remove_namespace(self.netns_name)
        return next((each for each in outcomes if not each.ok), outcomes[-1])

    def can_reach(self, address: str) -> bool:
        """Whether an address answers the pod's ping."""
        return can_ping(self.netns_name, address)

    def _invoke(self, verb: str, ifname: str, config: Mapping[str, Any], netns: str) -> Outcome:
        args = pod_args(self.namespace, self.name, self.container_id, f"uid-{self.container_id[:8]}")
        invocation = Invocation(verb, self.container_id, ifname, netns, args, path=self.node.cni_path)
        return self.node.runtime(str(config["type"]), invocation, config)


@dataclass
class Replica:
    """A place for a coordinator: there each one that is started takes the place of the one before."""

    log_path: Path
    operator_socket: Path
    flags: Sequence[str] = ()
    endpoint: str = ""
    daemon: Daemon | None = None


class Cluster:
    """Everything, as a context manager. Daemons may be stopped, killed and started anew in between."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory = directory
        self.plan = plan
        self.keys = directory / "keys"
        names = ["coordinator", *(f"coordinator-{number}" for number, _ in enumerate(plan.beside, start=2))]
        flags = zip(names, ((), *plan.beside), strict=True)
        self.replicas = [
            Replica(directory / f"{name}.log", directory / f"{name}.sock", own) for name, own in flags
        ]
        self.nodes: dict[str, Node] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            socket_dirs = {name: stack.enter_context(socket_directory(name)) for name in self.plan.nodes}
            stack.callback(self.stop)
            names = [flag for name in self.plan.nodes for flag in ("--node", name)]
            argv = [*command("cni-infoblox"), "keys", "init", str(self.keys), *names]
            subprocess.run(argv, check=True, capture_output=True)
            flags = ("--listen", self.anywhere, *self.plan.grid_flags)
            self.grid = self.plan.grid or SimulatedGrid(self.directory / "grid", *flags)
            for number in range(len(self.replicas)):
                self.start_coordinator(replica=number)
            for name in self.plan.nodes:
                namespace = self.plan.underlay.add_node(name) if self.plan.underlay else None
                self.nodes[name] = Node(self, name, socket_dirs[name], namespace)
                self.nodes[name].start_agent()
            for name in self.plan.nodes:
                self.wait_connected(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def anywhere(self) -> str:
        """A free port of this machine."""
        return str(HostPort(self.plan.host, 0))

    def status_url(self, port: int) -> str:
        """Where the daemon with this status port answers, if it shares this process's network."""
        return f"http://{HostPort(self.plan.host, port)}"

    @property
    def _new_endpoint(self) -> str:
        return HostPort(self.plan.underlay.address if self.plan.underlay else self.plan.host, 0).endpoint

    @property
    def coordinator(self) -> Daemon | None:
        """The coordinator, the first of several."""
        return self.replicas[0].daemon

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return self.replicas[0].endpoint

    @property
    def operator_socket(self) -> Path:
        """Where it answers people's commands."""
        return self.replicas[0].operator_socket

    def serving(self, node: str) -> int:
        """The number of the coordinator that welcomed this node last, waited for if need be."""
        agent = self.nodes[node].agent
        assert agent
        agent.wait_for("coordinator_reached")
        address = [line["coordinator"] for line in agent.lines if line.get("event") == "coordinator_reached"][-1]
        return self.where_to_connect.index(address)

    @property
    def where_to_connect(self) -> list[str]:
        """The endpoints that an agent is told, one for each coordinator."""
        return [*self.plan.agents_connect_to] or [each.endpoint for each in self.replicas]

    @property
    def node(self) -> Node:
        """The first node."""
        return next(iter(self.nodes.values()))

    def add_node(self, name: str) -> Node:
        """One more node, on which nothing runs yet."""
        socket_dir = self._stack.enter_context(socket_directory(name))
        self.nodes[name] = Node(self, name, socket_dir, None)
        return self.nodes[name]

    def wait_connected(self, node: str) -> None:
        """Wait until the coordinator, of several the one that serves this node, has heard its hello."""
        number = self.serving(node) if len(self.replicas) > 1 else 0
        daemon = self.replicas[number].daemon
        assert daemon
        daemon.wait_for("node_connected", lambda line: bool(line["node"] == node))

    def start_coordinator(
        self, *flags: str, launcher: Sequence[str] | None = None, password: str = PASSWORD, replica: int = 0
    ) -> Daemon:
        """Start a coordinator, wait until it listens. It comes back under the address that it had."""
        coordinator = self.launch_coordinator(*flags, launcher=launcher, password=password, replica=replica)
        self.replicas[replica].endpoint = coordinator.wait_for("started")["listen"]
        return coordinator

    def launch_coordinator(
        self, *flags: str, launcher: Sequence[str] | None = None, password: str = PASSWORD, replica: int = 0
    ) -> Daemon:
        """Start a coordinator without waiting for it."""
        place = self.replicas[replica]
        argv = [
            *(launcher or self.plan.coordinator),
            *("--grid-host", self.plan.host, "--wapi-port", str(self.grid.port), "--wapi-username", "admin"),
            *("--ssl-verify", self.grid.certificate, "--cluster-name", CLUSTER_NAME),
            *("--keys", str(self.keys / "coordinator"), "--listen", place.endpoint or self._new_endpoint),
            *("--status-listen", self.anywhere, "--log-format", "json", "--log-level", "debug"),
            *("--operator-socket", str(place.operator_socket)),
            *self.plan.coordinator_flags,
            *place.flags,
            *flags,
        ]
        place.daemon = Daemon(argv, {"WAPI_PASSWORD": password}, place.log_path)
        return place.daemon

    def stop(self) -> None:
        """End every daemon that still runs, the nodes' first; one that does not end keeps no other running."""
        with ExitStack() as stack:
            if hasattr(self, "grid") and self.plan.grid is None:
                stack.callback(self.grid.stop)
            for replica in self.replicas:
                if replica.daemon:
                    stack.callback(replica.daemon.stop)
            for node in self.nodes.values():
                if node.agent:
                    stack.callback(node.agent.stop)
