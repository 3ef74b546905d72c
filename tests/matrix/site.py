"""One cluster in which rows of the matrix are run, with a bystander: a pod that nothing may ever touch."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, Outcome, pod_args
from demo.daemons import Daemon
from demo.grid import ea
from demo.links import add_interface, add_namespace, remove_namespace
from tests.e2e.hurry import impatient_agent
from tests.matrix.relay import Relay

IFNAME: Final = "eth0"
NETWORK: Final = "pods"
WIDE: Final = {"subnet": "10.56.0.0/16", "gateway": "10.56.0.1"}
"""Wide enough for a reserve of each network configuration: at most a twentieth of a subnet is kept ready."""
GC_VERSION: Final = "1.1.0"
CONNECT_TIMEOUT_S: Final = 90.0
RELEASED_TIMEOUT_S: Final = 120.0
LOOK_EVERY_S: Final = 0.05


class Site:
    """The cluster, as a context manager. All ways are relays: agent to coordinators, coordinators to grid.

    All coordinators have the same further flags. An ADD for which the agent finds none is answered within seconds.
    """

    def __init__(self, directory: Path, coordinators: int = 1, flags: Sequence[str] = ()) -> None:
        self._numbers = itertools.count(1)
        self._stack = ExitStack()
        self._namespaces: dict[str, str] = {}
        self._living: set[str] = set()
        self.to_grid = Relay(lambda: self.cluster.grid.port)
        self.to_coordinators = [Relay(partial(self._port_of, number)) for number in range(coordinators)]
        plan = Plan(
            coordinator_flags=("--release-delay", "0", "--wapi-port", str(self.to_grid.port), *flags),
            beside=[()] * (coordinators - 1),
            agents_connect_to=[f"tcp://127.0.0.1:{relay.port}" for relay in self.to_coordinators],
            agent=impatient_agent(),
        )
        self.cluster = Cluster(directory, plan)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._remove_namespaces)
            for relay in (self.to_grid, *self.to_coordinators):
                stack.callback(relay.close)
            stack.enter_context(self.cluster)
            self.wait_until_connected()
            self._bystander = self.new_container("bystander")
            outcome = self.add(self._bystander)
            assert outcome.ok, outcome
            self._bystanders_address = outcome.address
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def node(self) -> Node:
        """The only node."""
        return self.cluster.node

    def usual_names(self) -> list[tuple[str, str]]:
        """Directories of this site with the names that they have on an ordinary node."""
        return [(str(self.node.socket_dir), "/run/cni"), (str(self.node.run_dir), "/run/cni-infoblox")]

    # What a runtime does

    def new_container(self, kind: str) -> str:
        """A container with a network namespace of its own, in which an interface has a MAC of its own."""
        number = next(self._numbers)
        container, name = f"{kind}-{number}", f"ibmatrix-{secrets.token_hex(4)}"
        self._namespaces[container] = name
        add_namespace(name)
        add_interface(name, IFNAME, f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")
        return container

    def end_namespace(self, container: str) -> None:
        """The container is gone, its network namespace with it."""
        remove_namespace(self._namespaces[container])
        self._living.discard(container)

    def add(self, container: str, network: str = NETWORK, **ipam: Any) -> Outcome:
        """ADD, in the network configuration of this name."""
        self._living.add(container)
        netns = f"/run/netns/{self._namespaces[container]}"
        args = pod_args("matrix", container, container, f"uid-{container}")
        config = {**self._config(**ipam), "name": network}
        return self.node.ipam(Invocation("ADD", container, IFNAME, netns, args), config)

    def delete(self, container: str, network: str = NETWORK, **ipam: Any) -> Outcome:
        """DEL."""
        self._living.discard(container)
        return self.node.ipam(Invocation("DEL", container, IFNAME), {**self._config(**ipam), "name": network})

    def collect_garbage(self, network: str = NETWORK, **ipam: Any) -> Outcome:
        """GC in the network configuration of this name, with a list of what lives."""
        living = [{"containerID": container, "ifname": IFNAME} for container in sorted(self._living)]
        config = {
            **self._config(**ipam),
            "name": network,
            "cniVersion": GC_VERSION,
            "cni.dev/valid-attachments": living,
        }
        return self.node.ipam(Invocation("GC", None, None), config)

    def status(self, **ipam: Any) -> Outcome:
        """STATUS."""
        return self.node.ipam(Invocation("STATUS", None, None), {**self._config(**ipam), "cniVersion": GC_VERSION})

    def _config(self, **ipam: Any) -> dict[str, Any]:
        return self.node.config(**{**WIDE, **ipam})

    # What there is to see

    def addresses(self, container: str) -> list[str]:
        """What the grid holds for a container."""
        return [address for address, found in self.cluster.grid.pods().items() if ea(found, "VM ID") == container]

    def holds(self, address: str) -> bool:
        """Whether the grid holds this address for us, whatever its label."""
        return any(
            each["ipv4addr"] == address and ea(each, "Allocation ID") for each in self.cluster.grid.objects()
        )

    def wait_until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something about the grid holds; `timeout_s` between two calls."""
        return self.cluster.grid.wait_until(holds, timeout_s)

    def wait_until_gone(self, container: str, timeout_s: float) -> bool:
        """Wait until the grid holds nothing for a container; `timeout_s` between two calls."""
        return self.cluster.grid.wait_until(lambda: not self.addresses(container), timeout_s)

    def complaints(self) -> list[str]:
        """What is wrong when all should be well: the bystander has its address, and nobody else has any."""
        held = {address: ea(found, "VM ID") for address, found in self.cluster.grid.pods().items()}
        expected = {self._bystanders_address: self._bystander}
        return [] if held == expected else [f"the grid holds {held} instead of {expected}"]

    def bystander_is_held(self) -> bool:
        """Whether the grid holds the bystander's address, once."""
        return self.addresses(self._bystander) == [self._bystanders_address]

    # Daemons, and the ways between them

    @property
    def struck(self) -> int:
        """The number of the coordinator that a row speaks of."""
        return 0

    def running(self, number: int) -> Daemon:
        """The coordinator of this number that runs now, or ran last."""
        daemon = self.cluster.replicas[number].daemon
        assert daemon
        return daemon

    def cut_ways(self) -> None:
        """End the connections between agent and coordinators."""
        for relay in self.to_coordinators:
            relay.cut()

    def silence_ways(self) -> None:
        """Connections between them stay, and nothing passes any more."""
        for relay in self.to_coordinators:
            relay.silence()

    def open_ways(self) -> None:
        """Let pass what they say, on new connections."""
        self.cut_ways()
        for relay in self.to_coordinators:
            relay.open()

    def make_whole(self) -> None:
        """Start what is not running, and wait until the node is connected."""
        assert self.node.agent
        for number in range(len(self.cluster.replicas)):
            if self.running(number).process.poll() is not None:
                self.cluster.start_coordinator(replica=number)
        if self.node.agent.process.poll() is not None:
            self.node.start_agent()
        self.wait_until_connected()

    def wait_until_connected(self) -> None:
        """Wait until the agent that runs now and the coordinator that runs now have met."""
        assert self.node.agent
        self.running(0).wait_for("node_connected", timeout_s=CONNECT_TIMEOUT_S)
        self.node.agent.wait_for("coordinator_reached", timeout_s=CONNECT_TIMEOUT_S)

    def wait_until_released(self) -> None:
        """Wait until the agent has no release under way, so that the next one that it makes is another's."""
        assert self.node.agent
        deadline_s = time.monotonic() + RELEASED_TIMEOUT_S
        while self.node.status()["allocations"]["let_go"]:
            assert time.monotonic() < deadline_s, self.node.agent.tail()
            time.sleep(LOOK_EVERY_S)

    def _remove_namespaces(self) -> None:
        for name in self._namespaces.values():
            remove_namespace(name)

    def _port_of(self, number: int) -> int:
        return int(self.cluster.replicas[number].endpoint.rpartition(":")[2])
