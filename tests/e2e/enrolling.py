"""Nodes that enrol with tokens, and peers that try to, for the tests of enrolment."""

from __future__ import annotations

from typing import Any

import zmq

from demo.cluster import Cluster, Plan
from demo.daemons import Daemon
from protocol.keys import KeyPair, generate, load_public
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Enrol, Hello, Message, ShowTicket
from tests.kubernetes_stub import KubernetesStub

PATIENCE_MS = 20_000
FILED = "filed"
"""The node whose key lies in the authorized directory."""


def enrolling_plan(stub: KubernetesStub, *flags: str) -> Plan:
    """A cluster whose coordinator lets nodes enrol, with one node that needs not."""
    tokens = ("--enrol-tokens", "true", "--kubernetes-api", stub.url)
    credentials = ("--kubernetes-credentials", str(stub.credentials))
    return Plan(
        nodes=(FILED,), coordinator_flags=("--release-delay", "0", "--reserve", "0", *tokens, *credentials, *flags)
    )


class EnrollingNode:
    """A node whose agent has nothing but a token and the coordinator's public key."""

    def __init__(self, cluster: Cluster, stub: KubernetesStub, name: str = "node-1") -> None:
        self.cluster = cluster
        self.name = name
        self.stub = stub
        self.node = cluster.nodes.get(name) or cluster.add_node(name)
        self.keys = self.node.directory / "keys"
        self.token_file = stub.token_file(name, stub.cluster.issue(name).token)
        self.coordinator_key = cluster.directory / "coordinator.key"
        self.coordinator_key.write_bytes((cluster.keys / "coordinator" / "coordinator.key").read_bytes())

    def launch(self, *flags: str) -> Daemon:
        """Start the agent without waiting for the coordinator."""
        return self.node.start_agent(
            *("--keys", str(self.keys), "--enrol-token", str(self.token_file)),
            *("--coordinator-key", str(self.coordinator_key)),
            *flags,
        )

    def start(self) -> Daemon:
        """Start the agent, wait until it may send requests."""
        agent = self.launch()
        agent.wait_for("coordinator_reached")
        return agent


class Applicant:
    """A DEALER of the test's own with a fresh key."""

    def __init__(self, cluster: Cluster, pair: KeyPair | None = None) -> None:
        self.pair = pair or generate()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_publickey, self.socket.curve_secretkey = self.pair.public, self.pair.secret
        self.socket.curve_serverkey = load_public(cluster.keys / "coordinator" / "coordinator.key")
        self.socket.connect(cluster.endpoint)

    def ask(self, message: Message) -> Any:
        """The answer to a message."""
        self.socket.send(encode(message))
        return self.hear()

    def hear(self) -> Any:
        """The next message."""
        assert self.socket.poll(PATIENCE_MS), "no answer"
        return decode_to_agent(self.socket.recv())

    def enrol(self, token: str, node: str = "node-1") -> Any:
        """The answer to a token."""
        return self.ask(an_enrol(token, node))

    def show(self, ticket: str, node: str = "node-1") -> Any:
        """The answer to a ticket."""
        return self.ask(ShowTicket(id="ticket-1", node=node, ticket=ticket))

    def greet(self, node: str = "node-1") -> Any:
        """The answer to a hello."""
        who = {"machine": "2" * 8, "boot": "3" * 8, "driver": "infoblox", "journal": "5" * 8}
        return self.ask(Hello(id="hello-1", node=node, **who))

    def close(self) -> None:
        self.socket.close()
        self._context.term()


def an_enrol(token: str, node: str = "node-1") -> Enrol:
    """A message with a token."""
    return Enrol.model_validate({"id": "enrol-1", "node": node, "token": token})
